/* SPDX-License-Identifier: MIT
 * block.h: the header, its seal and its guard. */
#include "unit.h"

#include <string.h>

#include "system/os.h"

static const enum block_state states[] = {BLOCK_IN_USE, BLOCK_CACHED,    BLOCK_FREE,    BLOCK_GONE,
                                          BLOCK_TOP,    BLOCK_FENCEPOST, BLOCK_WATCHED, BLOCK_ROW};
#define STATES (sizeof(states) / sizeof(states[0]))

static const size_t sizes[] = {0,
                               32,
                               48,
                               1024,
                               4096,
                               65536,
                               BRKM_MIB - 16,
                               BRKM_MIB,
                               BRKM_MIB + 16,
                               16 * BRKM_MIB,
                               33 * BRKM_MIB - 16,
                               100 * BRKM_MIB,
                               BRKM_MAX_BLOCK};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* A place where a header may stand, with `room` bytes behind. */
static struct mem_control_block *place(size_t room)
{
    brkm__block_draw_secret();
    unsigned char *memory = brkm__os_map(align_up(room + PAGE, PAGE));
    ck_assert_ptr_nonnull(memory);
    return block_from_payload(memory + BRKM_ALIGNMENT);
}

START_TEST(a_payload_and_its_header_lead_to_each_other)
{
    struct mem_control_block *block = place(64);
    ck_assert_uint_eq((uintptr_t)block_payload(block) % BRKM_ALIGNMENT, 0);
    ck_assert_uint_eq((uintptr_t)block_payload(block) - (uintptr_t)block, BRKM_HEADER_SIZE);
    ck_assert_ptr_eq(block_from_payload(block_payload(block)), block);
    ck_assert_uint_eq(sizeof(struct mem_control_block), BRKM_HEADER_SIZE);
}
END_TEST

START_TEST(a_request_gets_the_smallest_block_that_holds_it)
{
    for (size_t size = 0; size < 5000; size++) {
        size_t block = block_size_for_request(size);
        ck_assert_uint_eq(block % BRKM_ALIGNMENT, 0);
        ck_assert_uint_ge(block, size + BRKM_HEADER_SIZE);
        ck_assert_uint_ge(block, BRKM_MIN_BLOCK);
        ck_assert(block == BRKM_MIN_BLOCK || block - BRKM_ALIGNMENT < size + BRKM_HEADER_SIZE);
    }
    ck_assert_uint_eq(block_size_for_request(24), 32);
    ck_assert_uint_eq(block_size_for_request(25), 48);
    ck_assert_uint_ge(block_size_for_request(PTRDIFF_MAX), (size_t)PTRDIFF_MAX);
}
END_TEST

START_TEST(size_and_state_are_read_as_written)
{
    struct mem_control_block *block = place(64);
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t j = 0; j < STATES; j++) {
            block_create(block, sizes[i], states[j]);
            ck_assert_uint_eq(block_size(block), sizes[i]);
            ck_assert_uint_eq(block_short_size(block), sizes[i]);
            ck_assert_int_eq((int)block_state(block), (int)states[j]);
            for (size_t k = 0; k < STATES; k++) {
                block_set_state(block, states[k]);
                ck_assert_int_eq((int)block_state(block), (int)states[k]);
                ck_assert_uint_eq(block_size(block), sizes[i]);
            }
        }
    }
    block_set(block, 4096, BLOCK_IN_USE);
    ck_assert_uint_eq(block_usable_size(block), 4096 - BRKM_HEADER_SIZE);
    ck_assert_ptr_eq(block_next(block), block_at_offset(block, 4096));
}
END_TEST

START_TEST(flags_stand_alone)
{
    struct mem_control_block *block = place(64);
    const enum block_flag first = BLOCK_FLAG_PREVIOUS_FREE;
    const enum block_flag second = BLOCK_FLAG_REGION_START;
    memset(block, 0xff, BRKM_HEADER_SIZE);
    block_create(block, 64, BLOCK_FREE);
    ck_assert(!block_has_flag(block, first) && !block_has_flag(block, second));
    block_change_flag(block, first, true);
    ck_assert(block_has_flag(block, first) && !block_has_flag(block, second));
    block_change_flag(block, second, true);
    block_set(block, 4096, BLOCK_IN_USE);
    ck_assert(block_has_flag(block, first) && block_has_flag(block, second));
    block_change_flag(block, first, false);
    ck_assert(!block_has_flag(block, first) && block_has_flag(block, second));
    ck_assert_int_eq((int)block_state(block), (int)BLOCK_IN_USE);
    ck_assert_uint_eq(block_size(block), 4096);
}
END_TEST

/* ---- Damage ---- */

static void ask_size(void *block)
{
    block_size(block);
}

START_TEST(an_overwritten_long_size_ends_the_program)
{
    struct mem_control_block *block = place(64);
    block_create(block, 5 * BRKM_GIB, BLOCK_FREE);
    ck_assert_uint_eq(block_size(block), 5 * BRKM_GIB);
    ((size_t *)block_payload(block))[_i] ^= 16;
    ck_assert(fake_os_dies(ask_size, block));
    ck_assert(unit_said("write after free, links of a free block overwritten"));
}
END_TEST

START_TEST(every_flipped_bit_of_seal_and_size_is_noticed)
{
    struct mem_control_block *block = place(64);
    unsigned char *bytes = (unsigned char *)block;
    size_t flags = offsetof(struct mem_control_block, flags);
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t j = 0; j < STATES; j++) {
            for (size_t bit = 0; bit < 8 * BRKM_HEADER_SIZE; bit++) {
                if (bit / 8 == flags && (1u << bit % 8 & (unsigned)BLOCK_FLAGS_ALL) != 0) {
                    continue;
                }
                block_create(block, sizes[i], states[j]);
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
                ck_assert_msg(block_state(block) == BLOCK_DAMAGED, "bit %zu, size %zu, state %x",
                              bit, sizes[i], states[j]);
            }
        }
    }
}
END_TEST

START_TEST(a_tight_block_tells_its_slack)
{
    struct mem_control_block *block = place(64);
    for (size_t i = 0; i < SIZES; i++) {
        for (unsigned slack = 0; slack <= BLOCK_SLACK_MAX; slack++) {
            block_create(block, sizes[i], block_tight_state(slack));
            ck_assert_int_eq((int)block_state(block), (int)BLOCK_TIGHT);
            ck_assert_uint_eq(block_slack(block), slack);
            if (sizes[i] <= BLOCK_BYTE_SIZE_MAX) {
                ck_assert_uint_eq(block_slack_of(block, sizes[i]), slack);
                ck_assert_uint_gt(block_slack_of(block, sizes[i] + 16), BLOCK_SLACK_MAX);
            }
        }
        for (size_t j = 0; j < STATES && sizes[i] <= BLOCK_BYTE_SIZE_MAX; j++) {
            block_create(block, sizes[i], states[j]);
            ck_assert_uint_gt(block_slack_of(block, sizes[i]), BLOCK_SLACK_MAX);
        }
    }
}
END_TEST

START_TEST(no_bit_makes_another_slack_of_one)
{
    static const size_t tight_sizes[] = {32, 48, 1024, BLOCK_BYTE_SIZE_MAX};
    struct mem_control_block *block = place(64);
    unsigned char *bytes = (unsigned char *)block;
    for (size_t i = 0; i < sizeof(tight_sizes) / sizeof(tight_sizes[0]); i++) {
        for (unsigned slack = 0; slack <= BLOCK_SLACK_MAX; slack++) {
            block_create(block, tight_sizes[i], block_tight_state(slack));
            for (size_t bit = 0; bit < 8 * sizeof(*block); bit++) {
                bool is_known_flag = bit / 8 == offsetof(struct mem_control_block, flags) &&
                                     (1u << bit % 8 & (unsigned)BLOCK_FLAGS_ALL) != 0;
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
                uint64_t told = block_slack_of(block, tight_sizes[i]);
                ck_assert_msg((told <= BLOCK_SLACK_MAX) == is_known_flag,
                              "bit %zu, size %zu, slack %u", bit, tight_sizes[i], slack);
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            }
        }
    }
}
END_TEST

START_TEST(no_byte_makes_another_state_of_one)
{
    struct mem_control_block *block = place(64);
    unsigned char *bytes = (unsigned char *)block;
    for (unsigned i = 0; i < STATES + BLOCK_SLACK_MAX + 1; i++) {
        block_create(block, 64, i < STATES ? states[i] : block_tight_state(i - STATES));
        for (size_t at = 0; at < sizeof(block->seal); at++) {
            unsigned char before = bytes[at];
            for (unsigned value = 0; value < 256; value++) {
                bytes[at] = (unsigned char)value;
                ck_assert_int_eq(block_state(block) == BLOCK_DAMAGED, value != before);
            }
            bytes[at] = before;
        }
    }
}
END_TEST

START_TEST(an_overwritten_byte_is_noticed)
{
    struct mem_control_block *block = place(64);
    unsigned char *bytes = (unsigned char *)block;
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t at = 0; at < offsetof(struct mem_control_block, flags); at++) {
            block_create(block, sizes[i], BLOCK_IN_USE);
            unsigned char before = bytes[at];
            for (unsigned value = 0; value < 256; value++) {
                bytes[at] = (unsigned char)value;
                ck_assert_int_eq(block_state(block) == BLOCK_DAMAGED, value != before);
            }
        }
    }
}
END_TEST

START_TEST(a_copied_header_is_noticed)
{
    const size_t room = 3 * BRKM_MIB;
    struct mem_control_block *block = place(room);
    block_create(block, 64, BLOCK_IN_USE);
    for (size_t offset = BRKM_ALIGNMENT; offset + BRKM_HEADER_SIZE < room;
         offset += BRKM_ALIGNMENT) {
        struct mem_control_block *copy = block_at_offset(block, offset);
        memcpy(copy, block, BRKM_HEADER_SIZE);
        ck_assert_int_eq((int)block_state(copy), (int)BLOCK_DAMAGED);
    }
}
END_TEST

START_TEST(memory_without_a_header_is_damaged)
{
    struct mem_control_block *block = place(64);
    uint64_t random = 7;
    static const unsigned char fills[] = {0, 0xff, 0xaa, 'A', 0x20};
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(block, fills[i], BRKM_HEADER_SIZE);
        ck_assert_int_eq((int)block_state(block), (int)BLOCK_DAMAGED);
    }
    for (int i = 0; i < 100000; i++) {
        uint32_t words[2] = {unit_random(&random), unit_random(&random)};
        memcpy(block, words, sizeof(words));
        ck_assert_int_eq((int)block_state(block), (int)BLOCK_DAMAGED);
    }
}
END_TEST

START_TEST(the_block_in_front_notices_a_write_past_its_end)
{
    static const size_t fronts[] = {32, 48, 4096, 65536, BRKM_MIB + 16};
    struct mem_control_block *front = place(2 * BRKM_MIB);
    for (size_t i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++) {
        for (size_t j = 0; j < STATES; j++) {
            block_create(front, fronts[i], BLOCK_IN_USE);
            struct mem_control_block *behind = block_next(front);
            block_create(behind, 64, states[j]);
            uint32_t seal = block_load_seal(front);
            bool is_boundary = states[j] != BLOCK_GONE;
            ck_assert(block_guard_follows(seal, fronts[i], block_load_seal(behind)) == is_boundary);
            if (!is_boundary) {
                continue;
            }
            unsigned char *first = (unsigned char *)behind;
            for (unsigned at = 0; at < 2; at++) {
                for (unsigned value = 0; value < 256; value++) {
                    unsigned char before = first[at];
                    first[at] = (unsigned char)value;
                    ck_assert_int_eq(block_guard_follows(seal, fronts[i], block_load_seal(behind)),
                                     value == before);
                    first[at] = before;
                }
            }
        }
    }
}
END_TEST

/* A string's terminator is the commonest write past the end. */
START_TEST(a_terminator_past_the_end_is_noticed_under_every_secret)
{
    struct mem_control_block *block = place(256);
    for (uint32_t round = 0; round < 5000; round++) {
        fake_os.entropy = round * 0x9e3779b97f4a7c15;
        brkm__block_secret = 0;
        brkm__block_draw_secret();
        for (size_t offset = 0; offset < 256; offset += BRKM_ALIGNMENT) {
            struct mem_control_block *behind = block_at_offset(block, offset);
            block_create(behind, 32, BLOCK_FREE);
            ck_assert_uint_ne((unsigned char)block_load_seal(behind), 0);
        }
    }
}
END_TEST

START_TEST(the_secret_is_drawn_once_and_decides_the_seal)
{
    struct mem_control_block *block = place(64);
    uint32_t secret = brkm__block_secret;
    block_create(block, 64, BLOCK_IN_USE);
    uint32_t seal = block_load_seal(block);
    fake_os.entropy = ~fake_os.entropy;
    brkm__block_draw_secret();
    ck_assert_uint_eq(brkm__block_secret, secret);
    brkm__block_secret = 0;
    brkm__block_draw_secret();
    ck_assert_uint_ne(brkm__block_secret, secret);
    ck_assert_int_eq((int)block_state(block), (int)BLOCK_DAMAGED);
    block_create(block, 64, BLOCK_IN_USE);
    ck_assert_uint_ne(block_load_seal(block), seal);
}
END_TEST

START_TEST(a_secret_is_drawn_even_without_entropy)
{
    fake_os.entropy = 0;
    brkm__block_draw_secret();
    ck_assert_uint_ne(brkm__block_secret, 0);
}
END_TEST

/* ---- Free blocks ---- */

START_TEST(a_free_block_has_its_boundary_tag_and_the_next_header_knows)
{
    struct mem_control_block *block = place(PAGE);
    for (size_t size = BRKM_MIN_BLOCK; size <= 2048; size += BRKM_ALIGNMENT) {
        block_create(block, 0, BLOCK_IN_USE);
        struct mem_control_block *next = block_at_offset(block, size);
        block_create(next, 64, BLOCK_IN_USE);
        block_make_free(block, size, BLOCK_FLAGS_ALL);
        ck_assert(block_has_flag(block, BLOCK_FLAG_REGION_START));
        ck_assert(!block_has_flag(block, BLOCK_FLAG_PREVIOUS_FREE));
        ck_assert(!block_has_flag(block, BLOCK_FLAG_PURGED));
        ck_assert_int_eq((int)block_state(block), (int)BLOCK_FREE);
        ck_assert_uint_eq(block_size(block), size);
        ck_assert_ptr_eq(block_next(block), next);
        ck_assert_uint_eq(*block_boundary_tag_before(next), size);
        ck_assert_int_eq((int)block_state(next), (int)BLOCK_IN_USE);
    }
}
END_TEST

START_TEST(a_free_block_may_be_longer_than_its_header_can_tell)
{
    static const size_t longs[] = {BRKM_MAX_BLOCK,  BRKM_MAX_BLOCK + 16,  BLOCK_LONG_SIZE - 16,
                                   BLOCK_LONG_SIZE, BLOCK_LONG_SIZE + 16, 128 * BRKM_MIB,
                                   4 * BRKM_GIB,    4 * BRKM_GIB + 32,    5 * BRKM_GIB};
    brkm__block_draw_secret();
    void *start = brkm__os_sbrk((intptr_t)(5 * BRKM_GIB + PAGE));
    ck_assert_ptr_ne(start, OS_SBRK_FAILED);
    struct mem_control_block *block = block_at_offset(start, BRKM_HEADER_SIZE);
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
        size_t size = longs[i];
        block_create(block, 0, BLOCK_FREE);
        block_create(block_at_offset(block, size), 0, BLOCK_FENCEPOST);
        block_make_free(block, size, 0);
        ck_assert_uint_eq(block_size(block), size);
        ck_assert_int_eq((int)block_state(block), (int)BLOCK_FREE);
        ck_assert_ptr_eq(block_next(block), block_at_offset(block, size));
        ck_assert_uint_eq(*block_boundary_tag_before(block_next(block)), size);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("block");
    TCase *layout = unit_case(suite, "layout");
    tcase_add_test(layout, a_payload_and_its_header_lead_to_each_other);
    tcase_add_test(layout, a_request_gets_the_smallest_block_that_holds_it);
    tcase_add_test(layout, size_and_state_are_read_as_written);
    tcase_add_test(layout, flags_stand_alone);
    TCase *damage = unit_case(suite, "damage");
    tcase_add_loop_test(damage, an_overwritten_long_size_ends_the_program, 2, 4);
    tcase_add_test(damage, every_flipped_bit_of_seal_and_size_is_noticed);
    tcase_add_test(damage, a_tight_block_tells_its_slack);
    tcase_add_test(damage, no_byte_makes_another_state_of_one);
    tcase_add_test(damage, no_bit_makes_another_slack_of_one);
    tcase_add_test(damage, an_overwritten_byte_is_noticed);
    tcase_add_test(damage, a_copied_header_is_noticed);
    tcase_add_test(damage, memory_without_a_header_is_damaged);
    tcase_add_test(damage, the_block_in_front_notices_a_write_past_its_end);
    tcase_add_test(damage, a_terminator_past_the_end_is_noticed_under_every_secret);
    tcase_add_test(damage, the_secret_is_drawn_once_and_decides_the_seal);
    tcase_add_test(damage, a_secret_is_drawn_even_without_entropy);
    TCase *free_blocks = unit_case(suite, "free blocks");
    tcase_add_test(free_blocks, a_free_block_has_its_boundary_tag_and_the_next_header_knows);
    tcase_add_test(free_blocks, a_free_block_may_be_longer_than_its_header_can_tell);
    return suite;
}
