/* SPDX-License-Identifier: MIT
 * Does one wrong thing with a block of the prefixed library and ends with status 0; memcheck, told
 * about blocks by the library, is to notice. "nothing" does nothing wrong. */
#include <stdio.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"

#define SIZE 100

static volatile int sink;

static void touch(const char *place)
{
    sink = *(const volatile char *)place;
}

static void read_past_end(void)
{
    const char *memory = brkm_malloc(SIZE);
    touch(memory + SIZE);
}

static void write_past_end(void)
{
    volatile char *memory = brkm_malloc(SIZE);
    memory[SIZE + 1] = 1;
}

static void read_in_freed_calloc(void)
{
    char *memory = brkm_calloc(1, SIZE);
    brkm_free(memory);
    touch(memory + SIZE / 2);
}

static void use_undefined(void)
{
    const volatile char *memory = brkm_malloc(SIZE);
    if (memory[7] == 3) {
        puts("three");
    }
}

static void use_after_free(void)
{
    char *memory = brkm_malloc(SIZE);
    memory[60] = 1;
    brkm_free(memory);
    touch(memory + 60);
}

static void use_after_realloc(void)
{
    char *memory = brkm_malloc(SIZE);
    sink = brkm_malloc(SIZE) != NULL; /* in the way of growing where it stands */
    sink = brkm_realloc(memory, 1000 * SIZE) != NULL;
    touch(memory + 60);
}

static void use_after_shrink(void)
{
    char *memory = brkm_malloc(3000 * SIZE);
    memset(memory, 1, 3000 * SIZE);
    const char *shrunk = brkm_realloc(memory, SIZE);
    touch(shrunk + SIZE + 1);
}

/* Everything that is right, on every path. */
static void nothing(void)
{
    static const size_t sizes[] = {0, 1, 24, 25, 100, 1000, 1024, 5000, 70000, 300000, 3000000};
    const size_t count = sizeof(sizes) / sizeof(sizes[0]);
    for (size_t from = 0; from < count; from++) {
        for (size_t to = 1; to < count; to++) {
            char *memory = brkm_malloc(sizes[from]);
            memset(memory, (int)from, sizes[from]);
            memory = brkm_realloc(memory, sizes[to]);
            memset(memory, (int)to, sizes[to]);
            for (size_t i = 0; i < sizes[to]; i += 97) {
                sink += memory[i];
            }
            char *cleared = brkm_calloc(sizes[from], 1);
            char *aligned = brkm_aligned_alloc(256, sizes[to]);
            memset(aligned, 7, sizes[to]);
            for (size_t i = 0; i < sizes[from]; i += 97) {
                sink += cleared[i] != 0;
            }
            brkm_free(memory);
            brkm_free(cleared);
            brkm_free_aligned_sized(aligned, 256, sizes[to]);
        }
    }
    brkm_malloc_trim(0);
    sink += brkm_check_heap();
}

static const struct {
    const char *name;
    void (*function)(void);
} cases[] = {
    {"read_past_end", read_past_end},
    {"write_past_end", write_past_end},
    {"read_in_freed_calloc", read_in_freed_calloc},
    {"use_undefined", use_undefined},
    {"use_after_free", use_after_free},
    {"use_after_realloc", use_after_realloc},
    {"use_after_shrink", use_after_shrink},
    {"nothing", nothing},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].function();
            return 0;
        }
    }
    fputs("usage: valgrind_misuse CASE\n", stderr);
    return 2;
}
