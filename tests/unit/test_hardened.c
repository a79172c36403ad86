/* SPDX-License-Identifier: MIT
 * hardened.h, quarantine.h, zero_size.h: the hardened mode, as far as no misuse is needed for it;
 * what it says of misuse is tested in tests/misuse/hardened. */
#include "guard/hardened.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "cache/cache_life.h"
#include "cache/thread_cache.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include "heap/mapped.h"
#include "kit/options.h"
#include "malloc/malloc.h"
#include "malloc/verify.h"
#include "profile/recorder.h"
#include "profile/records.h"
#include "profile/sampling.h"
#include "unit.h"

/* Small, of each step to the next block size, cached medium, heap, mapped. */
static const size_t sizes[] = {1,   8,   9,    15,   16,    17,     23,     24,     25,
                               100, 640, 1999, 3000, 60000, 100000, 200000, 3000000};
#define SIZES ((int)(sizeof(sizes) / sizeof(sizes[0])))

/* The sanitizers are slow. */
#define ROUNDS (UNIT_SANITIZED ? 100 : 1000)
#define STEPS (UNIT_SANITIZED ? 4000 : 20000)

/* But for guarded blocks, which would come by chance. */
static void switch_on(void)
{
    ck_assert(brkm__option_set(OPTION_hardened, 1));
    ck_assert(brkm__option_set(OPTION_guard_sample, 0));
    brkm__hardened_apply();
}

/* ---- Blocks ---- */

static void expect_sound(unsigned char *block, size_t size, size_t alignment)
{
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % alignment, 0);
    ck_assert_uint_eq(brkm_malloc_usable_size(block), size);
    ck_assert(unit_is_zero(block, size));
    unit_fill(block, size, (uint32_t)size);
}

/* Bytes that a test fills and looks at: more takes long and finds no more. */
#define FILLED_MOST (100 * BRKM_MIB)

START_TEST(blocks_are_cleared_and_as_large_as_asked_for)
{
    size_t size = sizes[_i];
    size_t rounds = min_size(ROUNDS, FILLED_MOST / size);
    void *before = brkm_malloc(size);
    switch_on();
    for (size_t round = 0; round < rounds; round++) {
        size_t alignment = (size_t)16 << round % 8;
        unsigned char *block = round % 2 == 0 ? brkm_malloc(size) : brkm_memalign(alignment, size);
        expect_sound(block, size, round % 2 == 0 ? 16 : alignment);
        ck_assert(unit_is_filled(block, size, (uint32_t)size));
        brkm_free_sized(block, size);
    }
    expect_sound(brkm_calloc(size, 3), 3 * size, 16);
    brkm_free(before);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(realloc_keeps_the_contents)
{
    switch_on();
    uint64_t state = 1;
    unsigned char *block = NULL;
    size_t size = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        size_t next = 1 + unit_random(&state) % (round % 10 == 0 ? 400000 : 3000);
        block = brkm_realloc(block, next);
        ck_assert_uint_eq(brkm_malloc_usable_size(block), next);
        ck_assert(size == 0 || memchr(block, 0, min_size(size, next)) == NULL);
        ck_assert(next <= size || unit_is_zero(block + size, next - size));
        memset(block, 1 + round % 255, next);
        size = next;
    }
    brkm_free(block);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(a_block_of_before_is_resized_and_freed)
{
    size_t size = sizes[_i];
    unsigned char *block = brkm_malloc(size);
    unit_fill(block, size, 3);
    switch_on();
    block = brkm_realloc(block, 2 * size);
    ck_assert(unit_is_filled(block, size, 3));
    ck_assert_uint_eq(brkm_malloc_usable_size(block), 2 * size);
    brkm_free(block);
}
END_TEST

START_TEST(sizes_past_all_bounds_are_refused)
{
    switch_on();
    static const size_t huge[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 8,
                                  (size_t)1 << 40};
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(brkm_malloc(huge[i]));
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_ptr_null(brkm_memalign(4096, huge[i]));
        void *block = brkm_malloc(10);
        ck_assert_ptr_null(brkm_realloc(block, huge[i]));
        brkm_free(block);
    }
}
END_TEST

/* ---- Memory that is short ---- */

START_TEST(what_is_kept_goes_when_memory_is_short)
{
    static void *blocks[100000];
    switch_on();
    fake_os.memory_limit = 16 * BRKM_MIB;
    for (int round = 0; round < 3; round++) {
        size_t count = 0;
        while (count < 100000 && (blocks[count] = brkm_malloc(1000)) != NULL) {
            count++;
        }
        ck_assert_uint_ge(count, 14000);
        while (count > 0) {
            brkm_free(blocks[--count]);
        }
        ck_assert_uint_gt(brkm__quarantine_bytes(), 0);
    }
    brkm_malloc_trim(0);
    ck_assert_uint_eq(brkm__quarantine_bytes(), 0);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(guards_that_the_system_refuses_are_left_out)
{
    switch_on();
    fake_os_fail(FAKE_ONLY(FAKE_PROTECT), 1, true);
    for (int i = 0; i < 100; i++) {
        unsigned char *block = brkm_malloc(1300000);
        expect_sound(block, 1300000, 16);
        brkm_free(block);
        block = brkm_malloc(0);
        ck_assert_ptr_nonnull(block);
        brkm_free(block);
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* ---- Mapped blocks ---- */

START_TEST(a_mapped_block_ends_at_its_guard)
{
    switch_on();
    size_t size = 1200000 + (size_t)_i;
    unsigned char *block = brkm_malloc(size);
    expect_sound(block, size, 16);
    /* Canary up to the next 16 bytes, fencepost. */
    uintptr_t guard = align_up((uintptr_t)block + size, PAGE);
    ck_assert_uint_le(guard - (uintptr_t)block - size, 15 + 8);
    brkm_free(block);
    ck_assert_uint_eq(brkm__mapped_totals().retired, 1);
    brkm_malloc_trim(0);
    ck_assert_uint_eq(brkm__mapped_totals().retired, 0);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
}
END_TEST

/* ---- Quarantine ---- */

START_TEST(a_freed_block_stays_away_for_a_while)
{
    switch_on();
    for (int round = 0; round < 100; round++) {
        void *block = brkm_malloc(100);
        brkm_free(block);
        for (int i = 0; i < 60; i++) {
            void *other = brkm_malloc(100);
            ck_assert_ptr_ne(other, block);
            brkm_free(other);
        }
    }
}
END_TEST

START_TEST(the_quarantine_keeps_to_its_bound)
{
    ck_assert(brkm__option_set(OPTION_quarantine, 100000));
    switch_on();
    for (size_t i = 0; i < 10000; i++) {
        brkm_free(brkm_malloc(i % 20000));
        ck_assert_uint_le(brkm__quarantine_bytes(), 100000 + 20016);
    }
}
END_TEST

/* Their addresses stand for blocks. */
static char kept[2000];
static bool has_left[2000];

static size_t bytes_of(const struct quarantine *own)
{
    return own->bytes;
}

static unsigned note_left(struct quarantined one)
{
    if (one.payload == NULL) {
        return 0;
    }
    size_t place = (size_t)((char *)one.payload - kept);
    ck_assert(!has_left[place]);
    has_left[place] = true;
    return 1;
}

START_TEST(every_block_leaves_once)
{
    ck_assert(brkm__option_set(OPTION_quarantine, 20000));
    void *owners[2];
    unsigned left = 0;
    brkm__quarantine_begin(&owners[0]);
    brkm__quarantine_begin(&owners[1]);
    for (size_t i = 0; i < 2000; i++) {
        struct quarantine *own = owners[i % 2];
        struct quarantined leaving[QUARANTINE_LEAVING_MAX];
        left += note_left(quarantine_exchange(own, (struct quarantined){&kept[i], 100, true}));
        if (!quarantine_is_settled(own)) {
            unsigned count = brkm__quarantine_settle(own, leaving);
            for (unsigned j = 0; j < count; j++) {
                left += note_left(leaving[j]);
            }
        }
        ck_assert(!has_left[i]);
        ck_assert_uint_le(brkm__quarantine_bytes(), 20000 + 200);
    }
    ck_assert_uint_eq(brkm__quarantine_bytes(), 100 * (2000 - left));
    const void *ended = owners[0];
    brkm__quarantine_hand_over(&owners[0]);
    ck_assert_ptr_null(owners[0]);
    for (unsigned more; (more = note_left(brkm__quarantine_take(owners[1]))) != 0;) {
        left += more;
    }
    ck_assert_uint_eq(left, 2000);
    ck_assert_uint_eq(brkm__quarantine_bytes(), 0);
    brkm__quarantine_begin(&owners[0]);
    ck_assert_ptr_eq(owners[0], ended);
}
END_TEST

/* Puts kept[first], ..., of 100 bytes each, into `own`; returns how many of those had to leave
 * whose place in `kept` is below `below`. */
static unsigned keep_hundreds(struct quarantine *own, size_t first, size_t count, size_t below)
{
    unsigned left = 0;
    for (size_t i = first; i < first + count; i++) {
        struct quarantined leaving[QUARANTINE_LEAVING_MAX];
        note_left(quarantine_exchange(own, (struct quarantined){&kept[i], 100, true}));
        unsigned leave = brkm__quarantine_settle(own, leaving);
        for (unsigned j = 0; j < leave; j++) {
            note_left(leaving[j]);
            left += (size_t)((char *)leaving[j].payload - kept) < below;
        }
    }
    return left;
}

START_TEST(what_ended_threads_keep_leaves_first)
{
    void *ended, *own;
    ck_assert(brkm__option_set(OPTION_quarantine, 20000));
    brkm__quarantine_begin(&ended);
    brkm__quarantine_begin(&own);
    ck_assert_uint_eq(keep_hundreds(ended, 0, 150, 2000), 0);
    ck_assert_uint_gt(keep_hundreds(own, 150, 150, 2000), 80);
    brkm__quarantine_hand_over(&ended);
    size_t had = brkm__quarantine_bytes();
    ck_assert_uint_gt(had, 15000);
    ck_assert_uint_gt(keep_hundreds(own, 300, 100, 150), 80);
    ck_assert_uint_gt(bytes_of(own), 12000);
    ck_assert_uint_le(brkm__quarantine_bytes(), 20000 + 100);
}
END_TEST

START_TEST(what_was_taken_of_ended_threads_makes_room)
{
    void *ended, *own;
    ck_assert(brkm__option_set(OPTION_quarantine, 20000));
    brkm__quarantine_begin(&ended);
    brkm__quarantine_begin(&own);
    keep_hundreds(ended, 0, 200, 2000);
    brkm__quarantine_hand_over(&ended);
    while (note_left(brkm__quarantine_take(NULL)) != 0) {
    }
    ck_assert_uint_eq(keep_hundreds(own, 200, 190, 2000), 0);
    ck_assert_uint_gt(bytes_of(own), 15000);
}
END_TEST

/* In the child of a fork the caches of other threads are forgotten, one that was about to end too.
 */
START_TEST(a_quarantine_that_was_handed_over_is_not_forgotten)
{
    void *ended, *own;
    ck_assert(brkm__option_set(OPTION_quarantine, 20000));
    brkm__quarantine_begin(&ended);
    brkm__quarantine_hand_over(&ended);
    brkm__quarantine_begin(&own);
    keep_hundreds(own, 0, 10, 2000);
    brkm__quarantine_forget(ended);
    ck_assert_uint_eq(bytes_of(own), 1000);
    ck_assert_uint_eq(brkm__quarantine_bytes(), 1000);
}
END_TEST

#define OVERWRITTEN 3000

static unsigned char *overwritten[OVERWRITTEN];

/* Beyond the bytes of the newest block that each call looks at. */
static void overwrite_all(void)
{
    for (size_t i = 0; i < OVERWRITTEN; i++) {
        overwritten[i][150] = 'x';
    }
}

static void allocate_again(void *unused)
{
    (void)unused;
    overwrite_all();
    for (size_t i = 0; i < OVERWRITTEN; i++) {
        brkm_malloc(200);
    }
}

static void trim(void *unused)
{
    (void)unused;
    overwrite_all();
    brkm_malloc_trim(0);
}

/* Wherever a block waits: in a stock, or in the store for all threads. */
START_TEST(a_write_to_a_block_that_waits_is_noticed)
{
    switch_on();
    ck_assert(brkm__option_set(OPTION_check_at_exit, 0));
    for (size_t i = 0; i < OVERWRITTEN; i++) {
        overwritten[i] = brkm_malloc(200);
    }
    for (size_t i = 0; i < OVERWRITTEN; i++) {
        brkm_free(overwritten[i]);
    }
    ck_assert(fake_os_dies(_i == 0 ? allocate_again : trim, NULL));
    ck_assert(unit_said("write after free"));
}
END_TEST

/* What it held is lost there, its share of the bound is not, and a new thread begins with it. */
START_TEST(a_quarantine_that_was_forgotten_serves_a_new_thread)
{
    void *other, *own, *next;
    ck_assert(brkm__option_set(OPTION_quarantine, 20000));
    brkm__quarantine_begin(&other);
    brkm__quarantine_begin(&own);
    keep_hundreds(other, 0, 150, 2000);
    keep_hundreds(own, 150, 10, 2000);
    brkm__quarantine_forget(other);
    ck_assert_uint_eq(brkm__quarantine_bytes(), 1000);
    brkm__quarantine_begin(&next);
    ck_assert_ptr_eq(next, other);
    ck_assert_uint_eq(bytes_of(next), 0);
    keep_hundreds(next, 160, 100, 2000);
    ck_assert_uint_eq(bytes_of(next), 10000);
}
END_TEST

/* As another thread may close them at any time. */
START_TEST(caches_may_be_closed_while_a_stock_is_filled)
{
    static void *blocks[2000];
    switch_on();
    for (int round = 0; round < 50; round++) {
        size_t size = 1 + (size_t)round * 20;
        brkm_free(brkm_malloc(size));
        atomic_store(&brkm__caches_closed, true);
        for (int i = 0; i < 2000; i++) {
            blocks[i] = brkm_malloc(size);
            unit_fill(blocks[i], size, (uint32_t)i);
        }
        ck_assert(!cache_is_real(brkm__thread_cache));
        atomic_store(&brkm__caches_closed, false);
        for (int i = 0; i < 2000; i++) {
            ck_assert(unit_is_filled(blocks[i], size, (uint32_t)i));
            brkm_free(blocks[i]);
        }
        ck_assert_int_eq(brkm_check_heap(), 0);
    }
}
END_TEST

static size_t kept_blocks(void)
{
    return brkm__quarantine_totals().blocks;
}

/* A burst is more than pool, queue and stock hold. */
START_TEST(what_is_kept_is_counted_and_used_again)
{
    static void *blocks[20000];
    switch_on();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 20000; i++) {
            blocks[i] = brkm_malloc(40);
            ck_assert(unit_is_zero(blocks[i], 40));
        }
        for (int i = 0; i < 20000; i++) {
            brkm_free(blocks[i]);
        }
        /* Guarded ones are not in here. */
        ck_assert_uint_ge(kept_blocks(), 19800);
        ck_assert_uint_le(kept_blocks(), 20000 + 400);
        ck_assert_uint_eq(brkm__quarantine_totals().bytes, kept_blocks() * 48);
        ck_assert_int_eq(brkm_check_heap(), 0);
    }
    brkm_malloc_trim(0);
    ck_assert_uint_eq(kept_blocks(), 0);
}
END_TEST

START_TEST(the_store_keeps_to_the_bound)
{
    static void *blocks[20000];
    ck_assert(brkm__option_set(OPTION_quarantine, 200000));
    switch_on();
    for (int i = 0; i < 20000; i++) {
        blocks[i] = brkm_malloc(40);
    }
    for (int i = 0; i < 20000; i++) {
        brkm_free(blocks[i]);
        ck_assert_uint_le(brkm__quarantine_totals().bytes, 200000 + 32 * 64);
    }
    ck_assert_uint_gt(brkm__quarantine_totals().bytes, 120000);
    /* Larger blocks need their room in the pool. */
    for (int i = 0; i < 500; i++) {
        brkm_free(brkm_malloc(5000));
        ck_assert_uint_le(brkm__quarantine_totals().bytes, 200000 + 2 * 32 * 64 + 5024);
    }
    ck_assert_uint_gt(brkm__quarantine_bytes(), 150000);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* Neighbours come out of the heap one after the other; out of malloc they do not. */
START_TEST(new_blocks_come_in_no_order)
{
    static char *blocks[1000];
    unsigned in_order = 0;
    switch_on();
    for (int i = 0; i < 1000; i++) {
        blocks[i] = brkm_malloc(100);
        in_order += i > 0 && blocks[i] == blocks[i - 1] + 112;
    }
    ck_assert_uint_lt(in_order, 300);
}
END_TEST

/* ---- Blocks of no bytes ---- */

START_TEST(blocks_of_no_bytes_are_distinct_and_out_of_reach)
{
    static void *blocks[20000];
    switch_on();
    for (size_t i = 0; i < 20000; i++) {
        blocks[i] = brkm_malloc(0);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq(brkm_malloc_usable_size(blocks[i]), 0);
        /* The first go up in one run, the rest are ordinary blocks. */
        ck_assert(i == 0 || !brkm__zero_size_contains(blocks[i]) || blocks[i] > blocks[i - 1]);
    }
    ck_assert(brkm__zero_size_contains(blocks[16383]));
    ck_assert(!brkm__zero_size_contains(blocks[16384]));
    blocks[7] = brkm_realloc(blocks[7], 10);
    ck_assert_uint_eq(brkm_malloc_usable_size(blocks[7]), 10);
    for (size_t i = 0; i < 20000; i++) {
        brkm_free(blocks[i]);
    }
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* ---- Random placement ---- */

START_TEST(which_block_comes_next_is_left_to_chance)
{
    ck_assert(brkm__option_set(OPTION_random_placement, 1));
    brkm__hardened_apply();
    unsigned as_last_in = 0;
    for (int round = 0; round < 400; round++) {
        void *blocks[8];
        for (int i = 0; i < 8; i++) {
            blocks[i] = brkm_malloc(100);
        }
        for (int i = 0; i < 8; i++) {
            brkm_free(blocks[i]);
        }
        void *next = brkm_malloc(100);
        as_last_in += next == blocks[7];
        brkm_free(next);
    }
    ck_assert_uint_gt(as_last_in, 50);
    ck_assert_uint_lt(as_last_in, 200);
}
END_TEST

/* The block that malloc gave, of which the compiler then knows neither the size nor the use. */
static unsigned char *hidden(void *block)
{
    __asm__ volatile("" : "+r"(block) : : "memory");
    return block;
}

/* Has `find` end the program for the block whose header is not what it was. */
static void expect_header_to_be_missed(unsigned char *block, void (*find)(void *))
{
    unsigned char header[BRKM_HEADER_SIZE];
    memcpy(header, block - BRKM_HEADER_SIZE, BRKM_HEADER_SIZE);
    memset(block - BRKM_HEADER_SIZE, 'x', BRKM_HEADER_SIZE);
    ck_assert(fake_os_dies(find, NULL));
    ck_assert(unit_said("header overwritten"));
    /* For what is looked at when the test exits. */
    memcpy(block - BRKM_HEADER_SIZE, header, BRKM_HEADER_SIZE);
}

static void raise_second(void *bin)
{
    brkm__cache_bin_raise(bin, 1);
}

START_TEST(a_damaged_link_on_the_way_to_the_next_block_is_found)
{
    ck_assert(brkm__option_set(OPTION_random_placement, 1));
    brkm__hardened_apply();
    unsigned char *blocks[2] = {hidden(brkm_malloc(100)), hidden(brkm_malloc(100))};
    brkm_free(blocks[0]);
    brkm_free(blocks[1]);
    struct cache_bin *bin =
        &brkm__thread_cache->bins[size_class_slot(block_size(block_from_payload(blocks[1])))];
    ck_assert_ptr_eq((void *)bin->first, blocks[1]);
    memset(blocks[1], 'x', sizeof(void *));
    ck_assert(fake_os_dies(raise_second, bin));
    ck_assert(unit_said("write after free, links of a"));
}
END_TEST

/* ---- What is found ---- */

static void malloc_any(void *unused)
{
    (void)unused;
    hidden(brkm_malloc(100));
}

START_TEST(a_damaged_header_of_the_block_freed_last_is_found_by_the_next_call)
{
    switch_on();
    unsigned char *block = hidden(brkm_malloc(100));
    brkm_free(block);
    expect_header_to_be_missed(block, malloc_any);
}
END_TEST

START_TEST(with_several_threads_nobody_looks_back)
{
    switch_on();
    unsigned char *block = hidden(brkm_malloc(100));
    fake_os_set_threads(true);
    brkm_free(brkm_malloc(100));
    fake_os_set_threads(false);
    /* Of the block that was handed out before nothing is known any more. */
    unsigned char canary = block[100];
    block[100] = 'x';
    brkm_free(hidden(brkm_malloc(1000)));
    block[100] = canary;
    brkm_free(block);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

static void check_all(void *unused)
{
    (void)unused;
    brkm__hardened_check_all();
}

START_TEST(a_damaged_header_is_found_at_exit)
{
    switch_on();
    unsigned char *block = hidden(brkm_malloc(100));
    brkm__hardened_check_all();
    expect_header_to_be_missed(block, check_all);
    ck_assert(unit_said("called from exit"));
}
END_TEST

/* Two threads free a block at a time: both have verified it, then one comes first. */

static struct {
    void *memory;
    struct held held;
} verified;

static void take_back(void *unused)
{
    (void)unused;
    brkm__watch_release(verified.memory, verified.held, "free");
}

static void expect_one_to_be_told(void *memory)
{
    fake_os_set_threads(true);
    verified.memory = memory;
    verified.held = brkm__verify_in_use(memory, "free");
    take_back(NULL);
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert(fake_os_dies(take_back, NULL));
    ck_assert(unit_said("double free"));
    fake_os_set_threads(false);
}

START_TEST(of_two_threads_that_free_a_block_one_is_told)
{
    static const size_t of_every_kind[] = {0, 100, 3000, 100000, 3000000};
    switch_on();
    expect_one_to_be_told(brkm_malloc(of_every_kind[_i]));
}
END_TEST

static void sample_every_block(void)
{
    ck_assert(brkm__option_set(OPTION_profile_interval, 1));
    ck_assert(brkm__profile_begin());
    brkm__sampling_begin(1);
    brkm__recorder_turn(true);
}

START_TEST(of_two_threads_that_free_a_sample_one_is_told)
{
    sample_every_block();
    expect_one_to_be_told(brkm_malloc(100));
}
END_TEST

/* ---- The heap profile beside it ---- */

START_TEST(what_is_not_watched_for_other_reasons_is_sampled)
{
    if (_i == 0) {
        ck_assert(brkm__option_set(OPTION_guard_zero_size, 1));
        brkm__hardened_apply();
    } else {
        switch_on();
    }
    sample_every_block();
    for (size_t i = 0; i < SIZES; i++) {
        void *block = brkm_malloc(sizes[i]);
        ck_assert_uint_eq(brkm__profile_totals().in_use.bytes, sizes[i]);
        brkm_free(block);
        ck_assert_uint_eq(brkm__profile_totals().in_use.bytes, 0);
    }
    ck_assert_uint_eq(brkm__profile_totals().samples, SIZES);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* ---- Threads ---- */

/* Threads come and go: the next goes on with the quarantine of one that ended. */
static void *free_some(void *argument)
{
    for (int i = 0; i < 100; i++) {
        brkm_free(brkm_malloc(100 + (size_t)i));
    }
    return argument;
}

START_TEST(a_quarantine_outlives_its_thread)
{
    switch_on();
    brkm__cache_watch_threads();
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, free_some, NULL), 0);
        pthread_join(thread, NULL);
        ck_assert_uint_ge(kept_blocks(), 90);
        ck_assert_uint_le(kept_blocks(), 600);
    }
    /* A crate or two at most, and no quarantine for each thread. */
    ck_assert_uint_le(brkm__quarantine_totals().own_bytes, 100000);
    brkm__hardened_check_all();
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

static void *churn(void *argument)
{
    uint64_t state = (uintptr_t)argument;
    void *blocks[64] = {NULL};
    for (int i = 0; i < STEPS; i++) {
        void **block = &blocks[unit_random(&state) % 64];
        brkm_free(*block);
        size_t size = unit_random(&state) % 5000;
        *block = brkm_malloc(size);
        ck_assert(unit_is_zero(*block, size));
        unit_fill(*block, size, 1);
    }
    for (int i = 0; i < 64; i++) {
        brkm_free(blocks[i]);
    }
    return NULL;
}

START_TEST(threads_share_the_bound)
{
    pthread_t threads[4];
    switch_on();
    brkm__cache_watch_threads();
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    brkm__hardened_check_all();
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

/* Where blocks end, and trailers begin. All threads begin and end the sampling. */
static void *resize_where_they_stand(void *argument)
{
    uint64_t state = (uintptr_t)argument;
    for (int i = 0; i < STEPS; i++) {
        size_t size = 20 + unit_random(&state) % 21;
        unsigned char *block = brkm_malloc(size);
        unit_fill(block, size, 5);
        size_t next = 36 + unit_random(&state) % 5;
        brkm__recorder_turn(i % 2 == 0);
        block = brkm_realloc(block, next);
        ck_assert(unit_is_filled(block, min_size(size, next), 5));
        ck_assert_uint_eq(brkm_malloc_usable_size(block), next);
        brkm_free(block);
    }
    return NULL;
}

START_TEST(sampling_begins_and_ends_while_others_resize)
{
    pthread_t threads[4];
    switch_on();
    brkm__cache_watch_threads();
    sample_every_block();
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, resize_where_they_stand, (void *)(i + 1)), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    brkm__hardened_check_all();
    ck_assert_uint_eq(brkm__profile_totals().live, 0);
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("hardened");
    TCase *blocks = unit_case(suite, "blocks");
    tcase_add_loop_test(blocks, blocks_are_cleared_and_as_large_as_asked_for, 0, SIZES);
    tcase_add_test(blocks, realloc_keeps_the_contents);
    tcase_add_loop_test(blocks, a_block_of_before_is_resized_and_freed, 0, SIZES);
    tcase_add_test(blocks, sizes_past_all_bounds_are_refused);
    tcase_add_loop_test(blocks, a_mapped_block_ends_at_its_guard, 0, 17);
    tcase_add_test(blocks, blocks_of_no_bytes_are_distinct_and_out_of_reach);
    tcase_add_test(blocks, which_block_comes_next_is_left_to_chance);
    tcase_add_test(blocks, a_damaged_link_on_the_way_to_the_next_block_is_found);
    TCase *waiting = unit_case(suite, "quarantine");
    tcase_add_test(waiting, a_freed_block_stays_away_for_a_while);
    tcase_add_test(waiting, the_quarantine_keeps_to_its_bound);
    tcase_add_test(waiting, every_block_leaves_once);
    tcase_add_test(waiting, what_ended_threads_keep_leaves_first);
    tcase_add_test(waiting, what_was_taken_of_ended_threads_makes_room);
    tcase_add_test(waiting, a_quarantine_that_was_handed_over_is_not_forgotten);
    tcase_add_test(waiting, a_quarantine_that_was_forgotten_serves_a_new_thread);
    tcase_add_loop_test(waiting, a_write_to_a_block_that_waits_is_noticed, 0, 2);
    tcase_add_test(waiting, caches_may_be_closed_while_a_stock_is_filled);
    tcase_add_test(waiting, what_is_kept_is_counted_and_used_again);
    tcase_add_test(waiting, the_store_keeps_to_the_bound);
    tcase_add_test(waiting, new_blocks_come_in_no_order);
    TCase *found = unit_case(suite, "found");
    tcase_add_test(found, a_damaged_header_of_the_block_freed_last_is_found_by_the_next_call);
    tcase_add_test(found, with_several_threads_nobody_looks_back);
    tcase_add_test(found, a_damaged_header_is_found_at_exit);
    tcase_add_loop_test(found, of_two_threads_that_free_a_block_one_is_told, 0, 5);
    tcase_add_test(found, of_two_threads_that_free_a_sample_one_is_told);
    tcase_add_loop_test(found, what_is_not_watched_for_other_reasons_is_sampled, 0, 2);
    TCase *trouble = unit_case(suite, "trouble");
    tcase_add_test(trouble, what_is_kept_goes_when_memory_is_short);
    tcase_add_test(trouble, guards_that_the_system_refuses_are_left_out);
    tcase_add_test(trouble, threads_share_the_bound);
    tcase_add_test(trouble, sampling_begins_and_ends_while_others_resize);
    tcase_add_test(trouble, a_quarantine_outlives_its_thread);
    return suite;
}
