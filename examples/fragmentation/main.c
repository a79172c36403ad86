/* SPDX-License-Identifier: MIT
 * A program whose blocks change their size from phase to phase. In each phase it replaces its
 * blocks, in random order, by blocks of the new size, and holds the same number of bytes all the
 * time. What it needs beyond them is fragmentation. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE_BYTES ((size_t)64 << 20)
#define SMALLEST ((size_t)40)
#define MOST_BLOCKS (LIVE_BYTES / SMALLEST)

static const size_t phases[] = {40, 200, 56, 1000, 88, 5000, 136, 24000, 300};

static struct {
    void *memory[MOST_BLOCKS];
    size_t count;
} held;

static uint32_t random_below(uint32_t bound)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)state * bound >> 32);
}

static void hold(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL) {
        perror("malloc");
        exit(1);
    }
    memset(memory, 1, size);
    held.memory[held.count++] = memory;
}

/* Frees one of the first `among` blocks and moves the last of them into its place. */
static void drop_one(size_t among)
{
    size_t victim = random_below((uint32_t)among);
    free(held.memory[victim]);
    held.memory[victim] = held.memory[among - 1];
    held.memory[among - 1] = held.memory[--held.count];
}

/* Replaces all blocks, of `old_size` bytes each, and keeps the sum of bytes. */
static void replace(size_t old_size, size_t size)
{
    size_t old_count = held.count;
    size_t owed = 0;
    while (old_count > 0) {
        drop_one(old_count--);
        for (owed += old_size; owed >= size; owed -= size) {
            hold(size);
        }
    }
}

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*s %zu", &pages) != 1) {
        perror("/proc/self/statm");
        exit(1);
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(void)
{
    memset(held.memory, 1, sizeof(held.memory)); /* resident from the start, and so left out */
    size_t before = resident_bytes();
    printf("  block size   MiB held   MiB resident\n");
    for (size_t phase = 0; phase < sizeof(phases) / sizeof(phases[0]); phase++) {
        if (phase == 0) {
            while (held.count < LIVE_BYTES / phases[0]) {
                hold(phases[0]);
            }
        } else {
            replace(phases[phase - 1], phases[phase]);
        }
        printf("%12zu %10zu %14zu\n", phases[phase], held.count * phases[phase] >> 20,
               (resident_bytes() - before) >> 20);
    }
    return 0;
}
