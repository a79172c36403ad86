/* SPDX-License-Identifier: MIT
 *
 * Does what its argument names, in calls that round_trip.py knows: their sizes occur nowhere else.
 */
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 20000
#define THREADS 4
#define GATHERED 20

#define COUNT_FIRST 20000
#define COUNT_SIZES 10000
#define COUNT_CALLS 300000

void free_sized(void *memory, size_t size) __attribute__((weak));
void free_aligned_sized(void *memory, size_t alignment, size_t size) __attribute__((weak));
void cfree(void *memory) __attribute__((weak));

static void *posix_aligned(size_t alignment, size_t size)
{
    void *memory = NULL;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

/* Every function once, and what they do when they fail or are given nothing. */
static void kinds(void)
{
    char *resized = malloc(10007);
    resized = realloc(resized, 20011);
    resized = realloc(resized, 30011);
    free(realloc(NULL, 10009));
    free(calloc(10, 1003));
    free(aligned_alloc(256, 10240));
    free(memalign(512, 10037));
    free(posix_aligned(1024, 10039));
    free(valloc(10061));
    free(pvalloc(10067));
    if (free_sized != NULL && free_aligned_sized != NULL) {
        free_sized(malloc(10069), 10069);
        free_aligned_sized(aligned_alloc(128, 10112), 128, 10112);
    }
    if (cfree != NULL) {
        cfree(malloc(10079));
    }
    free(malloc((size_t)1 << 62)); /* fails */
    volatile size_t huge = (size_t)1 << 40;
    free(calloc(huge, huge));
    free(posix_aligned(3, 10091));
    free(reallocarray(NULL, 11, 1009));
    free(realloc(resized, 0)); /* glibc returns NULL here: it was a free */
}

static void *work(void *handed)
{
    free(handed);
    return malloc(10103);
}

/* Each block is freed by another thread than the one that allocated it. */
static void threads(void)
{
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        void *returned;
        pthread_create(&thread, NULL, work, malloc(10099));
        pthread_join(thread, &returned);
        free(returned);
    }
}

static pthread_barrier_t barrier;

static void *churn(void *unused)
{
    void *blocks[64] = {NULL};
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < MANY; i++) {
        blocks[i % 64] = realloc(blocks[i % 64], 10111 + (size_t)(i * 7919 % 1000));
    }
    for (int i = 0; i < 64; i++) {
        free(blocks[i]);
    }
    return unused;
}

/* Blocks wander between threads all the time, in more records than a chunk has room for. */
static void crowd(void)
{
    pthread_t all[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&all[i], NULL, churn, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(all[i], NULL);
    }
}

static void crowds(void)
{
    for (int i = 0; i < THREADS; i++) {
        crowd();
    }
}

static pthread_key_t key;

static void free_late(void *memory)
{
    static __thread int rounds;
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, memory);
        return;
    }
    free(memory);
    free(malloc(10133));
}

static void *set_late(void *unused)
{
    pthread_setspecific(key, malloc(10139));
    return unused;
}

/* A destructor that frees in the last round, when the recorder has said goodbye to the thread. */
static void destructors(void)
{
    pthread_key_create(&key, free_late);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, set_late, NULL);
        pthread_join(thread, NULL);
    }
}

static void forks(void)
{
    void *before = malloc(10141);
    pid_t child = fork();
    if (child == 0) {
        free(before);
        free(malloc(10151));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    free(before);
    free(malloc(10159));
}

/* As a daemon does: closes what it does not know, and opens files of its own. */
static void closes(void)
{
    for (int i = 3; i < 4096; i++) {
        close(i);
    }
    int own = open("own", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 3; i < 4096; i++) {
        dup2(own, i);
    }
    chdir("/");
    for (int i = 0; i < MANY; i++) {
        free(malloc(10163));
    }
    if (lseek(own, 0, SEEK_END) != 0) {
        _exit(1);
    }
}

static void kills(void)
{
    for (int i = 0; i < MANY; i++) {
        if (malloc(10169) == NULL) {
            _exit(1);
        }
    }
    kill(getpid(), SIGKILL);
}

/* Sizes count up, so that it shows which calls are missing. */
static void count(uint64_t calls)
{
    void *first = malloc(10181);
    for (uint64_t i = 0; i < calls; i++) {
        free(malloc(COUNT_FIRST + i % COUNT_SIZES));
    }
    free(first);
}

static void counts(void)
{
    count(COUNT_CALLS);
}

static void counts_on(void)
{
    count(UINT64_MAX);
}

static void *wait_for_all(void *unused)
{
    void *memory = malloc(10193);
    pthread_barrier_wait(&barrier);
    free(memory);
    return unused;
}

/* So many threads at the same time that a limit of a mebibyte is too small for their windows. */
static void gathers(void)
{
    pthread_t all[GATHERED];
    pthread_barrier_init(&barrier, NULL, GATHERED);
    for (int i = 0; i < GATHERED; i++) {
        pthread_create(&all[i], NULL, wait_for_all, NULL);
    }
    for (int i = 0; i < GATHERED; i++) {
        pthread_join(all[i], NULL);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*function)(void);
    } deeds[] = {{"kinds", kinds},
                 {"threads", threads},
                 {"crowd", crowd},
                 {"crowds", crowds},
                 {"forks", forks},
                 {"closes", closes},
                 {"kills", kills},
                 {"counts", counts},
                 {"counts_on", counts_on},
                 {"gathers", gathers},
                 {"destructors", destructors}};
    if (argc > 2 && strcmp(argv[1], "exec") == 0) {
        free(malloc(10177));
        execv(argv[0], (char *[]){argv[0], argv[2], NULL});
    }
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]) && argc > 1; i++) {
        if (strcmp(argv[1], deeds[i].name) == 0) {
            deeds[i].function();
            return 0;
        }
    }
    return 2;
}
