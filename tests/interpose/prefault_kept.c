/* SPDX-License-Identifier: MIT
 * prefault_kept mallopt | option: a program that touches its memory once, having asked that none
 * goes back, has no page faults in its work. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MIB ((size_t)1 << 20)

/* More than any block had room for before its size had more bits. */
#define PREFAULTED (160 * MIB)
#define SLOTS 64
#define REPLACEMENTS 4000
#define SMALLEST 1000u
#define LARGEST 1500000u

/* Of what the program itself and libc touch for the first time. */
#define FAULTS_MOST 100

static long faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void prefault(void)
{
    char *whole = malloc(PREFAULTED);
    if (whole == NULL) {
        exit(2);
    }
    memset(whole, 1, PREFAULTED);
    free(whole);
}

static void work(void)
{
    static char *blocks[SLOTS];
    unsigned state = 1;
    for (int i = 0; i < REPLACEMENTS; i++) {
        state = state * 1664525 + 1013904223;
        size_t size = SMALLEST + (state >> 8) % (LARGEST - SMALLEST);
        char **slot = &blocks[(state >> 4) % SLOTS];
        free(*slot);
        *slot = malloc(size);
        if (*slot == NULL) {
            exit(2);
        }
        memset(*slot, 2, size);
        if (i % 5 == 0) {
            *slot = realloc(*slot, size / 3);
        }
    }
    for (int i = 0; i < SLOTS; i++) {
        free(blocks[i]);
    }
}

int main(int argc, char **argv)
{
    if (strcmp(argv[argc - 1], "mallopt") == 0) {
        mallopt(M_MMAP_MAX, 0);
        mallopt(M_TRIM_THRESHOLD, -1);
    }
    prefault();
    long before = faults();
    work();
    long in_work = faults() - before;
    fprintf(stderr, "%ld page faults in the work\n", in_work);
    return in_work >= FAULTS_MOST;
}
