/* SPDX-License-Identifier: MIT
 * heap/sealed_list.h, depot.h and thread_cache.h: hits that do not reach the heap, bounds, batches
 * that go round between threads, and links that a program overwrote. */
#include "cache/thread_cache.h"

#include <pthread.h>
#include <string.h>

#include "cache/cache_life.h"
#include "cache/cache_miss.h"
#include "cache/cache_registry.h"
#include "cache/depot.h"
#include "cache/idle.h"
#include "heap/heap.h"
#include "stats/stats.h"
#include "unit.h"

static struct heap *const heap = &brkm__main_heap;

static void expect_sound(void)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s", fake_os_text());
}

static size_t cache_bound(void)
{
    return brkm__idle_bound(IDLE_IN_CACHES);
}

static size_t depot_bound(void)
{
    return brkm__idle_bound(IDLE_IN_DEPOT);
}

/* ---- Lists ---- */

static struct mem_control_block *take(size_t size)
{
    struct mem_control_block *block = brkm__heap_allocate(heap, size, HEAP_MAY_GROW, NULL);
    ck_assert_ptr_nonnull(block);
    return block;
}

static struct cached_list make_list(size_t size, unsigned count)
{
    struct cached_list list = cached_list_empty();
    brkm__cached_draw_secret();
    for (unsigned i = 0; i < count; i++) {
        brkm__cached_list_push(&list, take(size));
    }
    return list;
}

START_TEST(a_list_is_last_in_first_out)
{
    struct mem_control_block *blocks[5];
    struct cached_list list = make_list(64, 0);
    for (unsigned i = 0; i < 5; i++) {
        blocks[i] = take(64);
        brkm__cached_list_push(&list, blocks[i]);
        ck_assert_int_eq((int)block_state(blocks[i]), (int)BLOCK_CACHED);
    }
    for (unsigned i = 5; i-- > 0;) {
        ck_assert_uint_eq(list.count, i + 1);
        ck_assert_ptr_eq(cached_list_pop(&list), blocks[i]);
        ck_assert_int_eq((int)block_state(blocks[i]), (int)BLOCK_CACHED);
    }
    ck_assert_ptr_eq(list.first, CACHED_END);
}
END_TEST

START_TEST(a_list_is_cut_anywhere)
{
    for (unsigned at = 0; at <= 6; at++) {
        struct cached_list list = make_list(64, 6);
        const struct cached_block *first = list.first;
        struct cached_list head = brkm__cached_list_cut(&list, at);
        ck_assert_uint_eq(head.count, at);
        ck_assert_uint_eq(list.count, 6 - at);
        ck_assert_ptr_eq(at == 0 ? list.first : head.first, first);
        while (head.count > 0) {
            cached_list_pop(&head);
        }
        while (list.count > 0) {
            cached_list_pop(&list);
        }
        ck_assert_ptr_eq(head.first, CACHED_END);
        ck_assert_ptr_eq(list.first, CACHED_END);
    }
}
END_TEST

START_TEST(the_end_is_never_sound)
{
    for (uint64_t i = 0; i < 100000; i++) {
        fake_os.entropy = i * 0x9e3779b97f4a7c15;
        brkm__cached_secret = 0;
        brkm__cached_draw_secret();
        ck_assert_uint_ne(brkm__cached_secret, 0);
        ck_assert(!cached_link_is_sound(&brkm__cached_sentinel.block));
    }
}
END_TEST

static void pop(void *list)
{
    cached_list_pop(list);
}

static void cut_three(void *list)
{
    brkm__cached_list_cut(list, 3);
}

#define LINKS "links of a free block overwritten"

START_TEST(an_overwritten_link_ends_the_program)
{
    struct cached_list list = make_list(64, 5);
    struct cached_block *victim = _i % 2 == 0 ? list.first : list.first->next;
    switch (_i / 2) {
    case 0:
        victim->next = (struct cached_block *)block_payload(take(64));
        break;
    case 1:
        victim->next = NULL;
        break;
    case 2:
        victim->check = 0;
        break;
    case 3:
        memset(victim, 'x', sizeof(*victim));
        break;
    default:
        memset(victim, 0, sizeof(*victim));
    }
    ck_assert(fake_os_dies(_i % 2 == 0 ? pop : cut_three, &list));
    ck_assert(unit_said(LINKS));
}
END_TEST

START_TEST(a_link_copied_from_another_block_is_noticed)
{
    struct cached_list list = make_list(64, 5);
    memcpy(list.first, list.first->next, sizeof(*list.first));
    ck_assert(fake_os_dies(pop, &list));
    ck_assert(unit_said(LINKS));
}
END_TEST

/* ---- Depot ---- */

START_TEST(the_depot_gives_back_the_batch_that_came_last)
{
    unsigned slot = size_class_slot(64);
    struct cached_list first = make_list(64, 3);
    struct cached_list second = make_list(64, 4);
    ck_assert(!brkm__depot_drain());
    brkm__depot_put(slot, first);
    brkm__depot_put(slot, second);
    ck_assert_uint_eq(brkm__depot_totals().blocks, 7);
    ck_assert_uint_eq(brkm__depot_totals().bytes, 7 * 64);
    ck_assert_uint_eq(brkm__depot_take(heap, size_class_slot(80)).count, 0);
    struct cached_list taken = brkm__depot_take(heap, slot);
    ck_assert_ptr_eq(taken.first, second.first);
    ck_assert_uint_eq(taken.count, 4);
    ck_assert_uint_eq(brkm__depot_take(heap, slot).count, 3);
    ck_assert_uint_eq(brkm__depot_take(heap, slot).count, 0);
    ck_assert_uint_eq(brkm__depot_totals().bytes, 0);
}
END_TEST

START_TEST(draining_brings_all_back_to_the_heap)
{
    brkm__depot_put(size_class_slot(64), make_list(64, 30));
    brkm__depot_put(size_class_slot(1024), make_list(1024, 4));
    expect_sound();
    ck_assert_uint_eq(heap->in_use_blocks, 34);
    ck_assert(brkm__depot_drain());
    expect_sound();
    ck_assert_uint_eq(heap->in_use_blocks, 0);
    ck_assert_uint_eq(heap->bins.blocks, 0);
    ck_assert(!brkm__depot_drain());
}
END_TEST

START_TEST(past_its_bound_the_depot_passes_on_to_the_heap)
{
    unsigned slot = size_class_slot(1024);
    size_t most = 0;
    for (int i = 0; i < 2000; i++) {
        brkm__depot_put(slot, make_list(1024, 4));
        most = max_size(most, brkm__depot_totals().bytes);
    }
    ck_assert_uint_le(most, depot_bound());
    ck_assert_uint_ge(most, 4096);
    expect_sound();
}
END_TEST

START_TEST(what_is_taken_from_the_depot_makes_room_again)
{
    unsigned slot = size_class_slot(1024);
    struct cached_list list = make_list(1024, 4);
    for (size_t bytes = 0; bytes < 4 * depot_bound(); bytes += 4 * 1024) {
        brkm__depot_put(slot, list);
        list = brkm__depot_take(heap, slot);
        ck_assert_uint_eq(list.count, 4);
    }
}
END_TEST

/* ---- Idle memory ---- */

static size_t bound_of_heap(size_t handed_out)
{
    atomic_store(&brkm__handed_out, handed_out);
    return cache_bound() + depot_bound();
}

START_TEST(what_may_lie_idle_follows_the_heap)
{
    ck_assert_uint_eq(bound_of_heap(0), BRKM_MIB);
    ck_assert_uint_eq(bound_of_heap(4 * BRKM_MIB), BRKM_MIB);
    ck_assert_uint_eq(bound_of_heap(16 * BRKM_MIB), 4 * BRKM_MIB);
    ck_assert_uint_eq(bound_of_heap(100 * BRKM_MIB), 8 * BRKM_MIB);
    ck_assert_uint_eq(bound_of_heap(400 * BRKM_MIB), 20 * BRKM_MIB);
}
END_TEST

/* Each of so many threads has a cache and starts the next; the last finds what all may leave. */
static void *bound_behind(void *threads)
{
    size_t *left = threads;
    brkm_free(brkm_malloc(100));
    if (--*left == 0) {
        *left = bound_of_heap(4 * BRKM_MIB);
    } else {
        pthread_t next;
        ck_assert_int_eq(pthread_create(&next, NULL, bound_behind, threads), 0);
        ck_assert_int_eq(pthread_join(next, NULL), 0);
    }
    return NULL;
}

static size_t bound_of_threads(size_t threads)
{
    bound_behind(&threads);
    return threads;
}

START_TEST(each_thread_may_leave_more_idle)
{
    brkm__cache_watch_threads();
    ck_assert_uint_eq(bound_of_threads(1), BRKM_MIB);
    ck_assert_uint_eq(bound_of_threads(3), 3 * BRKM_MIB);
    ck_assert_uint_eq(bound_of_threads(12), 8 * BRKM_MIB);
    /* Those are gone. */
    ck_assert_uint_eq(bound_of_threads(1), BRKM_MIB);
}
END_TEST

/* ---- Thread cache ---- */

START_TEST(hits_do_not_reach_the_heap)
{
    for (size_t size = 1; size <= 60000; size = size * 2 + 7) {
        for (int i = 0; i < 10; i++) {
            brkm_free(brkm_malloc(size));
        }
        uint64_t before = heap->allocations;
        for (int i = 0; i < 100; i++) {
            brkm_free(brkm_malloc(size));
        }
        ck_assert_uint_eq(heap->allocations, before);
    }
    expect_sound();
}
END_TEST

static void cycle(size_t size, int rounds)
{
    void *memory[4];
    while (rounds-- > 0) {
        for (size_t i = 0; i < 4; i++) {
            memory[i] = brkm_malloc(size);
            ck_assert_ptr_nonnull(memory[i]);
        }
        for (size_t i = 0; i < 4; i++) {
            brkm_free(memory[i]);
        }
    }
}

START_TEST(exact_sizes_leave_medium_ones_a_share_of_the_budget)
{
    for (size_t size = 24; size <= 2024; size += 16) {
        cycle(size, 2);
    }
    cycle(3000, 1);
    uint64_t before = heap->allocations;
    cycle(3000, 100);
    ck_assert_uint_eq(heap->allocations, before);
    expect_sound();
}
END_TEST

START_TEST(an_empty_class_takes_what_is_a_little_larger)
{
    void *larger = brkm_malloc(1100);
    brkm_free(larger);
    ck_assert_ptr_ne(brkm_malloc(900), larger);
    ck_assert_ptr_eq(brkm_malloc(1000), larger);
    ck_assert_uint_ge(brkm_malloc_usable_size(larger), 1100);
    brkm_free(larger);
    ck_assert_ptr_eq(brkm_malloc(1100), larger);
    expect_sound();
}
END_TEST

static void take_less(void *unused)
{
    (void)unused;
    brkm_malloc(1000);
}

START_TEST(an_overwritten_block_of_a_larger_class_is_not_passed_by)
{
    char *larger = brkm_malloc(1100);
    brkm_free(larger);
    larger[0] ^= 1;
    ck_assert(fake_os_dies(take_less, NULL));
    ck_assert_msg(unit_said("links of a free block overwritten"), "%s", fake_os_text());
}
END_TEST

/* What the threads of one heap have ahead of the sum is little, and not lost. */
START_TEST(what_several_heaps_reserve_is_one_sum)
{
    size_t bound = depot_bound();
    size_t batches = bound / BRKM_BATCH_BYTES;
    size_t had = 0;
    for (unsigned i = 0; i < 2 * batches; i++) {
        had += brkm__idle_reserve(IDLE_IN_DEPOT, i % 3, BRKM_BATCH_BYTES);
    }
    ck_assert_uint_ge(had, batches - 1);
    ck_assert_uint_le(had, batches + 3 * 4);
    for (unsigned i = 0; i < had; i++) {
        brkm__idle_release(IDLE_IN_DEPOT, (i + 1) % 3, BRKM_BATCH_BYTES);
    }
    ck_assert(brkm__idle_reserve(IDLE_IN_DEPOT, 0, bound - 3 * 4 * BRKM_BATCH_BYTES));
    ck_assert(!brkm__idle_reserve(IDLE_IN_DEPOT, 1, bound));
}
END_TEST

START_TEST(realloc_from_one_cached_size_to_another_does_not_reach_the_heap)
{
    static const size_t sizes[] = {1000, 3000, 100, 2000};
    void *memory = brkm_malloc(1000);
    for (size_t i = 0; i < 20; i++) {
        memory = brkm_realloc(memory, sizes[i % 4]);
    }
    uint64_t allocations = heap->allocations;
    size_t in_use = heap->in_use_bytes;
    for (size_t i = 0; i < 100; i++) {
        unit_fill(memory, 100, (uint32_t)i);
        memory = brkm_realloc(memory, sizes[i % 4]);
        ck_assert_ptr_nonnull(memory);
        ck_assert(unit_is_filled(memory, 100, (uint32_t)i));
        /* Where valgrind is told of blocks, each realloc goes the long way. */
        ck_assert(BRKM_VALGRIND || heap->in_use_bytes == in_use);
    }
    ck_assert(BRKM_VALGRIND || heap->allocations == allocations);
    expect_sound();
}
END_TEST

START_TEST(what_was_freed_last_comes_back_first)
{
    void *first = brkm_malloc(100);
    void *second = brkm_malloc(100);
    brkm_free(first);
    brkm_free(second);
    ck_assert_ptr_eq(brkm_malloc(100), second);
    ck_assert_ptr_eq(brkm_malloc(100), first);
}
END_TEST

START_TEST(caches_are_bounded_in_bytes)
{
    static void *memory[20000];
    for (size_t size = 16; size <= 4096; size *= 4) {
        for (size_t i = 0; i < 20000; i++) {
            memory[i] = brkm_malloc(size);
            ck_assert_ptr_nonnull(memory[i]);
        }
        for (size_t i = 0; i < 20000; i++) {
            brkm_free(memory[i]);
            if (i % 256 == 0) {
                ck_assert_uint_le(brkm__cache_totals().bytes, cache_bound());
            }
        }
        ck_assert_uint_le(brkm__snapshot_of_counters().memory_cached,
                          cache_bound() + depot_bound());
        expect_sound();
    }
}
END_TEST

START_TEST(trim_flushes_the_caller_s_cache)
{
    void *memory[100];
    brkm_free(brkm_malloc(1));
    brkm_malloc_trim(0);
    size_t own = heap->in_use_bytes;
    for (size_t i = 0; i < 100; i++) {
        memory[i] = brkm_malloc(i * 40);
    }
    for (size_t i = 0; i < 100; i++) {
        brkm_free(memory[i]);
    }
    ck_assert_uint_gt(brkm__cache_totals().blocks, 0);
    brkm_malloc_trim(0);
    ck_assert_uint_eq(brkm__cache_totals().blocks, 0);
    ck_assert_uint_eq(brkm__depot_totals().blocks, 0);
    ck_assert_uint_eq(heap->in_use_bytes, own);
    expect_sound();
}
END_TEST

START_TEST(a_cache_that_was_flushed_often_still_caches)
{
    void *memory[50];
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < 50; i++) {
            memory[i] = brkm_malloc(i * 80);
        }
        for (size_t i = 0; i < 50; i++) {
            brkm_free(memory[i]);
        }
        ck_assert_uint_gt(brkm__cache_totals().blocks, 25);
        brkm_malloc_trim(0);
    }
}
END_TEST

/* What caches hold is given back before a program is told that there is no memory. */
START_TEST(cached_blocks_serve_when_the_system_has_no_more)
{
    static void *memory[64];
    for (size_t i = 0; i < 64; i++) {
        memory[i] = brkm_malloc(4000);
    }
    for (size_t i = 0; i < 64; i++) {
        brkm_free(memory[i]);
    }
    fake_os_fail(FAKE_GIVERS, 1, true);
    ck_assert_ptr_nonnull(brkm_malloc(100000));
    expect_sound();
}
END_TEST

static void allocate_four(void *size)
{
    for (int i = 0; i < 4; i++) {
        ck_assert_ptr_nonnull(brkm_malloc(*(size_t *)size));
    }
}

START_TEST(a_write_to_a_freed_block_is_noticed_when_it_is_handed_out)
{
    static const size_t sizes[] = {24, 100, 1000, 5000};
    void *memory = brkm_malloc(sizes[_i]);
    void *other = brkm_malloc(sizes[_i]);
    size_t usable = brkm_malloc_usable_size(memory);
    brkm_free(other);
    brkm_free(memory);
    memset(memory, 0x41, 8);
    ck_assert(fake_os_dies(allocate_four, &usable));
    ck_assert(unit_said(LINKS));
}
END_TEST

/* The request's own class is empty, and the block is of the next. */
START_TEST(a_write_to_a_freed_block_of_the_next_class_is_noticed_too)
{
    size_t size = 5000;
    void *memory = brkm_malloc(5400);
    brkm_free(memory);
    memset(memory, 0x41, 8);
    ck_assert(fake_os_dies(allocate_four, &size));
    ck_assert(unit_said(LINKS));
}
END_TEST

/* ---- Threads ---- */

static void *use_some(void *unused)
{
    void *memory[200];
    for (size_t i = 0; i < 200; i++) {
        memory[i] = brkm_malloc(i * 10);
    }
    for (size_t i = 0; i < 200; i++) {
        brkm_free(memory[i]);
    }
    return unused;
}

static void *tell_cache(void *place)
{
    brkm_free(brkm_malloc(100));
    *(struct thread_cache **)place = brkm__thread_cache;
    return NULL;
}

static struct thread_cache *cache_of_a_thread(void)
{
    struct thread_cache *cache = NULL;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, tell_cache, &cache), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return cache;
}

START_TEST(caches_lie_outside_of_the_heap_and_serve_later_threads)
{
    fake_os_set_threads(true);
    brkm_free(brkm_malloc(100));
    struct thread_cache *own = brkm__thread_cache;
    ck_assert(!brkm__regions_contain_payload(own));
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    struct thread_cache *other = cache_of_a_thread();
    ck_assert_ptr_ne(other, own);
    ck_assert(!brkm__regions_contain_payload(other));
    ck_assert_uint_eq((uintptr_t)other % BRKM_CACHE_LINE, 0);
    ck_assert_uint_eq(fake_os.calls[FAKE_PROTECT], 1);
    for (int i = 0; i < 100; i++) {
        ck_assert_ptr_eq(cache_of_a_thread(), other);
    }
    ck_assert_uint_eq(fake_os.calls[FAKE_MAP], 1);
    expect_sound();
}
END_TEST

START_TEST(a_thread_without_memory_for_a_cache_goes_to_the_heap)
{
    fake_os_set_threads(true);
    brkm_free(brkm_malloc(100));
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, true);
    struct thread_cache *cache = cache_of_a_thread();
    ck_assert_ptr_ne(cache, brkm__thread_cache);
    ck_assert_uint_eq(brkm__cache_totals().threads, 1);
    expect_sound();
}
END_TEST

START_TEST(a_thread_that_ends_leaves_its_blocks_to_others)
{
    fake_os_set_threads(true);
    brkm_free(brkm_malloc(1));
    size_t growth = 0;
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, use_some, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_eq(brkm__cache_totals().threads, 1);
        growth = i == 10 ? fake_os_break_raised() : growth;
    }
    ck_assert_uint_le(fake_os_break_raised(), growth + BRKM_GROW_MIN);
    expect_sound();
    brkm_malloc_trim(0);
    ck_assert_uint_eq(brkm__depot_totals().blocks, 0);
}
END_TEST

#define HANDED 5000

static void *handed[HANDED];

static void *produce(void *unused)
{
    for (size_t i = 0; i < HANDED; i++) {
        handed[i] = brkm_malloc(200);
        memset(handed[i], 1, 200);
    }
    return unused;
}

static void *consume(void *unused)
{
    for (size_t i = 0; i < HANDED; i++) {
        brkm_free(handed[i]);
    }
    return unused;
}

START_TEST(what_one_thread_frees_another_gets)
{
    fake_os_set_threads(true);
    size_t after_first = 0;
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(pthread_create(&thread, NULL, consume, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        after_first = round == 0 ? fake_os_break_raised() : after_first;
        expect_sound();
    }
    ck_assert_uint_le(fake_os_break_raised(), after_first + BRKM_MIB + BRKM_GROW_MIN);
}
END_TEST

/* Beyond the rounds that POSIX promises; the thread sanitizer stands only those. */
#define LATE_CALLS (UNIT_SANITIZED ? 3 : 10)

static pthread_key_t late_key;
static int late_calls;

static void allocate_late(void *value)
{
    late_calls++;
    use_some(NULL);
    void *memory = brkm_malloc(100);
    ck_assert_ptr_nonnull(memory);
    brkm_free(memory);
    if (late_calls < LATE_CALLS) {
        pthread_setspecific(late_key, value);
    }
}

static void *end_late(void *unused)
{
    pthread_setspecific(late_key, &late_key);
    use_some(NULL);
    return unused;
}

START_TEST(destructors_of_a_thread_may_allocate_in_every_round)
{
    fake_os_set_threads(true);
    ck_assert_int_eq(pthread_key_create(&late_key, allocate_late), 0);
    brkm_free(brkm_malloc(1));
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        late_calls = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, end_late, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_ge(late_calls, 2);
        ck_assert_uint_eq(brkm__cache_totals().threads, 1);
    }
    expect_sound();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("thread_cache");
    TCase *lists = unit_case(suite, "lists");
    tcase_add_test(lists, a_list_is_last_in_first_out);
    tcase_add_test(lists, a_list_is_cut_anywhere);
    tcase_add_test(lists, the_end_is_never_sound);
    tcase_add_loop_test(lists, an_overwritten_link_ends_the_program, 0, 10);
    tcase_add_test(lists, a_link_copied_from_another_block_is_noticed);
    TCase *depot = unit_case(suite, "depot");
    tcase_add_test(depot, the_depot_gives_back_the_batch_that_came_last);
    tcase_add_test(depot, draining_brings_all_back_to_the_heap);
    tcase_add_test(depot, past_its_bound_the_depot_passes_on_to_the_heap);
    tcase_add_test(depot, what_is_taken_from_the_depot_makes_room_again);
    TCase *cache = unit_case(suite, "cache");
    tcase_add_test(cache, what_may_lie_idle_follows_the_heap);
    tcase_add_test(cache, each_thread_may_leave_more_idle);
    tcase_add_test(cache, hits_do_not_reach_the_heap);
    tcase_add_test(cache, an_empty_class_takes_what_is_a_little_larger);
    tcase_add_test(cache, an_overwritten_block_of_a_larger_class_is_not_passed_by);
    tcase_add_test(cache, what_several_heaps_reserve_is_one_sum);
    tcase_add_test(cache, exact_sizes_leave_medium_ones_a_share_of_the_budget);
    tcase_add_test(cache, realloc_from_one_cached_size_to_another_does_not_reach_the_heap);
    tcase_add_test(cache, what_was_freed_last_comes_back_first);
    tcase_add_test(cache, caches_are_bounded_in_bytes);
    tcase_add_test(cache, trim_flushes_the_caller_s_cache);
    tcase_add_test(cache, a_cache_that_was_flushed_often_still_caches);
    tcase_add_test(cache, cached_blocks_serve_when_the_system_has_no_more);
    tcase_add_loop_test(cache, a_write_to_a_freed_block_is_noticed_when_it_is_handed_out, 0, 4);
    tcase_add_test(cache, a_write_to_a_freed_block_of_the_next_class_is_noticed_too);
    TCase *threads = unit_case(suite, "threads");
    tcase_add_test(threads, caches_lie_outside_of_the_heap_and_serve_later_threads);
    tcase_add_test(threads, a_thread_without_memory_for_a_cache_goes_to_the_heap);
    tcase_add_test(threads, a_thread_that_ends_leaves_its_blocks_to_others);
    tcase_add_test(threads, what_one_thread_frees_another_gets);
    tcase_add_test(threads, destructors_of_a_thread_may_allocate_in_every_round);
    return suite;
}
