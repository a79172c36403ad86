/* SPDX-License-Identifier: MIT
 *
 * Runs a contract test in several threads at once while another thread allocates and frees.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "../support/door.h"
#include "api.h"

#define TESTERS 3
#define CHURNED 512

static atomic_int stop;

static void *run_test(void *unused)
{
    (void)unused;
    api_test(0);
    return NULL;
}

static void *churn(void *unused)
{
    static void *blocks[CHURNED];
    unsigned state = 5;
    (void)unused;
    while (!atomic_load(&stop)) {
        size_t slot = api_random(&state) % CHURNED;
        free(blocks[slot]);
        blocks[slot] = malloc(api_random(&state) % 5000);
        CHECK_NOT_NULL(blocks[slot]);
    }
    for (size_t i = 0; i < CHURNED; i++)
        free(blocks[i]);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t testers[TESTERS];
    pthread_t churner;
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_create(&churner, NULL, churn, NULL), 0);
    for (int i = 0; i < TESTERS; i++)
        CHECK_EQ_INT(pthread_create(&testers[i], NULL, run_test, NULL), 0);
    for (int i = 0; i < TESTERS; i++)
        CHECK_EQ_INT(pthread_join(testers[i], NULL), 0);
    atomic_store(&stop, 1);
    CHECK_EQ_INT(pthread_join(churner, NULL), 0);
    return door_done();
}
