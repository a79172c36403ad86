/* SPDX-License-Identifier: MIT
 * Prints where blocks of different kinds lie: how far above the start of the break, or in a mapping
 * of their own. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PLACES 32

struct place {
    uintptr_t address;
    char what[48];
};

static struct place places[MAX_PLACES];
static size_t place_count;

static void note(const void *address, const char *what)
{
    if (address == NULL || place_count == MAX_PLACES) {
        fprintf(stderr, "no memory for %s\n", what);
        exit(1);
    }
    places[place_count].address = (uintptr_t)address;
    snprintf(places[place_count].what, sizeof(places[0].what), "%s", what);
    place_count++;
}

static void note_blocks(const char *kind, size_t alignment, size_t size)
{
    for (int i = 1; i <= 2; i++) {
        char what[48];
        snprintf(what, sizeof(what), "%s block %d, %zu bytes", kind, i, size);
        note(alignment == 0 ? malloc(size) : aligned_alloc(alignment, size), what);
    }
}

static int by_address(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return (a->address > b->address) - (a->address < b->address);
}

/* The kernel's name for what lies between the break's start and the break is [heap]. */
static uintptr_t start_of_break(void)
{
    char line[512];
    uintptr_t start = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (strstr(line, "[heap]") != NULL && start == 0) {
            start = (uintptr_t)strtoull(line, NULL, 16);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return start;
}

int main(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    note_blocks("small", 0, 24);
    note_blocks("medium", 0, 2000);
    note_blocks("large", 0, 100000);
    note_blocks("page-aligned", page, page);
    note_blocks("mapped", 0, 4 << 20);

    uintptr_t start = start_of_break(), end = (uintptr_t)sbrk(0);
    note((void *)start, "start of the break");
    note((void *)end, "the break");
    qsort(places, place_count, sizeof(places[0]), by_address);
    for (size_t i = 0; i < place_count; i++) {
        uintptr_t address = places[i].address;
        printf("%#14jx  %-32s", (uintmax_t)address, places[i].what);
        if (address >= start && address <= end) {
            printf("  %8zu bytes above the start of the break\n", (size_t)(address - start));
        } else {
            printf("  in a mapping, outside of the break\n");
        }
    }
    return 0;
}
