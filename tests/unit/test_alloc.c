/* SPDX-License-Identifier: MIT
 * malloc/malloc.c through the public functions: sizes, errno, alignment, realloc, misuse. */
#include <errno.h>
#include <string.h>

#include "kit/options.h"
#include "unit.h"

/* Keeps the compiler from knowing sizes, which it would warn about. */
static size_t hidden(size_t value)
{
    volatile size_t copy = value;
    return copy;
}

static const size_t impossible[] = {
    SIZE_MAX,    SIZE_MAX - 7,     SIZE_MAX - 4096, (size_t)1 << 63, (size_t)PTRDIFF_MAX + 1,
    PTRDIFF_MAX, PTRDIFF_MAX - 16, (size_t)1 << 50};
#define IMPOSSIBLE (sizeof(impossible) / sizeof(impossible[0]))

#define EXPECT_FAILURE(call, error)     \
    do {                                \
        errno = 0;                      \
        ck_assert_ptr_null(call);       \
        ck_assert_int_eq(errno, error); \
    } while (0)

static void expect_sound(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

/* ---- malloc, calloc, free ---- */

START_TEST(every_size_is_served_with_room_and_alignment)
{
    for (size_t size = 0; size < 3 * BRKM_MIB; size += 1 + size / 40) {
        void *memory = brkm_malloc(size);
        ck_assert_ptr_nonnull(memory);
        ck_assert_uint_eq((uintptr_t)memory % BRKM_ALIGNMENT, 0);
        size_t usable = brkm_malloc_usable_size(memory);
        ck_assert_uint_ge(usable, size);
        ck_assert_uint_le(usable, size + size / 8 + 48 + PAGE * (size >= BRKM_CACHED_MAX));
        unit_fill(memory, size, (uint32_t)size);
        ck_assert(unit_is_filled(memory, size, (uint32_t)size));
        brkm_free(memory);
    }
    expect_sound();
}
END_TEST

START_TEST(blocks_of_size_0_are_unique)
{
    void *memory[100];
    for (int i = 0; i < 100; i++) {
        memory[i] = brkm_malloc(0);
        ck_assert_ptr_nonnull(memory[i]);
        for (int j = 0; j < i; j++) {
            ck_assert_ptr_ne(memory[i], memory[j]);
        }
    }
    for (int i = 0; i < 100; i++) {
        brkm_free(memory[i]);
    }
    expect_sound();
}
END_TEST

START_TEST(impossible_sizes_fail_with_enomem)
{
    for (size_t i = 0; i < IMPOSSIBLE; i++) {
        size_t size = hidden(impossible[i]);
        EXPECT_FAILURE(brkm_malloc(size), ENOMEM);
        EXPECT_FAILURE(brkm_calloc(1, size), ENOMEM);
        EXPECT_FAILURE(brkm_calloc(size, 1), ENOMEM);
        EXPECT_FAILURE(brkm_calloc(size, size), ENOMEM);
        EXPECT_FAILURE(brkm_realloc(NULL, size), ENOMEM);
        EXPECT_FAILURE(brkm_reallocarray(NULL, size, 2), ENOMEM);
        EXPECT_FAILURE(brkm_aligned_alloc(64, size), ENOMEM);
        EXPECT_FAILURE(brkm_memalign(4096, size), ENOMEM);
        EXPECT_FAILURE(brkm_valloc(size), ENOMEM);
        EXPECT_FAILURE(brkm_pvalloc(size), ENOMEM);
        void *kept = &kept;
        ck_assert_int_eq(brkm_posix_memalign(&kept, 64, size), ENOMEM);
        ck_assert_ptr_eq(kept, &kept);
    }
    expect_sound();
}
END_TEST

START_TEST(products_that_overflow_fail_with_enomem)
{
    static const size_t counts[] = {(size_t)1 << 32, SIZE_MAX / 2 + 2, SIZE_MAX / 16 + 1, 3};
    static const size_t sizes[] = {(size_t)1 << 32, 2, 16, SIZE_MAX / 2};
    void *memory = brkm_malloc(100);
    unit_fill(memory, 100, 1);
    for (size_t i = 0; i < 4; i++) {
        EXPECT_FAILURE(brkm_calloc(hidden(counts[i]), hidden(sizes[i])), ENOMEM);
        EXPECT_FAILURE(brkm_reallocarray(memory, hidden(counts[i]), hidden(sizes[i])), ENOMEM);
    }
    ck_assert(unit_is_filled(memory, 100, 1));
    brkm_free(memory);
}
END_TEST

START_TEST(calloc_clears_what_was_used_before)
{
    for (size_t size = 1; size < BRKM_MIB; size += 1 + size / 3) {
        for (int round = 0; round < 3; round++) {
            void *memory = brkm_malloc(size);
            memset(memory, 0xff, size);
            brkm_free(memory);
            memory = brkm_calloc(round + 1 == 2 ? 1 : size, round + 1 == 2 ? size : 1);
            ck_assert(unit_is_zero(memory, size));
            memset(memory, 0xff, size);
            brkm_free(memory);
        }
    }
}
END_TEST

START_TEST(free_keeps_errno_and_takes_null)
{
    void *small = brkm_malloc(10);
    void *large = brkm_malloc(4 * BRKM_MIB);
    errno = 1234;
    brkm_free(NULL);
    brkm_cfree(NULL);
    brkm_free_sized(NULL, 5);
    brkm_free_aligned_sized(NULL, 64, 5);
    brkm_free(small);
    brkm_free(large);
    ck_assert_int_eq(errno, 1234);
    ck_assert_uint_eq(brkm_malloc_usable_size(NULL), 0);
}
END_TEST

/* ---- Alignment ---- */

START_TEST(aligned_blocks_of_every_alignment)
{
    for (size_t alignment = 1; alignment <= 8 * BRKM_MIB; alignment *= 2) {
        for (size_t size = 0; size < 300000; size = size * 3 + 1) {
            void *memory[4] = {brkm_aligned_alloc(alignment, size), brkm_memalign(alignment, size),
                               NULL, brkm_malloc(size)};
            size_t wanted = max_size(alignment, sizeof(void *));
            ck_assert_int_eq(brkm_posix_memalign(&memory[2], wanted, size), 0);
            for (int i = 0; i < 3; i++) {
                ck_assert_ptr_nonnull(memory[i]);
                ck_assert_uint_eq((uintptr_t)memory[i] % alignment, 0);
                ck_assert_uint_ge(brkm_malloc_usable_size(memory[i]), size);
                unit_fill(memory[i], size, (uint32_t)i);
            }
            for (int i = 0; i < 3; i++) {
                ck_assert(unit_is_filled(memory[i], size, (uint32_t)i));
            }
            brkm_free_aligned_sized(memory[0], alignment, size);
            brkm_free(memory[1]);
            brkm_free(memory[2]);
            brkm_free_sized(memory[3], size);
        }
    }
    expect_sound();
}
END_TEST

START_TEST(alignments_that_are_none)
{
    static const size_t bad[] = {0, 3, 5, 24, 63, SIZE_MAX, ((size_t)1 << 63) + 1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        void *kept = &kept;
        EXPECT_FAILURE(brkm_aligned_alloc(hidden(bad[i]), 10), EINVAL);
        ck_assert_int_eq(brkm_posix_memalign(&kept, hidden(bad[i]), 10), EINVAL);
        ck_assert_ptr_eq(kept, &kept);
    }
    void *kept = &kept;
    ck_assert_int_eq(brkm_posix_memalign(&kept, 1, 10), EINVAL);
    ck_assert_int_eq(brkm_posix_memalign(&kept, 4, 10), EINVAL);
    EXPECT_FAILURE(brkm_memalign(hidden(SIZE_MAX), 10), EINVAL);
    EXPECT_FAILURE(brkm_memalign(hidden(((size_t)1 << 63) + 1), 10), EINVAL);
    EXPECT_FAILURE(brkm_memalign(hidden((size_t)1 << 63), 10), ENOMEM);
    EXPECT_FAILURE(brkm_aligned_alloc(hidden((size_t)1 << 62), (size_t)1 << 62), ENOMEM);
    ck_assert_uint_eq((uintptr_t)brkm_memalign(65, 10) % 128, 0);
    ck_assert_ptr_nonnull(brkm_memalign(0, 10));
}
END_TEST

START_TEST(valloc_and_pvalloc_know_the_page_size)
{
    size_t page = (size_t)4096 << 2 * _i;
    fake_os_start(page, 24);
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 200000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *valloced = brkm_valloc(sizes[i]);
        void *pvalloced = brkm_pvalloc(sizes[i]);
        ck_assert_uint_eq((uintptr_t)valloced % page, 0);
        ck_assert_uint_eq((uintptr_t)pvalloced % page, 0);
        ck_assert_uint_ge(brkm_malloc_usable_size(pvalloced),
                          align_up(max_size(sizes[i], 1), page));
        brkm_free(valloced);
        brkm_free(pvalloced);
    }
    expect_sound();
}
END_TEST

/* ---- realloc ---- */

START_TEST(realloc_keeps_contents_from_every_size_to_every_size)
{
    static const size_t sizes[] = {1,     24,    25,     100,    1016,   1017,     5000,
                                   65528, 65529, 200000, 262144, 300000, BRKM_MIB, 3 * BRKM_MIB};
    size_t count = sizeof(sizes) / sizeof(sizes[0]);
    for (size_t from = 0; from < count; from++) {
        for (size_t to = 0; to < count; to++) {
            void *memory = brkm_malloc(sizes[from]);
            unit_fill(memory, sizes[from], 5);
            memory = brkm_realloc(memory, sizes[to]);
            ck_assert_ptr_nonnull(memory);
            ck_assert_uint_ge(brkm_malloc_usable_size(memory), sizes[to]);
            size_t kept = min_size(sizes[from], sizes[to]);
            ck_assert(unit_is_filled(memory, min_size(kept, 256), 5));
            if (sizes[to] >= sizes[from]) {
                ck_assert(unit_is_filled(memory, sizes[from], 5));
            }
            memset(memory, 1, sizes[to]);
            brkm_free_sized(memory, sizes[to]);
            expect_sound();
        }
    }
}
END_TEST

START_TEST(realloc_of_null_and_to_nothing)
{
    void *memory = brkm_realloc(NULL, 0);
    ck_assert_ptr_nonnull(memory);
    ck_assert_ptr_null(brkm_realloc(memory, 0));
    memory = brkm_realloc(NULL, 100);
    ck_assert_uint_ge(brkm_malloc_usable_size(memory), 100);
    ck_assert_ptr_null(brkm_realloc(memory, 0));
    memory = brkm_malloc(4 * BRKM_MIB);
    ck_assert_ptr_null(brkm_reallocarray(memory, 0, 7));
    ck_assert_uint_eq(brkm_mallinfo2().hblkhd, 0);
    expect_sound();
}
END_TEST

START_TEST(a_failed_realloc_leaves_the_block)
{
    static const size_t sizes[] = {10, 1000, 5000, 100000, 300000, 4 * BRKM_MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *memory = brkm_malloc(sizes[i]);
        size_t usable = brkm_malloc_usable_size(memory);
        unit_fill(memory, sizes[i], 9);
        for (size_t j = 0; j < IMPOSSIBLE; j++) {
            EXPECT_FAILURE(brkm_realloc(memory, hidden(impossible[j])), ENOMEM);
            ck_assert_uint_eq(brkm_malloc_usable_size(memory), usable);
            ck_assert(unit_is_filled(memory, sizes[i], 9));
        }
        brkm_free(memory);
    }
    expect_sound();
}
END_TEST

START_TEST(realloc_of_a_mapped_block_goes_through_the_kernel_or_to_the_heap)
{
    void *memory = brkm_malloc(4 * BRKM_MIB);
    memory = brkm_realloc(memory, 16 * BRKM_MIB);
    ck_assert_uint_eq(fake_os.calls[FAKE_REMAP], 1);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 1);
    memory = brkm_realloc(memory, 100);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 0);
    brkm_free(memory);
}
END_TEST

/* ---- Large blocks ---- */

START_TEST(the_threshold_follows_freed_mapped_blocks)
{
    void *memory = brkm_malloc(BRKM_MIB);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 1);
    brkm_free(memory);
    unsigned maps = fake_os.calls[FAKE_MAP];
    for (int i = 0; i < 100; i++) {
        memory = brkm_malloc(BRKM_MIB / 2);
        ck_assert_uint_eq(brkm_mallinfo2().hblks, 0);
        brkm_free(memory);
    }
    ck_assert_uint_eq(fake_os.calls[FAKE_MAP], maps);
    ck_assert_uint_le(fake_os.calls[FAKE_BREAK_RAISE] + fake_os.calls[FAKE_BREAK_LOWER], 4);
}
END_TEST

START_TEST(past_the_limit_of_mapped_blocks_the_heap_serves)
{
    ck_assert_int_eq(brkm_mallopt(-4, 0), 1);
    void *memory = brkm_malloc(BRKM_MIB);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 0);
    ck_assert_uint_ge(brkm_mallinfo2().uordblks, BRKM_MIB);
    brkm_free(memory);
    expect_sound();
}
END_TEST

START_TEST(a_request_above_the_heap_s_limit_is_mapped_whatever_options_say)
{
    ck_assert_int_eq(brkm_mallopt(-4, 0), 1);
    void *memory = brkm_malloc(hidden(BRKM_HEAP_REQUEST_MAX + 1));
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq(brkm_mallinfo2().hblks, 1);
    brkm_free(memory);
}
END_TEST

START_TEST(trim_tells_whether_something_went_back)
{
    ck_assert_int_eq(brkm_malloc_trim(0), 0);
    brkm_free(brkm_malloc(100000));
    ck_assert_int_eq(brkm_malloc_trim(0), 1);
    ck_assert_int_eq(brkm_malloc_trim(0), 0);
    expect_sound();
}
END_TEST

/* ---- Misuse ---- */

static void free_it(void *memory)
{
    brkm_free(memory);
}

static void cfree_it(void *memory)
{
    brkm_cfree(memory);
}

static void resize_it(void *memory)
{
    ck_assert_ptr_nonnull(brkm_realloc(memory, 333));
}

static void ask_size(void *memory)
{
    ck_assert_uint_ne(brkm_malloc_usable_size(memory), 0);
}

static void (*const uses[])(void *) = {free_it, cfree_it, resize_it, ask_size};
static const char *const use_names[] = {"free", "cfree", "realloc", "malloc_usable_size"};

static const size_t block_sizes[] = {1, 24, 1000, 5000, 60000, 100000, 4 * BRKM_MIB};
#define BLOCK_SIZES 7

static void *first_block, *block, *last_block;

static void take_three(size_t size)
{
    first_block = brkm_malloc(size);
    block = brkm_malloc(size);
    last_block = brkm_malloc(size);
}

START_TEST(a_second_use_of_a_freed_block_ends_the_program)
{
    int use = _i / BLOCK_SIZES;
    take_three(block_sizes[_i % BLOCK_SIZES]);
    brkm_free(block);
    ck_assert(fake_os_dies(uses[use], block));
    ck_assert_msg(unit_said(use < 2 ? "double free at 0x" : "use of a freed block at 0x"), "%s",
                  fake_os_text());
    char caller[60] = "called from ";
    ck_assert(unit_said(strcat(strcat(caller, use_names[use]), ")")));
}
END_TEST

/* It has become a part of its neighbours and of the top. */
START_TEST(a_double_free_is_noticed_after_coalescing)
{
    take_three(block_sizes[_i]);
    brkm_free(first_block);
    brkm_free(block);
    brkm_free(last_block);
    brkm_malloc_trim(BRKM_MIB);
    ck_assert(fake_os_dies(free_it, block));
    ck_assert_msg(unit_said("double free"), "%s", fake_os_text());
}
END_TEST

START_TEST(a_double_free_of_the_last_block_is_noticed)
{
    take_three(block_sizes[_i]);
    brkm_free(last_block);
    brkm_malloc_trim(BRKM_MIB);
    ck_assert(fake_os_dies(free_it, last_block));
    ck_assert_msg(unit_said("double free"), "%s", fake_os_text());
}
END_TEST

START_TEST(a_pointer_into_a_block_ends_the_program)
{
    static const size_t offsets[] = {1, 2, 4, 8, 15, 16, 24, 32, 64, 512, 4096};
    size_t offset = offsets[(size_t)_i % 11];
    int use = _i / 11 % 4;
    take_three(max_size(offset + 200, _i / 44 == 0 ? 0 : 4 * BRKM_MIB));
    memset(block, 0, offset + 200);
    ck_assert(fake_os_dies(uses[use], (char *)block + offset));
    ck_assert_msg(unit_said("invalid pointer, not the start of a block in use"), "%s",
                  fake_os_text());
}
END_TEST

START_TEST(a_pointer_that_is_not_ours_ends_the_program)
{
    static uint64_t in_static[64] __attribute__((aligned(16)));
    uint64_t on_stack[64] __attribute__((aligned(16)));
    void *const strangers[] = {in_static + 8, on_stack + 8, (void *)16, (void *)~(uintptr_t)15,
                               (void *)(fake_os_break() & ~(uintptr_t)15)};
    memset(on_stack, 0, sizeof(on_stack));
    take_three(_i / 20 == 0 ? 100 : 4 * BRKM_MIB);
    ck_assert(fake_os_dies(uses[_i / 5 % 4], strangers[_i % 5]));
    ck_assert_msg(unit_said("invalid pointer, not the start of a block in use"), "%s",
                  fake_os_text());
}
END_TEST

START_TEST(the_start_of_a_region_is_no_block)
{
    if (_i == 1) {
        fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    }
    uintptr_t before = fake_os_break();
    char *memory = brkm_malloc(100);
    uintptr_t start = _i == 0 ? before : align_down((uintptr_t)memory, BRKM_MIB / 64);
    ck_assert(fake_os_dies(free_it, (void *)start));
    ck_assert(unit_said("invalid pointer"));
}
END_TEST

START_TEST(an_overwritten_header_is_named)
{
    take_three(block_sizes[_i]);
    memset((char *)block - 8, 0x41, 4);
    ck_assert(fake_os_dies(free_it, block));
    ck_assert_msg(unit_said("header overwritten"), "%s", fake_os_text());
}
END_TEST

START_TEST(one_byte_past_the_end_is_noticed_by_free)
{
    static const unsigned char bytes[] = {0, 0xff, 'A', 0x80};
    take_three(block_sizes[_i / 4]);
    unsigned char *end = (unsigned char *)block + brkm_malloc_usable_size(block);
    unsigned char value = bytes[_i % 4];
    *end = *end == value ? (unsigned char)~value : value;
    ck_assert(fake_os_dies(free_it, block));
    ck_assert_msg(unit_said("write past the end, next header overwritten"), "%s", fake_os_text());
}
END_TEST

static size_t wrong_size;

static void free_sized(void *memory)
{
    brkm_free_sized(memory, wrong_size);
}

static void free_aligned_sized(void *memory)
{
    brkm_free_aligned_sized(memory, wrong_size, 100);
}

START_TEST(a_wrong_size_or_alignment_ends_the_program)
{
    static const size_t asked[] = {100, 2000, 100000, 4 * BRKM_MIB};
    static const size_t factors[] = {0, 4, 100};
    size_t size = asked[_i % 4];
    void *memory = brkm_malloc(size);
    wrong_size = _i < 12 ? size * factors[_i / 4] : SIZE_MAX;
    ck_assert(fake_os_dies(free_sized, memory));
    ck_assert(unit_said("freed with a wrong size"));
    ck_assert(unit_said("called from free_sized)"));
}
END_TEST

START_TEST(a_wrong_alignment_ends_the_program)
{
    wrong_size = 4096;
    char *memory = brkm_aligned_alloc(4096, 5000);
    ck_assert_ptr_nonnull(memory);
    memory = brkm_malloc(100);
    ck_assert_uint_ne((uintptr_t)memory % 4096, 0);
    ck_assert(fake_os_dies(free_aligned_sized, memory));
    ck_assert(unit_said("freed with a wrong size"));
    ck_assert(unit_said("called from free_aligned_sized)"));
}
END_TEST

/* Where the kernel would not unmap the slack, a mapped block is larger than its request. */
START_TEST(a_right_size_is_believed_though_slack_could_not_be_unmapped)
{
    fake_os_fail(FAKE_ONLY(FAKE_UNMAP), 1, true);
    void *memory = brkm_aligned_alloc(4 * BRKM_MIB, 300000);
    fake_os_fail(0, 0, false);
    ck_assert_ptr_nonnull(memory);
    brkm_free_aligned_sized(memory, 4 * BRKM_MIB, 300000);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("alloc");
    TCase *basic = unit_case(suite, "malloc");
    tcase_add_test(basic, every_size_is_served_with_room_and_alignment);
    tcase_add_test(basic, blocks_of_size_0_are_unique);
    tcase_add_test(basic, impossible_sizes_fail_with_enomem);
    tcase_add_test(basic, products_that_overflow_fail_with_enomem);
    tcase_add_test(basic, calloc_clears_what_was_used_before);
    tcase_add_test(basic, free_keeps_errno_and_takes_null);
    TCase *aligned = unit_case(suite, "aligned");
    tcase_add_test(aligned, aligned_blocks_of_every_alignment);
    tcase_add_test(aligned, alignments_that_are_none);
    tcase_add_loop_test(aligned, valloc_and_pvalloc_know_the_page_size, 0, 3);
    TCase *resize = unit_case(suite, "realloc");
    tcase_add_test(resize, realloc_keeps_contents_from_every_size_to_every_size);
    tcase_add_test(resize, realloc_of_null_and_to_nothing);
    tcase_add_test(resize, a_failed_realloc_leaves_the_block);
    tcase_add_test(resize, realloc_of_a_mapped_block_goes_through_the_kernel_or_to_the_heap);
    TCase *large = unit_case(suite, "large");
    tcase_add_test(large, the_threshold_follows_freed_mapped_blocks);
    tcase_add_test(large, past_the_limit_of_mapped_blocks_the_heap_serves);
    tcase_add_test(large, a_request_above_the_heap_s_limit_is_mapped_whatever_options_say);
    tcase_add_test(large, trim_tells_whether_something_went_back);
    TCase *misuse = unit_case(suite, "misuse");
    tcase_add_loop_test(misuse, a_second_use_of_a_freed_block_ends_the_program, 0, 4 * BLOCK_SIZES);
    tcase_add_loop_test(misuse, a_double_free_is_noticed_after_coalescing, 0, BLOCK_SIZES);
    tcase_add_loop_test(misuse, a_double_free_of_the_last_block_is_noticed, 0, BLOCK_SIZES);
    tcase_add_loop_test(misuse, a_pointer_into_a_block_ends_the_program, 0, 88);
    tcase_add_loop_test(misuse, a_pointer_that_is_not_ours_ends_the_program, 0, 40);
    tcase_add_loop_test(misuse, the_start_of_a_region_is_no_block, 0, 2);
    tcase_add_loop_test(misuse, an_overwritten_header_is_named, 0, BLOCK_SIZES);
    tcase_add_loop_test(misuse, one_byte_past_the_end_is_noticed_by_free, 0, 4 * (BLOCK_SIZES - 1));
    tcase_add_loop_test(misuse, a_wrong_size_or_alignment_ends_the_program, 0, 16);
    tcase_add_test(misuse, a_wrong_alignment_ends_the_program);
    tcase_add_test(misuse, a_right_size_is_believed_though_slack_could_not_be_unmapped);
    return suite;
}
