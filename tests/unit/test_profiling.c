/* SPDX-License-Identifier: MIT
 * The heap profile from end to end: options, the malloc family while blocks are sampled, the
 * program's functions, leaks. What the profile says is compared with what was allocated. */
#include "profile/control.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/thread_cache.h"
#include "guard/hardened.h"
#include "heap/mapped.h"
#include "kit/options.h"
#include "kit/options_read.h"
#include "profile/records.h"
#include "system/os.h"
#include "unit.h"

/* As the constructor does. */
static void begin(const char *options)
{
    fake_os.environment = options;
    fake_os.directory = "/home/somebody";
    brkm__environment_read();
    brkm__hardened_apply();
    brkm__profiling_apply();
}

static struct profile_sum in_use(void)
{
    return brkm__profile_totals().in_use;
}

static struct profile_sum since_start(void)
{
    struct profile_sum sum = {0, 0};
    for (const struct profile_stack *stack = brkm__profile_read(); stack != NULL;
         stack = stack->next) {
        sum.bytes += stack->total.bytes;
        sum.block_parts += stack->total.block_parts;
    }
    brkm__profile_read_end();
    return sum;
}

static void expect_sum(struct profile_sum sum, uint64_t bytes, uint64_t blocks)
{
    ck_assert_uint_eq(sum.bytes, bytes);
    ck_assert_uint_eq(profile_blocks(sum), blocks);
}

/* ---- With every block a sample, the numbers are exact ---- */

#define EVERY_BLOCK "profile:true,profile_interval:1"

START_TEST(each_function_counts)
{
    begin(EVERY_BLOCK);
    void *blocks[8];
    blocks[0] = brkm_malloc(100);
    blocks[1] = brkm_calloc(10, 20);
    blocks[2] = brkm_realloc(NULL, 300);
    blocks[3] = brkm_memalign(256, 400);
    blocks[4] = brkm_aligned_alloc(4096, 500);
    ck_assert_int_eq(brkm_posix_memalign(&blocks[5], 64, 600), 0);
    blocks[6] = brkm_valloc(700);
    blocks[7] = brkm_malloc(BRKM_MIB);
    expect_sum(in_use(), 100 + 200 + 300 + 400 + 500 + 600 + 700 + BRKM_MIB, 8);
    ck_assert(unit_is_zero(blocks[1], 200));
    ck_assert_uint_eq((uintptr_t)blocks[4] % 4096, 0);
    for (size_t i = 0; i < 8; i++) {
        memset(blocks[i], 0xee, i < 7 ? 100 * (i + 1) : BRKM_MIB);
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
    for (size_t i = 0; i < 8; i++) {
        brkm_free(blocks[i]);
    }
    expect_sum(in_use(), 0, 0);
    expect_sum(since_start(), 2800 + BRKM_MIB, 8);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* Grows and shrinks in place and by moving, in the heap, mapped and from one to the other. */
START_TEST(realloc_counts_as_a_block_of_the_new_size)
{
    static const size_t sizes[] = {1,        24,           25,    1000,     1001,
                                   5000,     100000,       99000, BRKM_MIB, 3 * BRKM_MIB,
                                   BRKM_MIB, 9 * BRKM_MIB, 10,    40000,    39999};
    begin(EVERY_BLOCK);
    void *memory = NULL;
    uint64_t total = 0;
    size_t old = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        memory = brkm_realloc(memory, sizes[i]);
        total += sizes[i];
        ck_assert(unit_is_filled(memory, 0, 1));
        ck_assert(old == 0 || memcmp(memory, "k", 1) == 0);
        memset(memory, 'k', sizes[i]);
        expect_sum(in_use(), sizes[i], 1);
        expect_sum(since_start(), total, i + 1);
        old = sizes[i];
    }
    brkm_free(memory);
    expect_sum(in_use(), 0, 0);
    ck_assert_int_eq(brkm_check_heap(), 0);
    ck_assert_uint_eq(brkm__mapped_totals().count, 0);
}
END_TEST

START_TEST(a_realloc_that_fails_changes_nothing)
{
    begin(EVERY_BLOCK);
    char *memory = brkm_malloc(1000);
    memset(memory, 'k', 1000);
    fake_os_fail(FAKE_GIVERS, 1, true);
    ck_assert_ptr_null(brkm_realloc(memory, BRKM_GIB));
    ck_assert_int_eq(errno, ENOMEM);
    ck_assert_ptr_null(brkm_realloc(memory, (size_t)PTRDIFF_MAX));
    ck_assert_ptr_null(brkm_malloc(PTRDIFF_MAX));
    fake_os_fail(0, 0, false);
    expect_sum(in_use(), 1000, 1);
    ck_assert(memory[0] == 'k' && memory[999] == 'k');
    brkm_free(memory);
    expect_sum(in_use(), 0, 0);
}
END_TEST

START_TEST(other_frees_count_too)
{
    begin(EVERY_BLOCK);
    for (size_t size = 1; size < 3000; size += 7) {
        brkm_free_sized(brkm_malloc(size), size);
        brkm_free_aligned_sized(brkm_aligned_alloc(64, size), 64, size);
        brkm_cfree(brkm_malloc(size));
        void *memory = brkm_malloc(size);
        ck_assert_ptr_null(brkm_realloc(memory, 0));
    }
    expect_sum(in_use(), 0, 0);
}
END_TEST

/* A block may be freed by the size that was asked for or that it has room for, as one that is no
 * sample; also where some blocks, but not those, are guarded. */
static const char *const sets_of_samples[] = {"", EVERY_BLOCK, EVERY_BLOCK ",guard_zero_size:true",
                                              EVERY_BLOCK ",guard_sample:100000"};

START_TEST(sized_frees_are_as_lenient_as_ever)
{
    begin(sets_of_samples[_i]);
    for (size_t size = 1; size < 3000; size += 7) {
        void *memory = brkm_malloc(size);
        brkm_free_sized(memory, brkm_malloc_usable_size(memory));
        brkm_free_sized(brkm_malloc(size), size);
    }
}
END_TEST

/* ---- Estimates through the malloc family ---- */

#define SEEDS 60
#define STEPS 4000
#define SLOTS 500
#define INTERVAL ((size_t)16384)

/* Replaces random blocks, and resizes some. Adds what is asked for to *bytes, and what is in use at
 * the end to *live. */
static void run_program(uint64_t *random, double *bytes, double *live)
{
    static void *blocks[SLOTS];
    static size_t sizes[SLOTS];
    for (size_t i = 0; i < STEPS; i++) {
        size_t slot = unit_random(random) % SLOTS;
        size_t size = (size_t)1 << unit_random(random) % 13;
        size += unit_random(random) % size;
        if (i % 3 == 0) {
            blocks[slot] = brkm_realloc(blocks[slot], size);
        } else {
            brkm_free(blocks[slot]);
            blocks[slot] = brkm_malloc(size);
        }
        ck_assert_ptr_nonnull(blocks[slot]);
        sizes[slot] = size;
        *bytes += (double)size;
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        *live += blocks[slot] != NULL ? (double)sizes[slot] : 0;
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
}

START_TEST(estimates_through_the_malloc_family_are_unbiased)
{
    static const char *const options[] = {
        "profile:true,profile_interval:16k",
        "profile:true,profile_interval:16k,profile_frame_pointers:true",
        "profile:true,profile_interval:16k,hardened:true",
        "profile:true,profile_interval:16k,perturb:85",
    };
    begin(options[_i]);
    double live = 0;
    double live_estimate = 0;
    double bytes = 0;
    uint64_t random = 1 + (uint64_t)_i;
    for (unsigned i = 0; i < SEEDS; i++) {
        run_program(&random, &bytes, &live);
        live_estimate += (double)in_use().bytes;
    }
    double estimate = (double)since_start().bytes;
    ck_assert_double_lt(fabs(estimate - bytes), 4 * sqrt((double)INTERVAL * bytes));
    /* What is in use at the ends depends on each other; one in ten of it, at most, is the same. */
    ck_assert_double_lt(fabs(live_estimate - live), 4 * sqrt(1.3 * (double)INTERVAL * live));
    ck_assert_uint_eq(brkm__profile_totals().lost, 0);
}
END_TEST

/* ---- Misuse of samples ---- */

static void *victim;

static void free_victim(void *unused)
{
    (void)unused;
    brkm_free(victim);
}

START_TEST(a_second_free_of_a_sample_is_found)
{
    begin(EVERY_BLOCK);
    victim = brkm_malloc(_i == 0 ? 100 : BRKM_MIB);
    brkm_free(victim);
    ck_assert(fake_os_dies(free_victim, NULL));
    ck_assert(unit_said("double free"));
}
END_TEST

#if !BRKM_VALGRIND

/* Valgrind itself would see it first. */
START_TEST(a_write_past_the_room_of_a_sample_is_found)
{
    begin(EVERY_BLOCK);
    victim = brkm_malloc(100);
    /* Through a variable of which the compiler forgets what is known. */
    char *volatile bytes = victim;
    bytes[brkm_malloc_usable_size(victim)] ^= 1;
    ck_assert(fake_os_dies(free_victim, NULL));
    ck_assert(unit_said("write past the end"));
}
END_TEST

#endif

/* ---- Options ---- */

START_TEST(nothing_is_sampled_unless_asked)
{
    static const char *const variables[] = {"BRKMALLOC_PROFILE", "", NULL};
    fake_os.variables = variables;
    begin("");
    brkm_free(brkm_malloc(10 * BRKM_MIB));
    ck_assert_uint_eq(brkm__profile_totals().samples, 0);
    ck_assert_uint_eq(brkm__profile_totals().bytes, 0);
    ck_assert_int_eq(brkm_profile_dump(NULL), ENOTSUP);
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
    ck_assert_ptr_null(fake_os_created_path());
}
END_TEST

START_TEST(the_variable_alone_turns_it_on)
{
    static const char *const variables[] = {"BRKMALLOC_PROFILE", "/tmp/%n.heap", NULL};
    fake_os.variables = variables;
    begin("");
    brkm_free(brkm_malloc(10 * BRKM_MIB));
    ck_assert_uint_eq(brkm__profile_totals().samples, 1);
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
    ck_assert_str_eq(fake_os_created_path(), "/tmp/1.heap");
}
END_TEST

START_TEST(the_option_overrules_the_variable)
{
    static const char *const variables[] = {"BRKMALLOC_PROFILE", "/tmp/%n.heap", NULL};
    fake_os.variables = variables;
    begin("profile:false");
    brkm_free(brkm_malloc(10 * BRKM_MIB));
    ck_assert_uint_eq(brkm__profile_totals().samples, 0);
    brkm__profiling_at_exit();
    ck_assert_ptr_null(fake_os_created_path());
}
END_TEST

START_TEST(set_user_id_programs_write_nothing)
{
    static const char *const variables[] = {"BRKMALLOC_PROFILE", "/tmp/%n.heap", NULL};
    fake_os.variables = variables;
    fake_os.secure_mode = true;
    begin("profile:true,profile_leaks:true,profile_leaks_exit_status:3,profile_signal:10");
    brkm_malloc(10 * BRKM_MIB);
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
    ck_assert_ptr_null(fake_os_created_path());
    ck_assert(fake_os_signal_handler(10) == NULL);
    ck_assert(!unit_said("in use at exit"));
}
END_TEST

START_TEST(the_file_at_exit_can_be_turned_off)
{
    begin("profile:true,profile_at_exit:false");
    brkm_free(brkm_malloc(10 * BRKM_MIB));
    brkm__profiling_at_exit();
    ck_assert_ptr_null(fake_os_created_path());
    ck_assert_int_eq(brkm_profile_dump(NULL), 0);
    ck_assert_ptr_nonnull(fake_os_created_path());
}
END_TEST

START_TEST(the_signal_has_it_written)
{
    begin("profile:true,profile_signal:12");
    ck_assert(fake_os_signal_handler(12) != NULL);
    fake_os_signal_handler(12)(12);
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), "\nreason signal\n"));
}
END_TEST

START_TEST(a_signal_that_cannot_be_had_is_told)
{
    fake_os.signal_in_use = true;
    begin("profile:true,profile_signal:12");
    ck_assert(
        unit_said("brkmalloc: heap profile: the signal of the option profile_signal cannot be "
                  "had; take another, such as USR2\n"));
}
END_TEST

START_TEST(without_memory_the_program_runs_without)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    begin("profile:true,profile_leaks:true");
    fake_os_fail(0, 0, false);
    ck_assert(unit_said("brkmalloc: heap profile: there is no memory for it; the program runs "
                        "without\n"));
    void *memory = brkm_malloc(BRKM_MIB);
    ck_assert_ptr_nonnull(memory);
    brkm_free(memory);
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
}
END_TEST

/* The loop's number is that of the mapping that fails. */
START_TEST(the_program_may_start_it_when_there_is_memory_again)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), (unsigned)_i, false);
    begin(EVERY_BLOCK);
    ck_assert(unit_said("brkmalloc: heap profile: there is no memory for it; the program runs "
                        "without\n"));
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    brkm_free(brkm_malloc(100));
    expect_sum(since_start(), 0, 0);
    ck_assert_int_eq(brkm_profile_dump("/heap"), ENOTSUP);
    fake_os_fail(FAKE_ONLY(FAKE_MAP), (unsigned)_i, false);
    ck_assert_int_eq(brkm_profile_start(), ENOMEM);
    ck_assert_int_eq(brkm_profile_start(), 0);
    void *memory = brkm_malloc(100);
    expect_sum(in_use(), 100, 1);
    brkm_free(memory);
    expect_sum(in_use(), 0, 0);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_told)
{
    static char path[5000];
    static const char *variables[] = {"BRKMALLOC_PROFILE", path, NULL};
    memset(path, 'x', sizeof(path) - 1);
    fake_os.variables = variables;
    begin("");
    ck_assert(
        unit_said("brkmalloc: heap profile: the file name in BRKMALLOC_PROFILE is longer than "
                  "4095 bytes; no file will be written by that name\n"));
}
END_TEST

/* ---- By the program ---- */

START_TEST(the_program_starts_and_stops_it)
{
    begin("profile_interval:1");
    void *unknown = brkm_malloc(100);
    brkm_profile_stop();
    ck_assert_int_eq(brkm_profile_start(), 0);
    ck_assert_int_eq(brkm_profile_start(), 0);
    void *known = brkm_malloc(200);
    brkm_free(unknown);
    expect_sum(in_use(), 200, 1);
    brkm_profile_stop();
    void *missed = brkm_malloc(300);
    expect_sum(in_use(), 200, 1);
    known = brkm_realloc(known, 250);
    expect_sum(in_use(), 0, 0);
    brkm_free(known);
    ck_assert_int_eq(brkm_profile_start(), 0);
    known = brkm_malloc(400);
    expect_sum(in_use(), 400, 1);
    brkm_free(missed);
    ck_assert_int_eq(brkm_profile_dump("/tmp/some"), 0);
    ck_assert_str_eq(fake_os_created_path(), "/tmp/some");
    ck_assert_ptr_nonnull(strstr(fake_os_created_text(), "\nreason request\n"));
    ck_assert_int_eq(brkm_profile_dump("/tmp/some"), EEXIST);
    brkm_free(known);
    expect_sum(since_start(), 600, 2);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(what_stopped_costs_nothing_any_more)
{
    begin("profile_interval:1");
    brkm_profile_start();
    brkm_free(brkm_malloc(100));
    brkm_profile_stop();
    void *first = brkm_malloc(100);
    brkm_free(first);
    ck_assert_uint_eq(brkm__cache_hit_limit, CACHE_HIT_MAX + 1);
    brkm_profile_start();
    ck_assert_uint_eq(brkm__cache_hit_limit, 0);
}
END_TEST

START_TEST(statistics_know_of_it)
{
    begin(EVERY_BLOCK);
    void *memory = brkm_malloc(1000);
    brkm_stats_print(NULL, NULL, BRKM_STATS_TEXT);
    ck_assert(unit_said("  samples                                          1  so far\n"
                        "  samples in use                                   1\n"));
    brkm_free(memory);
}
END_TEST

/* ---- Leaks ---- */

static void *volatile leaked;

START_TEST(leaks_are_reported_with_the_most_bytes_first)
{
    begin("profile_leaks:true,profile_leaks_exit_status:23");
    /* A loop that the compiler leaves one: another copy would be another stack. */
    for (volatile size_t i = 0; i < 3; i++) {
        leaked = brkm_malloc(1000);
    }
    leaked = brkm_malloc(50000);
    brkm_free(brkm_malloc(77777));
    ck_assert_int_eq(brkm__profiling_at_exit(), 23);
    ck_assert(unit_said(": 53000 bytes in 4 blocks, from 2 call stacks:\n"
                        "brkmalloc: 50000 bytes in 1 block from\n"
                        "brkmalloc:   0x"));
    ck_assert(unit_said("\nbrkmalloc: 3000 bytes in 3 blocks from\n"));
    ck_assert(!unit_said("77777"));
    /* The test's own process also exits. */
    ck_assert(brkm__option_set(OPTION_profile_leaks_exit_status, 0));
    ck_assert_ptr_null(fake_os_created_path());
}
END_TEST

START_TEST(without_leaks_there_is_no_report)
{
    begin("profile_leaks:true,profile_leaks_exit_status:23");
    brkm_free(brkm_malloc(77777));
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(estimated_leaks_say_so)
{
    begin("profile_leaks:true,profile_interval:4k");
    leaked = brkm_malloc(50000);
    ck_assert_int_eq(brkm__profiling_at_exit(), 0);
    ck_assert(unit_said(": about 50000 bytes in 1 block, from 1 call stack:\n"));
}
END_TEST

START_TEST(both_leaks_and_a_file_are_possible)
{
    begin("profile_leaks:true,profile:true");
    leaked = brkm_malloc(50 * BRKM_MIB);
    ck_assert_uint_eq(brkm__option_get(OPTION_profile_interval), 512 * BRKM_KIB);
    brkm__profiling_at_exit();
    ck_assert_ptr_nonnull(fake_os_created_path());
    ck_assert(unit_said("in use at exit"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("profiling");
    TCase *tests = unit_case(suite, "profiling");
    tcase_add_test(tests, each_function_counts);
    tcase_add_test(tests, realloc_counts_as_a_block_of_the_new_size);
    tcase_add_test(tests, a_realloc_that_fails_changes_nothing);
    tcase_add_test(tests, other_frees_count_too);
    tcase_add_loop_test(tests, sized_frees_are_as_lenient_as_ever, 0, 4);
    tcase_add_loop_test(tests, estimates_through_the_malloc_family_are_unbiased, 0, 4);
    tcase_add_loop_test(tests, a_second_free_of_a_sample_is_found, 0, 2);
#if !BRKM_VALGRIND
    tcase_add_test(tests, a_write_past_the_room_of_a_sample_is_found);
#endif
    tcase_add_test(tests, nothing_is_sampled_unless_asked);
    tcase_add_test(tests, the_variable_alone_turns_it_on);
    tcase_add_test(tests, the_option_overrules_the_variable);
    tcase_add_test(tests, set_user_id_programs_write_nothing);
    tcase_add_test(tests, the_file_at_exit_can_be_turned_off);
    tcase_add_test(tests, the_signal_has_it_written);
    tcase_add_test(tests, a_signal_that_cannot_be_had_is_told);
    tcase_add_test(tests, without_memory_the_program_runs_without);
    tcase_add_loop_test(tests, the_program_may_start_it_when_there_is_memory_again, 1, 4);
    tcase_add_test(tests, a_name_that_is_too_long_is_told);
    tcase_add_test(tests, the_program_starts_and_stops_it);
    tcase_add_test(tests, what_stopped_costs_nothing_any_more);
    tcase_add_test(tests, statistics_know_of_it);
    tcase_add_test(tests, leaks_are_reported_with_the_most_bytes_first);
    tcase_add_test(tests, without_leaks_there_is_no_report);
    tcase_add_test(tests, estimated_leaks_say_so);
    tcase_add_test(tests, both_leaks_and_a_file_are_possible);
    return suite;
}
