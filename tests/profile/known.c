/* SPDX-License-Identifier: MIT
 * known [--cut]: see known.h. The profile goes to standard output; with --cut it has no end. */
#include "known.h"

#include <execinfo.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 64

#ifdef __clang__ /* which knows no clones */
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/* Lines that the tests look for end with a comment "LINE name". */

NOINLINE void known_sample(const struct known_numbers *numbers)
{
    void *addresses[DEPTH_MAX];
    int count = backtrace(addresses, DEPTH_MAX);
    printf("sample");
    for (int i = 0; i < 6; i++) {
        printf(" %lu", numbers->numbers[i]);
    }
    for (int i = 1; i < count; i++) { /* the first is in this function */
        printf(" %p", addresses[i]);
    }
    printf("\n");
}

NOINLINE void known_make_table(void)
{
    static const struct known_numbers numbers = {{10, 1000, 20, 2000, 15, 1500}};
    known_sample(&numbers); /* LINE make_table */
    __asm__ volatile("");
}

NOINLINE static void load(void)
{
    known_make_table(); /* LINE load */
    __asm__ volatile("");
}

__attribute__((always_inline)) static inline void inlined_inner(void)
{
    static const struct known_numbers numbers = {{1, 64, 3, 192, 2, 128}};
    known_sample(&numbers); /* LINE inlined_inner */
    __asm__ volatile("");
}

__attribute__((always_inline)) static inline void inlined_outer(void)
{
    inlined_inner(); /* LINE inlined_outer */
}

NOINLINE void known_with_inlined(void)
{
    inlined_outer(); /* LINE with_inlined */
}

NOINLINE void known_recurse(int depth)
{
    static const struct known_numbers numbers = {{2, 200, 4, 400, 3, 300}};
    if (depth == 0) {
        known_sample(&numbers);
    } else {
        known_recurse(depth - 1);
    }
    __asm__ volatile("");
}

/* As in a program that the allocator is linked to. */
NOINLINE static void allocator_slow(const struct known_numbers *numbers)
{
    known_sample(numbers);
    __asm__ volatile("");
}

NOINLINE void brkm_malloc(const struct known_numbers *numbers)
{
    allocator_slow(numbers);
    __asm__ volatile("");
}

NOINLINE void known_linked_statically(void)
{
    static const struct known_numbers numbers = {{5, 5000, 5, 5000, 5, 5000}};
    brkm_malloc(&numbers);
    __asm__ volatile("");
}

__attribute__((always_inline)) static inline void brkm_inlined(const struct known_numbers *numbers)
{
    known_sample(numbers);
    __asm__ volatile("");
}

NOINLINE void known_linked_inlined(void)
{
    static const struct known_numbers numbers = {{9, 90, 9, 90, 9, 90}};
    brkm_inlined(&numbers);
}

NOINLINE void known_preloaded(void)
{
    static const struct known_numbers numbers = {{7, 700, 7, 700, 7, 700}};
    known_allocate(known_sample, &numbers);
    __asm__ volatile("");
}

NOINLINE void known_through_library(void)
{
    static const struct known_numbers numbers = {{0, 0, 8, 800, 4, 400}};
    known_library_work(known_sample, &numbers);
    __asm__ volatile("");
}

static void copy_mappings(void)
{
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        fputs(line, stdout);
    }
    if (maps != NULL) {
        fclose(maps);
    }
}

int main(int count, char **words)
{
    char program[4096] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    printf("brkmalloc heap profile 1\npid 1234\nprogram %.*s\ninterval 524288\nstarted %ld\n"
           "colour blue\nseconds 12.345\nreason exit\n",
           (int)length, program, (long)time(NULL));
    load();
    known_with_inlined();
    known_recurse(3);
    known_linked_statically();
    known_linked_inlined();
    known_preloaded();
    known_through_library();
    known_cxx();
    if (count > 1 && strcmp(words[1], "--cut") == 0) {
        printf("sample 1 2 3 4 5");
        return 0;
    }
    printf("mappings\n");
    copy_mappings();
    printf("end\n");
    return 0;
}
