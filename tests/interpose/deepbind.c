/* SPDX-License-Identifier: MIT
 *
 * A library loaded with RTLD_DEEPBIND hands out memory of libc's malloc, which the program resizes
 * and frees: deepbind LIBRARY ignore or forward, as the option foreign says. Small blocks of libc
 * lie between those of the heap, large ones among the mapped.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

enum { count = 300 };

static char *(*text_of)(const char *text);

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    CHECK_NOT_NULL(library);
    void *symbol = dlsym(library, "deepbind_text");
    CHECK_NOT_NULL(symbol);
    memcpy(&text_of, &symbol, sizeof symbol);
}

static void check_one(const char *expected, int forwards)
{
    size_t size = strlen(expected) + 1;
    char *text = text_of(expected);
    CHECK_TRUE(forwards ? malloc_usable_size(text) >= size : malloc_usable_size(text) == 0);
    errno = 0;
    char *larger = realloc(text, 3 * size);
    if (forwards) {
        text = larger;
        CHECK_NOT_NULL(text);
        memset(text + size, 1, 2 * size);
    } else {
        CHECK_TRUE(larger == NULL);
        CHECK_EQ_INT(errno, ENOMEM);
    }
    CHECK_EQ_INT(memcmp(text, expected, size), 0);
    errno = 77;
    free(text);
    CHECK_EQ_INT(errno, 77);
    CHECK_EQ_INT(forwards || memcmp(text, expected, size) == 0, 1);
}

/* As where the option is not given. */
static void check_abort(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        free(text_of("a short text"));
        _exit(0);
    }
    CHECK_TRUE(waitpid(child, &status, 0) == child);
    CHECK_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int argc, char **argv)
{
    static char long_text[300000];
    static char *own[count];
    door_require(argc, argv);
    CHECK_TRUE(argc > 3);
    int forwards = strcmp(argv[3], "forward") == 0;
    load(argv[2]);
    if (strcmp(argv[3], "abort") == 0) {
        check_abort();
        return door_done();
    }
    memset(long_text, 'x', sizeof long_text - 1);
    for (size_t i = 0; i < count; i++) {
        own[i] = malloc(i * 100 + 1);
        own[i][i * 100] = (char)i;
        check_one("a short text", forwards);
        check_one(i % 20 == 0 ? long_text : long_text + sizeof long_text - 2000, forwards);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ_INT(own[i][i * 100], (char)i);
        free(own[i]);
    }
    return door_done();
}
