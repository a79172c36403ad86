/* SPDX-License-Identifier: MIT
 *
 * The heap profile switched and written by the program, while threads allocate.
 */
#include "api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <brkmalloc/brkmalloc.h>

enum { threads = 3, slots = 100 };

static atomic_int done;

static void *work(void *number)
{
    unsigned seed = (unsigned)(uintptr_t)number + 1;
    void *taken[slots] = {NULL};
    while (!atomic_load_explicit(&done, memory_order_relaxed)) {
        unsigned i = api_random(&seed) % slots;
        size_t size = (size_t)1 << api_random(&seed) % 18;
        if (api_random(&seed) % 4 == 0) {
            taken[i] = realloc(taken[i], size);
        } else {
            free(taken[i]);
            taken[i] = malloc(size);
        }
        CHECK_NOT_NULL(taken[i]);
    }
    for (unsigned i = 0; i < slots; i++) {
        free(taken[i]);
    }
    return NULL;
}

/* The program's folder is not its own to write to. */
static void make_path(char *path, size_t size, int number)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/brkmalloc-test.%d.%d", folder == NULL ? "/tmp" : folder, getpid(),
             number);
}

/* Samples in the profile at `path`, which is then removed; -1 when it is not whole. */
static long read_and_remove(const char *path)
{
    static char line[5000];
    long samples = 0;
    FILE *file = fopen(path, "r");
    CHECK_NOT_NULL(file);
    CHECK_NOT_NULL(fgets(line, sizeof(line), file));
    CHECK_EQ_STR(line, "brkmalloc heap profile 2\n");
    while (fgets(line, sizeof(line), file) != NULL) {
        samples += strncmp(line, "sample ", 7) == 0;
    }
    fclose(file);
    unlink(path);
    return strcmp(line, "end\n") == 0 ? samples : -1;
}

static void switch_and_dump(void)
{
    char path[4096];
    for (int i = 0; i < 30; i++) {
        CHECK_EQ_INT(brkm_profile_start(), 0);
        usleep(3000);
        make_path(path, sizeof(path), i);
        CHECK_EQ_INT(brkm_profile_dump(path), 0);
        CHECK_EQ_INT(brkm_profile_dump(path), EEXIST);
        if (i % 3 == 0) {
            brkm_profile_stop();
            usleep(1000);
        }
        CHECK_GE_INT(read_and_remove(path), 0);
    }
}

static void expect_samples(void)
{
    char path[4096];
    make_path(path, sizeof(path), -1);
    CHECK_EQ_INT(brkm_profile_start(), 0);
    /* More than any gap between samples that is to be met with. */
    void *memory = malloc(64 * MIB);
    CHECK_EQ_INT(brkm_profile_dump(path), 0);
    CHECK_GE_INT(read_and_remove(path), 1);
    free(memory);
    brkm_profile_stop();
}

static void switch_under_threads(void)
{
    pthread_t workers[threads];
    for (uintptr_t i = 0; i < threads; i++) {
        CHECK_EQ_INT(pthread_create(&workers[i], NULL, work, (void *)i), 0);
    }
    switch_and_dump();
    atomic_store(&done, 1);
    for (unsigned i = 0; i < threads; i++) {
        CHECK_EQ_INT(pthread_join(workers[i], NULL), 0);
    }
}

void api_test(int alone)
{
    static int has_begun;
    CHECK_TRUE(alone);
    CHECK_EQ_INT(brkm_profile_dump("/nowhere/x"), has_begun ? ENOENT : ENOTSUP);
    has_begun = 1;
    atomic_store(&done, 0);
    brkm_profile_stop();
    switch_under_threads();
    expect_samples();
    CHECK_EQ_INT(brkm_profile_dump("/nowhere/x"), ENOENT);
    CHECK_EQ_INT(brkm_check_heap(), 0);
}
