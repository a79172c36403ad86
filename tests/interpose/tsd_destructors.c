/* SPDX-License-Identifier: MIT
 *
 * Destructors of thread-specific data free and allocate, and set their key again, for all the
 * rounds that libc grants: after the allocator's own destructor, if it has one. Many such threads
 * leave no memory behind.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { keys_count = 3, warm_up = 200, threads = 3000, per_round = 40 };

struct state {
    int key;
    int rounds;
    char *blocks[per_round];
};

static pthread_key_t keys[keys_count];
static atomic_int last_rounds;

static void fill(struct state *state)
{
    for (int i = 0; i < per_round; i++) {
        state->blocks[i] = malloc((size_t)i * 50 + 1);
        CHECK_NOT_NULL(state->blocks[i]);
        memset(state->blocks[i], i, (size_t)i * 50 + 1);
    }
}

static void empty(struct state *state)
{
    for (int i = 0; i < per_round; i++) {
        CHECK_EQ_INT(state->blocks[i][i * 50], i);
        free(state->blocks[i]);
    }
}

static void destroy(void *value)
{
    struct state *state = value;
    empty(state);
    if (++state->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        fill(state);
        CHECK_EQ_INT(pthread_setspecific(keys[state->key], state), 0);
        return;
    }
    atomic_fetch_add(&last_rounds, 1);
    free(state);
    free(malloc(100));
}

static void *run(void *unused)
{
    (void)unused;
    for (int i = 0; i < keys_count; i++) {
        struct state *state = calloc(1, sizeof *state);
        CHECK_NOT_NULL(state);
        state->key = i;
        fill(state);
        CHECK_EQ_INT(pthread_setspecific(keys[i], state), 0);
    }
    return NULL;
}

static void run_threads(int count)
{
    for (int i = 0; i < count; i += 4) {
        pthread_t running[4];
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(pthread_create(&running[j], NULL, run, NULL), 0);
        for (int j = 0; j < 4; j++)
            CHECK_EQ_INT(pthread_join(running[j], NULL), 0);
    }
}

int main(int argc, char **argv)
{
    size_t before;
    door_require(argc, argv);
    for (int i = 0; i < keys_count; i++)
        CHECK_EQ_INT(pthread_key_create(&keys[i], destroy), 0);
    run_threads(warm_up);
    before = resident_bytes();
    run_threads(threads);
    CHECK_EQ_INT(atomic_load(&last_rounds), (warm_up + threads) * keys_count);
    CHECK_LE_UINT(resident_bytes(), before + (16u << 20));
    return door_done();
}
