/* SPDX-License-Identifier: MIT
 * foreign.h, and what verify.h takes for foreign: only what cannot be ours, and what becomes of it
 * by each value of the option. */
#include "malloc/foreign.h"

#include <errno.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"
#include "heap/mapped.h"
#include "heap/regions.h"
#include "kit/options.h"
#include "unit.h"

/* Stands for libc's memory. */
static _Alignas(16) char theirs[64];

static unsigned looked_up, their_frees, their_reallocs;

static void their_free(void *memory)
{
    ck_assert_ptr_eq(memory, theirs);
    their_frees++;
}

static void *their_realloc(void *memory, size_t size)
{
    ck_assert_ptr_eq(memory, theirs);
    ck_assert_uint_eq(size, 99);
    their_reallocs++;
    return theirs + 16;
}

static size_t their_usable_size(void *memory)
{
    ck_assert_ptr_eq(memory, theirs);
    return 48;
}

static void *symbol_of(const char *name)
{
    void *symbol = NULL;
    void (*free_function)(void *) = their_free;
    void *(*realloc_function)(void *, size_t) = their_realloc;
    size_t (*usable_size_function)(void *) = their_usable_size;
    looked_up++;
    if (strcmp(name, "free") == 0) {
        memcpy(&symbol, &free_function, sizeof(symbol));
    } else if (strcmp(name, "realloc") == 0) {
        memcpy(&symbol, &realloc_function, sizeof(symbol));
    } else if (strcmp(name, "malloc_usable_size") == 0) {
        memcpy(&symbol, &usable_size_function, sizeof(symbol));
    }
    /* As dlsym may. */
    brkm_free(brkm_malloc(100));
    return symbol;
}

static void set(enum option_foreign value)
{
    ck_assert_int_eq(brkm_option_set("foreign", value), 0);
}

static void free_it(void *memory)
{
    brkm_free(memory);
}

START_TEST(by_default_a_foreign_pointer_ends_the_program)
{
    ck_assert(!brkm__foreign_is_accepted());
    ck_assert(fake_os_dies(free_it, theirs));
    ck_assert(unit_said("brkmalloc: invalid pointer, not the start of a block in use at 0x"));
}
END_TEST

START_TEST(what_is_ignored_is_told_of_sometimes)
{
    set(FOREIGN_IGNORE);
    fake_os.next_symbol = symbol_of;
    fake_os.milliseconds = 1000;
    errno = 0;
    brkm_free(theirs);
    ck_assert_int_eq(errno, 0);
    ck_assert(unit_said(" ignored (called from free)\n"));
    fake_os_forget_text();
    ck_assert_ptr_null(brkm_realloc(theirs, 99));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_uint_eq(brkm_malloc_usable_size(theirs), 0);
    brkm_cfree(theirs);
    brkm_free_sized(theirs, 7);
    brkm_free_aligned_sized(theirs, 32, 7);
    errno = 0;
    ck_assert_ptr_null(brkm_realloc(theirs, 0));
    ck_assert_int_eq(errno, 0);
    ck_assert_str_eq(fake_os_text(), "");
    fake_os.milliseconds += 10000;
    brkm_cfree(theirs);
    ck_assert(unit_said(" (called from cfree), and 6 more since the last warning\n"));
    ck_assert_uint_eq(looked_up + their_frees + their_reallocs, 0);
}
END_TEST

START_TEST(what_is_handed_on_is_told_of_once)
{
    set(FOREIGN_FORWARD);
    fake_os.next_symbol = symbol_of;
    brkm_free(theirs);
    ck_assert_uint_eq(their_frees, 1);
    ck_assert(unit_said(" handed on to libc, as later ones without a word (called from free)\n"));
    fake_os_forget_text();
    ck_assert_ptr_eq(brkm_realloc(theirs, 99), theirs + 16);
    ck_assert_uint_eq(brkm_malloc_usable_size(theirs), 48);
    brkm_free_sized(theirs, 7);
    brkm_free_aligned_sized(theirs, 32, 7);
    brkm_cfree(theirs);
    ck_assert_uint_eq(their_frees, 4);
    ck_assert_uint_eq(their_reallocs, 1);
    ck_assert_uint_eq(looked_up, 3);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(without_a_taker_what_is_to_be_handed_on_is_ignored)
{
    set(FOREIGN_FORWARD);
    brkm_free(theirs);
    ck_assert(unit_said(" ignored (called from free)\n"));
    ck_assert_ptr_null(brkm_realloc(theirs, 99));
    ck_assert_uint_eq(brkm_malloc_usable_size(theirs), 0);
}
END_TEST

/* Gaps between two break regions lie inside the window. */
START_TEST(memory_of_a_foreign_break_is_foreign)
{
    void *below = brkm_malloc(100);
    char *gap = fake_os_foreign_sbrk(4096);
    void *above = brkm_malloc(200000);
    for (int i = 0; i < 5; i++) {
        above = brkm_malloc(200000);
    }
    ck_assert(regions_contain(below));
    ck_assert(regions_contain(above));
    ck_assert(regions_window_contains((void *)align_up((uintptr_t)gap + 64, 16)));
    ck_assert(!regions_contain(gap + 64));
    set(FOREIGN_IGNORE);
    brkm_free((void *)align_up((uintptr_t)gap + 64, 16));
    brkm_free(gap + 65);
    ck_assert(unit_said(" ignored (called from free)\n"));
}
END_TEST

/* Whatever the option says. */
START_TEST(what_can_be_ours_still_ends_the_program)
{
    char *block = brkm_malloc(3000);
    char *mapped = brkm_malloc(BRKM_MIB);
    char *freed = brkm_malloc(200);
    brkm_free(freed);
    set(_i == 0 ? FOREIGN_IGNORE : FOREIGN_FORWARD);
    fake_os.next_symbol = symbol_of;
    ck_assert(fake_os_dies(free_it, freed));
    ck_assert(fake_os_dies(free_it, block + 16));
    ck_assert(fake_os_dies(free_it, block + 1));
    ck_assert(brkm__mapped_contains(mapped + 5000));
    ck_assert(fake_os_dies(free_it, mapped + 4096));
    ck_assert(fake_os_dies(free_it, mapped + 1));
    ck_assert_uint_eq(their_frees, 0);
    brkm_free(mapped);
    ck_assert(!brkm__mapped_contains(mapped + 5000));
}
END_TEST

START_TEST(the_functions_are_looked_up_at_start_where_they_are_needed)
{
    fake_os.next_symbol = symbol_of;
    brkm__foreign_prepare();
    ck_assert_uint_eq(looked_up, 0);
    set(FOREIGN_FORWARD);
    brkm__foreign_prepare();
    brkm__foreign_prepare();
    ck_assert_uint_eq(looked_up, 3);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("foreign");
    TCase *tests = unit_case(suite, "values");
    tcase_add_test(tests, by_default_a_foreign_pointer_ends_the_program);
    tcase_add_test(tests, what_is_ignored_is_told_of_sometimes);
    tcase_add_test(tests, what_is_handed_on_is_told_of_once);
    tcase_add_test(tests, without_a_taker_what_is_to_be_handed_on_is_ignored);
    tcase_add_test(tests, the_functions_are_looked_up_at_start_where_they_are_needed);
    TCase *judged = unit_case(suite, "judged");
    tcase_add_test(judged, memory_of_a_foreign_break_is_foreign);
    tcase_add_loop_test(judged, what_can_be_ours_still_ends_the_program, 0, 2);
    return suite;
}
