/* SPDX-License-Identifier: MIT
 *
 * With no memory left at all, every function that allocates fails in its own documented way and
 * changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"
#include "limits.h"

enum { text_length = 200000 };

#define CHECK_NO_MEMORY(call)        \
    do {                             \
        errno = 0;                   \
        CHECK_EQ_PTR((call), NULL);  \
        CHECK_EQ_INT(errno, ENOMEM); \
    } while (0)

static void *run(void *unused)
{
    return unused;
}

/* A cache may still have a small block. */
#define CHECK_NO_MEMORY_OR_FREE(call)                  \
    do {                                               \
        void *block_;                                  \
        errno = 0;                                     \
        block_ = (call);                               \
        CHECK_TRUE(block_ != NULL || errno == ENOMEM); \
        free(block_);                                  \
    } while (0)

static void small_blocks(size_t size)
{
    CHECK_NO_MEMORY_OR_FREE(malloc(size));
    CHECK_NO_MEMORY_OR_FREE(calloc(1, size));
    CHECK_NO_MEMORY_OR_FREE(realloc(NULL, size));
    CHECK_NO_MEMORY_OR_FREE(memalign(64, size));
    CHECK_NO_MEMORY_OR_FREE(aligned_alloc(256, size));
}

static void large_blocks(size_t size)
{
    void *untouched = &untouched;
    check_note("size", size);
    CHECK_NO_MEMORY(malloc(size));
    CHECK_NO_MEMORY(calloc(1, size));
    CHECK_NO_MEMORY(calloc(size, 1));
    CHECK_NO_MEMORY(realloc(NULL, size));
    CHECK_NO_MEMORY(reallocarray(NULL, size, 1));
    CHECK_NO_MEMORY(memalign(256, size));
    CHECK_NO_MEMORY(aligned_alloc(4096, size));
    CHECK_NO_MEMORY(valloc(size));
    CHECK_NO_MEMORY(pvalloc(size));
    errno = 0;
    CHECK_EQ_INT(posix_memalign(&untouched, 64, size), ENOMEM);
    CHECK_EQ_PTR(untouched, &untouched);
}

static void malloc_family(void)
{
    for (size_t size = 1; size < 5000; size = size * 3 / 2 + 1)
        small_blocks(size);
    for (size_t size = 100000; size < 100000000; size *= 5)
        large_blocks(size);
}

static void kept_blocks(void *small, void *large)
{
    char *bytes = small;
    CHECK_NO_MEMORY(realloc(small, 10000000));
    CHECK_NO_MEMORY(realloc(large, 50000000));
    CHECK_NO_MEMORY(reallocarray(small, 1000000, 10));
    for (int i = 0; i < 100; i++)
        CHECK_EQ_INT(bytes[i], 's');
    bytes = large;
    for (int i = 0; i < 1000000; i++)
        CHECK_EQ_INT(bytes[i], 'l');
}

static void libc_functions(const char *text)
{
    char *joined = NULL;
    FILE *stream;
    DIR *folder;
    pthread_t thread;
    CHECK_NO_MEMORY(strdup(text));
    CHECK_NO_MEMORY(strndup(text, text_length - 100));
    errno = 0;
    CHECK_EQ_INT(asprintf(&joined, "%s%s", text, text), -1);
    CHECK_EQ_INT(setenv("BRKM_TEST_VARIABLE", text, 1), -1);
    CHECK_EQ_INT(pthread_create(&thread, NULL, run, NULL), EAGAIN);
    errno = 0;
    stream = fopen("/dev/null", "r");
    CHECK_TRUE(stream != NULL || errno == ENOMEM);
    if (stream != NULL)
        CHECK_EQ_INT(fclose(stream), 0);
    errno = 0;
    folder = opendir("/");
    CHECK_TRUE(folder != NULL || errno == ENOMEM);
    if (folder != NULL)
        CHECK_EQ_INT(closedir(folder), 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    static char text[text_length + 1];
    void *list = NULL;
    char *small;
    char *large;
    door_require(argc, argv);
    memset(text, 't', text_length);
    small = malloc(100);
    large = malloc(1000000);
    CHECK_NOT_NULL(small);
    CHECK_NOT_NULL(large);
    memset(small, 's', 100);
    memset(large, 'l', 1000000);
    limit_memory(what, 32u << 20);
    for (int round = 0; round < 3; round++) {
        exhaust_all(&list);
        malloc_family();
        kept_blocks(small, large);
        libc_functions(text);
        CHECK_EQ_INT(door_check_heap(), 0);
        release_all(&list);
        churn((unsigned)round, 3000);
    }
    unlimit_memory(what);
    small = realloc(small, 5000000);
    large = realloc(large, 5000000);
    CHECK_TRUE(small != NULL && small[99] == 's');
    CHECK_TRUE(large != NULL && large[999999] == 'l');
    free(small);
    free(large);
    return door_done();
}
