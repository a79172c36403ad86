/* SPDX-License-Identifier: MIT
 * bins.h on a region that the test lays out itself: free blocks with blocks in use between them. */
#include "heap/bins.h"

#include "heap/regions.h"
#include "heap/size_class.h"
#include "system/os.h"
#include "unit.h"

#define ROOM (4 * BRKM_MIB)

static struct bins bins;
static struct mem_control_block *next_place;

static void start(void)
{
    brkm__block_draw_secret();
    void *region = brkm__os_map(ROOM);
    ck_assert_ptr_nonnull(region);
    next_place = block_at_offset(region, BRKM_HEADER_SIZE);
    ck_assert_ptr_nonnull(brkm__regions_add(REGION_FALLBACK, (uintptr_t)region,
                                            (uintptr_t)region + ROOM, next_place));
}

/* A free block, not in a bin yet, at the next higher address, with a block in use behind it. */
static struct mem_control_block *lay(size_t size)
{
    struct mem_control_block *block = next_place;
    struct mem_control_block *behind = block_at_offset(block, size);
    block_create(block, size, BLOCK_FREE);
    block_create(behind, BRKM_MIN_BLOCK, BLOCK_IN_USE);
    block_make_free(block, size, 0);
    next_place = block_next(behind);
    return block;
}

static void insert(struct mem_control_block *block)
{
    brkm__bins_insert(&bins, block, block_size(block));
}

static void take_out(struct mem_control_block *block)
{
    brkm__bins_remove(&bins, block, block_size(block));
}

static struct mem_control_block *lay_and_insert(size_t size)
{
    struct mem_control_block *block = lay(size);
    insert(block);
    return block;
}

static bool is_marked(unsigned bin)
{
    bool bit = bins.words[bin / BINS_WORD_BITS] >> bin % BINS_WORD_BITS & 1;
    bool word = bins.summary >> bin / BINS_WORD_BITS & 1;
    ck_assert_int_eq(word, bins.words[bin / BINS_WORD_BITS] != 0);
    return bit;
}

static void expect_empty(void)
{
    ck_assert_uint_eq(bins.blocks, 0);
    ck_assert_uint_eq(bins.bytes, 0);
    ck_assert_uint_eq(bins.summary, 0);
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        ck_assert(!is_marked(bin));
        ck_assert_ptr_null(bins.heads[bin]);
    }
}

/* ---- Insert, remove, take ---- */

START_TEST(nothing_comes_out_of_empty_bins)
{
    expect_empty();
    ck_assert_ptr_null(brkm__bins_take(&bins, BRKM_MIN_BLOCK));
    ck_assert_ptr_null(brkm__bins_take(&bins, 100 * BRKM_GIB));
    ck_assert_uint_eq(brkm__bins_next_used(&bins, 0), BRKM_BIN_COUNT);
    ck_assert_uint_eq(brkm__bins_next_used(&bins, BRKM_BIN_COUNT), BRKM_BIN_COUNT);
}
END_TEST

START_TEST(a_block_goes_into_the_bin_of_its_size)
{
    static const size_t sizes[] = {32, 48, 1024, 1040, 1088, 4096, 65536, BRKM_MIB};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct mem_control_block *block = lay_and_insert(sizes[i]);
        unsigned bin = size_class_bin(sizes[i]);
        bytes += sizes[i];
        ck_assert_ptr_eq(&bins.heads[bin]->header, block);
        ck_assert(is_marked(bin));
        ck_assert_uint_eq(bins.blocks, i + 1);
        ck_assert_uint_eq(bins.bytes, bytes);
    }
}
END_TEST

START_TEST(remove_takes_first_middle_and_last_out_of_a_list)
{
    for (size_t victim = 0; victim < 3; victim++) {
        struct mem_control_block *blocks[3];
        for (size_t i = 0; i < 3; i++) {
            blocks[i] = lay_and_insert(64);
        }
        unsigned bin = size_class_bin(64);
        take_out(blocks[victim]);
        ck_assert_uint_eq(bins.blocks, 2);
        ck_assert_uint_eq(bins.bytes, 128);
        size_t found = 0;
        const struct free_block *previous = NULL;
        for (const struct free_block *free = bins.heads[bin]; free != NULL; free = free->next) {
            ck_assert_ptr_ne(&free->header, blocks[victim]);
            ck_assert_ptr_eq(free->previous, previous);
            previous = free;
            found++;
        }
        ck_assert_uint_eq(found, 2);
        ck_assert(is_marked(bin));
        take_out(blocks[(victim + 1) % 3]);
        take_out(blocks[(victim + 2) % 3]);
        expect_empty();
    }
}
END_TEST

START_TEST(take_prefers_the_exact_size)
{
    struct mem_control_block *small = lay_and_insert(64);
    struct mem_control_block *exact = lay_and_insert(80);
    struct mem_control_block *large = lay_and_insert(96);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 80), exact);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 80), large);
    ck_assert_ptr_null(brkm__bins_take(&bins, 80));
    ck_assert_ptr_eq(brkm__bins_take(&bins, 32), small);
    expect_empty();
}
END_TEST

/* All of these sizes share one bin. */
START_TEST(take_finds_the_best_fit_within_a_bin)
{
    static const size_t sizes[] = {65536, 65536 + 3200, 65536 + 64, 65536 + 4000, 65536 + 1600};
    struct mem_control_block *blocks[5];
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(size_class_bin(sizes[i]), size_class_bin(65536));
        blocks[i] = lay_and_insert(sizes[i]);
    }
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536 + 80), blocks[4]);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536 + 64), blocks[2]);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536 + 3216), blocks[3]);
    ck_assert_ptr_null(brkm__bins_take(&bins, 65536 + 3216));
    ck_assert_ptr_eq(brkm__bins_take(&bins, 40000), blocks[0]);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536), blocks[1]);
    expect_empty();
}
END_TEST

START_TEST(the_lower_of_two_equals_is_taken_first)
{
    struct mem_control_block *low = lay(64);
    struct mem_control_block *high = lay(64);
    insert(_i == 0 ? low : high);
    insert(_i == 0 ? high : low);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 64), low);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 64), high);
    expect_empty();
}
END_TEST

START_TEST(the_search_within_a_bin_is_bounded_but_a_larger_bin_serves)
{
    struct mem_control_block *blocks[BRKM_BIN_SCAN + 1];
    for (int i = 0; i < BRKM_BIN_SCAN; i++) {
        blocks[i] = lay(65536);
    }
    /* From the highest address down: each comes in front, and the one that would do is the last. */
    blocks[BRKM_BIN_SCAN] = lay(65536 + 4000);
    for (int i = BRKM_BIN_SCAN; i >= 0; i--) {
        insert(blocks[i]);
    }
    ck_assert_ptr_null(brkm__bins_take(&bins, 65536 + 2000));
    struct mem_control_block *large = lay_and_insert(BRKM_MIB);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536 + 2000), large);
    ck_assert_ptr_null(brkm__bins_take(&bins, 65536 + 2000));
    take_out(blocks[0]);
    ck_assert_ptr_eq(brkm__bins_take(&bins, 65536 + 2000), blocks[BRKM_BIN_SCAN]);
}
END_TEST

START_TEST(the_next_used_bin_is_found_across_words)
{
    static const size_t sizes[] = {32, 1024, 4096, BRKM_MIB};
    for (size_t i = 0; i < 4; i++) {
        lay_and_insert(sizes[i]);
    }
    unsigned bin = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned expected = size_class_bin(sizes[i]);
        for (; bin <= expected; bin++) {
            ck_assert_uint_eq(brkm__bins_next_used(&bins, bin), expected);
        }
    }
    for (; bin <= BRKM_BIN_COUNT; bin++) {
        ck_assert_uint_eq(brkm__bins_next_used(&bins, bin), BRKM_BIN_COUNT);
    }
}
END_TEST

/* ---- Against a model ---- */

#define COUNT 400

/* No free block would do; with the bounded search a larger one may be taken. */
static void expect_good_choice(struct mem_control_block *const *blocks, const bool *listed,
                               const struct mem_control_block *taken, size_t size)
{
    size_t best = SIZE_MAX;
    size_t fitting_above_bin = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t candidate = block_size(blocks[i]);
        if (listed[i] && candidate >= size) {
            best = min_size(best, candidate);
            fitting_above_bin += size_class_bin(candidate) > size_class_bin(size);
        }
    }
    if (taken == NULL) {
        ck_assert(fitting_above_bin == 0);
        ck_assert(best == SIZE_MAX || !size_class_is_exact(size_class_bin(size)));
        return;
    }
    ck_assert_uint_ge(block_size(taken), size);
    if (size_class_is_exact(size_class_bin(best))) {
        ck_assert_uint_eq(block_size(taken), best);
    }
}

START_TEST(random_inserts_and_takes_agree_with_a_model)
{
    static struct mem_control_block *blocks[COUNT];
    static bool listed[COUNT];
    uint64_t random = 99;
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t bound = i % 3 == 0 ? 600 : 90;
        blocks[i] = lay(BRKM_MIN_BLOCK + unit_random(&random) % bound * BRKM_ALIGNMENT);
    }
    for (int step = 0; step < 40000; step++) {
        size_t i = unit_random(&random) % COUNT;
        if (!listed[i]) {
            insert(blocks[i]);
            listed[i] = true;
            count++;
        } else if (unit_random(&random) % 2 == 0) {
            take_out(blocks[i]);
            listed[i] = false;
            count--;
        } else {
            size_t size = BRKM_MIN_BLOCK + unit_random(&random) % 700 * BRKM_ALIGNMENT;
            struct mem_control_block *taken = brkm__bins_take(&bins, size);
            expect_good_choice(blocks, listed, taken, size);
            for (size_t j = 0; j < COUNT && taken != NULL; j++) {
                if (blocks[j] == taken) {
                    ck_assert(listed[j]);
                    listed[j] = false;
                    count--;
                }
            }
        }
        ck_assert_uint_eq(bins.blocks, count);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (listed[i]) {
            take_out(blocks[i]);
        }
    }
    expect_empty();
}
END_TEST

/* ---- Overwritten links ---- */

static void remove_block(void *block)
{
    take_out(block);
}

/* None of the three is large enough: the search sees them all. */
static void search(void *unused)
{
    (void)unused;
    brkm__bins_take(&bins, 65536 + 48);
}

static struct free_block *three[3];

static void lay_three(void)
{
    for (size_t i = 0; i < 3; i++) {
        three[i] = (struct free_block *)lay_and_insert(65536 + 16 * i);
    }
}

#define LINKS "links of a free block overwritten"

START_TEST(an_overwritten_next_link_ends_the_program)
{
    uint64_t stranger[8] = {0};
    lay_three();
    struct free_block *const bad[] = {(struct free_block *)stranger, (struct free_block *)8,
                                      three[1] + 1, (struct free_block *)~(uintptr_t)7, three[1]};
    three[1]->next = bad[_i];
    ck_assert(fake_os_dies(remove_block, three[1]));
    ck_assert(unit_said(LINKS));
}
END_TEST

START_TEST(an_overwritten_previous_link_ends_the_program)
{
    uint64_t stranger[8] = {0};
    lay_three();
    struct free_block *const bad[] = {(struct free_block *)stranger, NULL, three[1], three[0]};
    three[1]->previous = bad[_i];
    ck_assert(fake_os_dies(remove_block, three[1]));
    ck_assert(unit_said(LINKS));
}
END_TEST

START_TEST(links_that_a_neighbour_in_the_list_contradicts_end_the_program)
{
    lay_three();
    three[2]->next = three[0];
    ck_assert(fake_os_dies(remove_block, three[2]));
    ck_assert(unit_said(LINKS));
}
END_TEST

START_TEST(a_search_does_not_follow_an_overwritten_link)
{
    uint64_t stranger[8] = {0};
    lay_three();
    bins.heads[size_class_bin(65536)]->next = (struct free_block *)stranger;
    ck_assert(fake_os_dies(search, NULL));
    ck_assert(unit_said(LINKS));
}
END_TEST

static void lay_another(void *address)
{
    *(struct mem_control_block **)address = lay_and_insert(65536 + 16 * 5);
}

START_TEST(an_insertion_does_not_write_through_an_overwritten_link)
{
    void *target[4] = {0};
    struct mem_control_block *ignored;
    lay_three();
    bins.heads[size_class_bin(65536)]->next = (struct free_block *)&target[1];
    ck_assert(fake_os_dies(lay_another, &ignored));
    ck_assert(unit_said(LINKS));
    ck_assert_ptr_null(target[3]);
}
END_TEST

static void walk(void *unused)
{
    (void)unused;
    const struct free_block *block = NULL;
    while ((block = brkm__bins_step(&bins, size_class_bin(65536), block)) != NULL) {
        ck_assert(block_is(&block->header, BLOCK_FREE));
    }
}

START_TEST(a_walk_does_not_follow_an_overwritten_link)
{
    uint64_t stranger[8] = {0};
    lay_three();
    walk(NULL);
    bins.heads[size_class_bin(65536)]->next->next = (struct free_block *)stranger;
    ck_assert(fake_os_dies(walk, NULL));
    ck_assert(unit_said(LINKS));
}
END_TEST

START_TEST(a_search_notices_an_overwritten_header)
{
    lay_three();
    three[_i]->header.seal ^= 0x4000;
    ck_assert(fake_os_dies(search, NULL));
    ck_assert(unit_said("header overwritten"));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("bins");
    TCase *lists = unit_case(suite, "lists");
    tcase_add_checked_fixture(lists, start, NULL);
    tcase_add_test(lists, nothing_comes_out_of_empty_bins);
    tcase_add_test(lists, a_block_goes_into_the_bin_of_its_size);
    tcase_add_test(lists, remove_takes_first_middle_and_last_out_of_a_list);
    tcase_add_test(lists, take_prefers_the_exact_size);
    tcase_add_test(lists, take_finds_the_best_fit_within_a_bin);
    tcase_add_loop_test(lists, the_lower_of_two_equals_is_taken_first, 0, 2);
    tcase_add_test(lists, the_search_within_a_bin_is_bounded_but_a_larger_bin_serves);
    tcase_add_test(lists, the_next_used_bin_is_found_across_words);
    tcase_add_test(lists, random_inserts_and_takes_agree_with_a_model);
    TCase *damage = unit_case(suite, "damage");
    tcase_add_checked_fixture(damage, start, NULL);
    tcase_add_loop_test(damage, an_overwritten_next_link_ends_the_program, 0, 5);
    tcase_add_loop_test(damage, an_overwritten_previous_link_ends_the_program, 0, 4);
    tcase_add_test(damage, links_that_a_neighbour_in_the_list_contradicts_end_the_program);
    tcase_add_test(damage, a_search_does_not_follow_an_overwritten_link);
    tcase_add_test(damage, an_insertion_does_not_write_through_an_overwritten_link);
    tcase_add_test(damage, a_walk_does_not_follow_an_overwritten_link);
    tcase_add_loop_test(damage, a_search_notices_an_overwritten_header, 0, 3);
    return suite;
}
