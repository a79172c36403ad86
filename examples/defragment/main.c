/* SPDX-License-Identifier: MIT
 * A cache of values that throws out those not used for the longest time, and so leaves one live
 * value here and there on pages that are free otherwise. It can move its values, since only its own
 * table points to them: brkm_move_hint says which, and the memory goes back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <brkmalloc/brkmalloc.h>

#define VALUES 100000
#define BYTES_MIN 200
#define BYTES_MORE 800

static struct value {
    char *memory;
    size_t size;
    uint32_t used; /* when, last */
} cache[VALUES];

static uint32_t random_below(uint32_t bound)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)state * bound >> 32);
}

static char *allocate(size_t size)
{
    char *memory = malloc(size);
    if (memory == NULL) {
        perror("malloc");
        exit(1);
    }
    return memory;
}

static void fill(void)
{
    for (size_t i = 0; i < VALUES; i++) {
        cache[i].size = BYTES_MIN + random_below(BYTES_MORE);
        cache[i].memory = allocate(cache[i].size);
        memset(cache[i].memory, (int)i, cache[i].size);
        cache[i].used = random_below(VALUES);
    }
}

static void evict_older_than(uint32_t time)
{
    for (size_t i = 0; i < VALUES; i++) {
        if (cache[i].used < time) {
            free(cache[i].memory);
            cache[i].memory = NULL;
        }
    }
}

/* Moves what pins more than it holds, unless the new place is no better: such places are kept to
 * the end, so that malloc gives others. */
static size_t defragment(void)
{
    static char *refused[VALUES];
    size_t refusals = 0;
    size_t moved = 0;
    for (size_t i = 0; i < VALUES; i++) {
        struct value *value = &cache[i];
        size_t hint = value->memory == NULL ? 0 : brkm_move_hint(value->memory);
        if (hint <= value->size) {
            continue;
        }
        char *memory = allocate(value->size);
        if (brkm_move_hint(memory) >= hint) {
            refused[refusals++] = memory;
            continue;
        }
        memcpy(memory, value->memory, value->size);
        free(value->memory);
        value->memory = memory;
        moved++;
    }
    while (refusals > 0) {
        free(refused[--refusals]);
    }
    return moved;
}

static void check(void)
{
    for (size_t i = 0; i < VALUES; i++) {
        for (size_t j = 0; cache[i].memory != NULL && j < cache[i].size; j++) {
            if (cache[i].memory[j] != (char)i) {
                fprintf(stderr, "value %zu was lost\n", i);
                exit(1);
            }
        }
    }
}

static void tell(const char *when)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(file);
    printf("%s: %zu MiB resident\n", when, pages * (size_t)sysconf(_SC_PAGESIZE) >> 20);
}

int main(void)
{
    memset(cache, 1, sizeof(cache)); /* resident from the start */
    fill();
    tell("all values");
    evict_older_than(VALUES / 10 * 9);
    brkm_malloc_trim(0);
    tell("after evictions");
    brkm_explain_memory(stdout, 0);
    for (size_t moved = VALUES; moved > VALUES / 1000;) {
        moved = defragment();
        brkm_malloc_trim(0);
        printf("moved %zu values\n", moved);
    }
    check();
    tell("after moving");
    return 0;
}
