/* SPDX-License-Identifier: MIT
 *
 * The smallest stack that a thread may have is enough for the allocator.
 */
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static void *run(void *seed)
{
    void *block = NULL;
    churn((unsigned)(uintptr_t)seed, 2000);
    CHECK_EQ_INT(posix_memalign(&block, 65536, 100), 0);
    block = realloc(block, 3000000);
    CHECK_NOT_NULL(block);
    free(block);
    malloc_trim(0);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    size_t stack = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    door_require(argc, argv);
    if (stack < 16384)
        stack = 16384;
    CHECK_EQ_INT(pthread_attr_init(&attributes), 0);
    CHECK_EQ_INT(pthread_attr_setstacksize(&attributes, stack), 0);
    for (int i = 0; i < 100; i++) {
        pthread_t threads[4];
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(
                pthread_create(&threads[j], &attributes, run, (void *)(uintptr_t)(i * 4 + j)), 0);
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(pthread_join(threads[j], NULL), 0);
    }
    CHECK_EQ_INT(pthread_attr_destroy(&attributes), 0);
    return door_done();
}
