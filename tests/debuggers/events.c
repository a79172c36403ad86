/* SPDX-License-Identifier: MIT
 * Makes every event happen that has a probe, and says on standard output what the probe must tell:
 * lines "PROBE VALUE ...". Ends by freeing a block twice. Run with
 * BRKMALLOC=limit_soft:8m,limit_hard:64m. */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define KIB ((size_t)1 << 10)
#define BLOCKS 400
#define LARGE_BLOCKS 16
#define FAR_BLOCKS 32

/* Usable bytes of a small block, of one too large for caches, and of mapped ones. */
#define SMALL 24
#define LARGE (100 * KIB)
#define MAPPED (3 * MIB)
#define REMAPPED (5 * MIB)

static void *volatile blocks[BLOCKS];

static void map_and_unmap(void)
{
    char *block = malloc(MAPPED);
    printf("mapped %ju %zu\n", (uintmax_t)(uintptr_t)block, malloc_usable_size(block));
    uintmax_t old = (uintmax_t)(uintptr_t)block;
    block = realloc(block, REMAPPED);
    printf("remapped %ju %ju\n", old, (uintmax_t)(uintptr_t)block);
    printf("unmapped %ju\n", (uintmax_t)(uintptr_t)block);
    free(block);
}

/* In a thread of its own, whose cache begins and ends: more small blocks than a cache keeps. */
static void *fill_and_flush(void *unused)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(SMALL);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    return unused;
}

/* Batches that one thread leaves in the depot serve the next. */
static void run_threads(void)
{
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, fill_and_flush, NULL);
        pthread_join(thread, NULL);
    }
}

/* Large neighbours, of which every second is freed first. */
static void split_and_coalesce(void)
{
    for (size_t i = 0; i < LARGE_BLOCKS; i++) {
        blocks[i] = malloc(LARGE);
    }
    for (size_t i = 0; i < LARGE_BLOCKS; i += 2) {
        free(blocks[i]);
    }
    blocks[0] = malloc(LARGE / 2);
    printf("split %ju\n", (uintmax_t)(uintptr_t)blocks[0]);
    for (size_t i = 1; i < LARGE_BLOCKS; i += 2) {
        printf("coalesce freed %ju\n", (uintmax_t)(uintptr_t)blocks[i]);
        free(blocks[i]);
    }
    free(blocks[0]);
    malloc_trim(0);
}

/* Where the break cannot be raised, memory is mapped. */
static void fall_back(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t behind = ((uintptr_t)sbrk(0) + page - 1) & ~(page - 1);
    mmap((void *)behind, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    for (size_t i = 0; i < FAR_BLOCKS; i++) {
        blocks[i] = malloc(LARGE);
    }
    for (size_t i = 0; i < FAR_BLOCKS; i++) {
        free(blocks[i]);
    }
    malloc_trim(0);
}

static void pass_limits(void)
{
    size_t refused = 100 * MIB;
    blocks[0] = malloc(10 * MIB);
    blocks[1] = malloc(refused);
    printf("out_of_memory %zu\n", refused);
    printf("out_of_memory %zu\n", (size_t)PTRDIFF_MAX + 1);
    blocks[1] = malloc((size_t)PTRDIFF_MAX + 1);
    printf("out_of_memory %zu\n", SIZE_MAX);
    blocks[1] = calloc(SIZE_MAX / 2, 3);
    free(blocks[0]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    map_and_unmap();
    run_threads();
    split_and_coalesce();
    fall_back();
    pass_limits();
    blocks[0] = malloc(SMALL);
    blocks[1] = blocks[0];
    printf("fault %ju %zu\n", (uintmax_t)(uintptr_t)blocks[0], malloc_usable_size(blocks[0]));
    free(blocks[0]);
    free(blocks[1]);
    return 0;
}
