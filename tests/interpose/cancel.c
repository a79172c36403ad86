/* SPDX-License-Identifier: MIT
 *
 * Threads are cancelled while they allocate: no lock stays behind, and the clean-up handlers can
 * free.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { rounds = 150, at_once = 4 };

static atomic_int cleaned;

static void clean(void *block)
{
    free(block);
    churn(3, 50);
    atomic_fetch_add(&cleaned, 1);
}

static void *run(void *unused)
{
    char *block = malloc(5000);
    (void)unused;
    CHECK_NOT_NULL(block);
    pthread_cleanup_push(clean, block);
    for (unsigned i = 0;; i++) {
        churn(i, 20);
        pthread_testcancel();
    }
    pthread_cleanup_pop(1);
    return NULL;
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int i = 0; i < rounds; i++) {
        pthread_t threads[at_once];
        for (int j = 0; j < at_once; j++)
            CHECK_EQ_INT(pthread_create(&threads[j], NULL, run, NULL), 0);
        churn((unsigned)i, 500);
        for (int j = 0; j < at_once; j++) {
            void *result = NULL;
            CHECK_EQ_INT(pthread_cancel(threads[j]), 0);
            CHECK_EQ_INT(pthread_join(threads[j], &result), 0);
            CHECK_EQ_PTR(result, PTHREAD_CANCELED);
        }
    }
    CHECK_EQ_INT(atomic_load(&cleaned), rounds * at_once);
    return door_done();
}
