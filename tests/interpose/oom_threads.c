/* SPDX-License-Identifier: MIT
 *
 * Threads make their first allocation when there is no memory left: they get NULL and ENOMEM or a
 * block, and work on when memory comes back.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"
#include "limits.h"

enum { threads = 8, rounds = 6 };

static pthread_barrier_t barrier;

static void *run(void *unused)
{
    (void)unused;
    /* Memory is used up between these two. */
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < 3000; i++) {
        size_t size = 1 + i * 13 % 4000;
        char *block;
        errno = 0;
        block = i % 2 == 0 ? malloc(size) : calloc(1, size);
        if (block == NULL) {
            CHECK_EQ_INT(errno, ENOMEM);
            continue;
        }
        memset(block, 1, size);
        free(block);
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    churn((unsigned)(uintptr_t)&unused, 1000);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_barrier_init(&barrier, NULL, threads + 1), 0);
    for (int round = 0; round < rounds; round++) {
        pthread_t running[threads];
        void *list = NULL;
        for (int i = 0; i < threads; i++)
            CHECK_EQ_INT(pthread_create(&running[i], NULL, run, NULL), 0);
        pthread_barrier_wait(&barrier);
        limit_memory(what, 16u << 20);
        exhaust_all(&list);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
        release_all(&list);
        unlimit_memory(what);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < threads; i++)
            CHECK_EQ_INT(pthread_join(running[i], NULL), 0);
    }
    CHECK_EQ_INT(pthread_barrier_destroy(&barrier), 0);
    return door_done();
}
