/* SPDX-License-Identifier: MIT
 *
 * Options by name while a program runs, and the hard limit under threads that all want more.
 */
#include "api.h"

#include <pthread.h>

#include <brkmalloc/brkmalloc.h>

enum { threads = 4, blocks = 4000 };

#define LIMIT (24 * MIB)

static pthread_barrier_t barrier;

/* The heap and mapped blocks, of one moment. */
static size_t bytes_from_system(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.arena + info.hblkhd;
}

/* Takes blocks of all sizes until there are no more, and gives them back. Returns how often it was
 * refused. */
static size_t take_all(unsigned *seed)
{
    static _Thread_local void *taken[blocks];
    size_t refused = 0;
    for (size_t i = 0; i < blocks; i++) {
        size_t size = (size_t)1 << api_random(seed) % 20;
        errno = 0;
        taken[i] = malloc(size);
        if (taken[i] == NULL) {
            CHECK_EQ_INT(errno, ENOMEM);
            refused++;
        } else {
            api_fill(taken[i], size, (unsigned)i);
        }
        if (i % 64 == 0)
            CHECK_LE_UINT(bytes_from_system(), LIMIT);
    }
    for (size_t i = 0; i < blocks; i++)
        free(taken[i]);
    return refused;
}

static void *run(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    size_t refused = 0;
    pthread_barrier_wait(&barrier);
    for (int round = 0; round < 3; round++)
        refused += take_all(&seed);
    CHECK_GE_UINT(refused, 1);
    return NULL;
}

/* The threads exist before the limit does: libc needs memory to make them. */
static void threads_stay_below(void)
{
    pthread_t thread[threads];
    pthread_barrier_init(&barrier, NULL, threads + 1);
    for (size_t i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_create(&thread[i], NULL, run, (void *)(i + 1)), 0);
    CHECK_EQ_INT(brkm_option_set("limit_hard", LIMIT), 0);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    CHECK_EQ_INT(brkm_option_set("limit_hard", 0), 0);
}

static void options_have_names(void)
{
    size_t value = 0;
    CHECK_EQ_INT(brkm_option_set("top_pad", 12345), 0);
    CHECK_EQ_INT(brkm_option_get("top_pad", &value), 0);
    CHECK_EQ_UINT(value, 12345);
    CHECK_EQ_INT(brkm_option_set("top_pads", 1), ENOENT);
    CHECK_EQ_INT(brkm_option_set("confirm", 1), EPERM);
    CHECK_EQ_INT(brkm_option_set("perturb", 1000), EINVAL);
}

void api_test(int alone)
{
    (void)alone;
    options_have_names();
    threads_stay_below();
    void *block = malloc(2 * LIMIT);
    CHECK_NOT_NULL(block);
    free(block);
}
