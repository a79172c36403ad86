/* SPDX-License-Identifier: MIT
 *
 * Ten thousand threads with the smallest stack, as many at a time as the system allows. Each
 * allocates, waits for the others, frees and ends; memory does not grow from round to round.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { total = 10000, least_at_a_time = 200, blocks_each = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_started = PTHREAD_COND_INITIALIZER;
static int may_end;

static void *run(void *unused)
{
    char *blocks[blocks_each];
    (void)unused;
    for (size_t i = 0; i < blocks_each; i++) {
        blocks[i] = malloc(i * 40 + 1);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], (int)i, i * 40 + 1);
    }
    pthread_mutex_lock(&mutex);
    while (!may_end)
        pthread_cond_wait(&all_started, &mutex);
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < blocks_each; i++) {
        CHECK_EQ_INT(blocks[i][i * 40], (char)i);
        free(blocks[i]);
    }
    return NULL;
}

/* Starts as many threads as the system allows, `most` at the most, and ends them together. */
static int run_threads(int most)
{
    static pthread_t threads[total];
    pthread_attr_t small;
    int count = 0;
    size_t stack = (size_t)sysconf(_SC_THREAD_STACK_MIN) + 16384;
    CHECK_EQ_INT(pthread_attr_init(&small), 0);
    CHECK_EQ_INT(pthread_attr_setstacksize(&small, stack), 0);
    may_end = 0;
    while (count < most && pthread_create(&threads[count], &small, run, NULL) == 0)
        count++;
    pthread_mutex_lock(&mutex);
    may_end = 1;
    pthread_cond_broadcast(&all_started);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < count; i++)
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    CHECK_EQ_INT(pthread_attr_destroy(&small), 0);
    return count;
}

int main(int argc, char **argv)
{
    int started = 0;
    size_t before;
    door_require(argc, argv);
    started = run_threads(total);
    before = resident_bytes();
    while (started < total) {
        int more = run_threads(total - started);
        if (more < least_at_a_time && started + more < total) {
            puts("too few threads may run at a time here");
            return CHECK_SKIPPED;
        }
        started += more;
    }
    CHECK_EQ_INT(run_threads(1000) > 0, 1);
    CHECK_LE_UINT(resident_bytes(), before + (8u << 20));
    return door_done();
}
