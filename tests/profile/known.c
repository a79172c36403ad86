/* SPDX-License-Identifier: MIT
 * known [--cut]: see known.h. The profile goes to standard output; with --cut it has no end. */
#include "known.h"

#include <elf.h>
#include <execinfo.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 64

#ifdef __clang__ /* which knows no clones */
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/* ---- Objects, numbered as dl_iterate_phdr tells them ---- */

struct place {
    unsigned long start, end, link_start;
    const unsigned char *build_id;
    unsigned long build_id_length;
};

static struct place place_of(const struct dl_phdr_info *info)
{
    struct place place = {0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        unsigned long from = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD) {
            place.link_start = place.end == 0 ? header->p_vaddr & -4096ul : place.link_start;
            place.end = from + header->p_memsz;
        }
        const ElfW(Nhdr) *note = (const void *)from;
        if (header->p_type == PT_NOTE && note->n_type == NT_GNU_BUILD_ID) {
            place.build_id = (const unsigned char *)(note + 1) + note->n_namesz;
            place.build_id_length = note->n_descsz;
        }
    }
    place.start = info->dlpi_addr + place.link_start;
    return place;
}

struct search {
    unsigned long address;
    int count, found;
};

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    struct search *search = context;
    struct place place = place_of(info);
    search->count++;
    if (search->address > place.start && search->address <= place.end) {
        search->found = search->count;
    }
    return search->found;
}

static int object_at(const void *address)
{
    struct search search = {.address = (unsigned long)address};
    dl_iterate_phdr(look, &search);
    return search.found;
}

static int print_object(struct dl_phdr_info *info, size_t size, void *number)
{
    (void)size;
    char path[PATH_MAX] = "";
    struct place place = place_of(info);
    int own = ++*(int *)number;
    const char *name = own == 1 ? "/proc/self/exe" : info->dlpi_name;
    if (realpath(name, path) == NULL) {
        snprintf(path, sizeof(path), "[%.100s]", name);
    }
    printf("%d %lx-%lx %lx 0:0 0 0 0.000000000 0.000 0.500 ", own, place.start, place.end,
           place.link_start);
    for (unsigned long i = 0; i < place.build_id_length; i++) {
        printf("%02x", place.build_id[i]);
    }
    printf("%s %s\n", place.build_id_length == 0 ? "-" : "", path);
    return 0;
}

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
        int object = object_at(addresses[i]);
        printf(object == 0 ? " %p" : " %p@%d", addresses[i], object);
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

int main(int count, char **words)
{
    char program[4096] = "";
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    printf("brkmalloc heap profile 2\npid 1234\nprogram %.*s\ninterval 524288\nstarted %ld\n"
           "colour blue\nseconds 12.345\nreason request\n",
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
    int number = 0;
    printf("objects\n");
    dl_iterate_phdr(print_object, &number);
    printf("end\n");
    return 0;
}
