/* SPDX-License-Identifier: MIT
 *
 * Work between two marks in the list of system calls, for system_calls.py. The argument says what.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static void mark(void)
{
    CHECK_EQ_INT(write(-1, "mark", 4), -1);
}

static void allocate(void)
{
    enum { count = 20000 };
    static char *blocks[count];
    churn(1, 5000);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(100 + i % 1500);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], 1, 100);
    }
    for (size_t i = 0; i < count; i++)
        if (i % 500 != 0)
            free(blocks[i]);
    char *large = malloc(5 << 20);
    large = realloc(large, 20 << 20);
    CHECK_NOT_NULL(large);
    free(large);
    malloc_trim(0);
    for (size_t i = 0; i < count; i += 500)
        free(blocks[i]);
    CHECK_GE_UINT(mallinfo2().arena + 1, 1);
}

static void *run(void *unused)
{
    allocate();
    return unused;
}

static void allocate_in_threads(void)
{
    pthread_t thread;
    CHECK_EQ_INT(pthread_create(&thread, NULL, run, NULL), 0);
    churn(2, 20000);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
}

static void print(void)
{
    malloc_stats();
}

static void write_profile(void)
{
    int (*dump)(const char *);
    void *symbol = dlsym(RTLD_DEFAULT, "brkm_profile_dump");
    CHECK_NOT_NULL(symbol);
    memcpy(&dump, &symbol, sizeof symbol);
    allocate();
    CHECK_EQ_INT(dump("system_calls.heap"), 0);
}

static void free_twice(void)
{
    char *volatile block = malloc(100);
    free(block);
    free(block);
}

static const struct work {
    const char *name;
    void (*run)(void);
} works[] = {{"allocate", allocate},
             {"threads", allocate_in_threads},
             {"print", print},
             {"profile", write_profile},
             {"fault", free_twice}};

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_TRUE(argc > 2);
    unlink("system_calls.heap");
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        if (strcmp(works[i].name, argv[2]) == 0) {
            mark();
            works[i].run();
            mark();
            unlink("system_calls.heap");
            return door_done();
        }
    return 2;
}
