/* SPDX-License-Identifier: MIT
 *
 * A thread that is cancelled, but has not come to a cancellation point, misuses a block: the
 * process says what it found and ends by SIGABRT, even where the program's handler for that has
 * cancellation points. The argument says how the block is misused.
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

static char *volatile block, *volatile front, *volatile behind;

static void overrun(void)
{
    memset(front + malloc_usable_size(front), 'A', 24);
    free(front);
    free(block);
    free(behind);
}

static void free_twice(void)
{
    free(block);
    free(block);
}

static void free_inner(void)
{
    free(block + 16);
}

static void resize_freed(void)
{
    free(block);
    block = realloc(block, 5000);
}

static void measure_freed(void)
{
    free(block);
    CHECK_GE_UINT(malloc_usable_size(block), 1);
}

static const struct misuse {
    const char *name;
    void (*misuse)(void);
} misuses[] = {{"overrun", overrun},
               {"double_free", free_twice},
               {"inner", free_inner},
               {"realloc", resize_freed},
               {"usable_size", measure_freed}};

static const struct misuse *chosen;

static void *misuse_cancelled(void *unused)
{
    pthread_cancel(pthread_self());
    chosen->misuse();
    return unused;
}

static void report_abort(int number)
{
    (void)number;
    if (write(STDERR_FILENO, "handler\n", 8) != 8)
        _exit(3);
}

_Noreturn static void run_child(size_t size, int errors)
{
    pthread_t thread;
    alarm(10);
    dup2(errors, STDERR_FILENO);
    signal(SIGABRT, report_abort);
    front = malloc(size);
    block = malloc(size);
    behind = malloc(size);
    pthread_create(&thread, NULL, misuse_cancelled, NULL);
    pthread_join(thread, NULL);
    _exit(0);
}

static void expect_message(size_t size)
{
    char text[16384] = "";
    size_t length = 0;
    ssize_t got;
    int ends[2], status = 0;
    check_note("the size", size);
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        run_child(size, ends[1]);
    close(ends[1]);
    while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(ends[0]);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_TRUE(WIFSIGNALED(status));
    CHECK_EQ_INT(WTERMSIG(status), SIGABRT);
    CHECK_EQ_INT(strncmp(text, "brkmalloc: ", 11), 0);
    CHECK_NOT_NULL(strstr(text, "handler\n"));
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {24, 1000, 20000, 1 << 20};
    door_require(argc, argv);
    CHECK_TRUE(argc > 2);
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
        if (strcmp(argv[2], misuses[i].name) == 0)
            chosen = &misuses[i];
    CHECK_NOT_NULL(chosen);
    /* Behind a mapped block lies what belongs to nobody. */
    size_t count = chosen->misuse == overrun ? 3 : 4;
    for (size_t i = 0; i < count; i++)
        expect_message(sizes[i]);
    return door_done();
}
