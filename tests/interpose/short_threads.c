/* SPDX-License-Identifier: MIT
 *
 * Thousands of threads that live briefly and leave live blocks for others to free: memory stays
 * bounded, and the blocks stay whole.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { warm_up = 200, threads = 5000, blocks_each = 60 };

static void *run(void *unused)
{
    char **left = malloc(blocks_each * sizeof *left);
    char *own[blocks_each];
    (void)unused;
    CHECK_NOT_NULL(left);
    for (size_t i = 0; i < blocks_each; i++) {
        left[i] = malloc(i * 30 + 1);
        own[i] = malloc(i * 50 + 1);
        CHECK_NOT_NULL(left[i]);
        CHECK_NOT_NULL(own[i]);
        memset(left[i], (int)i, i * 30 + 1);
    }
    for (size_t i = 0; i < blocks_each; i++)
        free(own[i]);
    return left;
}

static void run_threads(int count)
{
    for (int i = 0; i < count; i += 4) {
        pthread_t running[4];
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(pthread_create(&running[j], NULL, run, NULL), 0);
        for (int j = 0; j < 4; j++) {
            void *result = NULL;
            char **left;
            CHECK_EQ_INT(pthread_join(running[j], &result), 0);
            left = result;
            for (size_t k = 0; k < blocks_each; k++) {
                CHECK_EQ_INT(left[k][k * 30], (char)k);
                free(left[k]);
            }
            free(left);
        }
    }
}

int main(int argc, char **argv)
{
    size_t before;
    door_require(argc, argv);
    run_threads(warm_up);
    before = resident_bytes();
    run_threads(threads);
    CHECK_LE_UINT(resident_bytes(), before + (8u << 20));
    return door_done();
}
