/* SPDX-License-Identifier: MIT
 * lock.h with threads of the real system. */
#include "kit/lock.h"

#include <pthread.h>
#include <unistd.h>

#include "kit/report.h"
#include "unit.h"

#define THREADS 4
#define ROUNDS 20000

static struct lock lock;
static uint64_t counter;

START_TEST(alone_a_lock_is_a_plain_word)
{
    lock_acquire(&lock);
    ck_assert(lock_is_taken(&lock));
    ck_assert(!brkm__lock_try(&lock));
    /* A signal handler that interrupted the holder. */
    lock_acquire(&lock);
    lock_release(&lock);
    ck_assert(!lock_is_taken(&lock));
    ck_assert_uint_eq(lock.contended, 0);
}
END_TEST

START_TEST(with_threads_a_lock_is_taken_once)
{
    fake_os_set_threads(true);
    /* The process that runs this test is a child and has no mark before. */
    lock_acquire(&lock);
    lock_release(&lock);
    ck_assert(brkm__lock_try(&lock));
    ck_assert(!brkm__lock_try(&lock));
    lock_release(&lock);
    lock_acquire(&lock);
    ck_assert(lock_is_taken(&lock));
    lock_reset(&lock);
    ck_assert(brkm__lock_try(&lock));
    lock_release(&lock);
    ck_assert(!lock_is_taken(&lock));
}
END_TEST

static void *count(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&lock);
        counter++;
        lock_release(&lock);
    }
    return unused;
}

static void run_threads(void *(*function)(void *), size_t number)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < number; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, function, NULL), 0);
    }
    for (size_t i = 0; i < number; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}

START_TEST(one_thread_at_a_time_is_inside)
{
    fake_os_set_threads(true);
    run_threads(count, THREADS);
    ck_assert_uint_eq(counter, THREADS * ROUNDS);
    ck_assert(!lock_is_taken(&lock));
}
END_TEST

static void *take_once(void *unused)
{
    lock_acquire(&lock);
    counter++;
    lock_release(&lock);
    return unused;
}

/* They spin, then sleep; each must be woken. */
START_TEST(sleeping_threads_are_woken_one_by_one)
{
    pthread_t threads[THREADS];
    fake_os_set_threads(true);
    lock_acquire(&lock);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_once, NULL), 0);
    }
    usleep(50000);
    ck_assert_uint_eq(counter, 0);
    lock_release(&lock);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(counter, THREADS);
    ck_assert_uint_ge(lock.contended, 1);
    ck_assert_uint_le(lock.contended, THREADS);
}
END_TEST

#if BRKM_BARE_FORK
static unsigned settled;

static void settle(void)
{
    settled++;
    wiped_words()->lock_mark = LOCK_TAKEN | 9 * LOCK_NUMBER;
    lock_reset(&lock);
}

/* As in the child of a fork that ran no handlers. */
START_TEST(a_lock_of_another_process_is_settled)
{
    fake_os_set_threads(true);
    lock_acquire(&lock);
    uint32_t word = lock.word;
    brkm__lock_settle = settle;
    wiped_words()->lock_mark = 0;
    /* Who cannot wait does without. */
    ck_assert(!brkm__lock_try(&lock));
    ck_assert(!brkm__lock_try_for_a_while(&lock));
    ck_assert_uint_eq(settled, 0);
    lock_acquire(&lock);
    ck_assert_uint_eq(settled, 1);
    ck_assert_uint_ne(lock.word, word);
    ck_assert_uint_eq(lock.contended, 0);
    lock_release(&lock);
    run_threads(count, THREADS);
    ck_assert_uint_eq(settled, 1);
}
END_TEST
#endif

START_TEST(without_a_page_that_is_wiped_locks_work)
{
    static struct wiped_words words = {.lock_mark = LOCK_TAKEN | LOCK_NUMBER};
    fake_os.has_no_wiping = true;
    brkm__wiped = &words;
    brkm__wiped_begin();
    ck_assert_ptr_eq(wiped_words(), &words);
    fake_os_set_threads(true);
    run_threads(count, THREADS);
    ck_assert_uint_eq(counter, THREADS * ROUNDS);
}
END_TEST

START_TEST(on_the_page_the_mark_is_as_it_was)
{
    static struct wiped_words words = {.lock_mark = LOCK_TAKEN | 7 * LOCK_NUMBER};
    brkm__wiped = &words;
    brkm__wiped_begin();
    ck_assert_ptr_ne(wiped_words(), &words);
    ck_assert_uint_ne(wiped_words()->lock_mark, 0);
    ck_assert_uint_eq(wiped_words()->explanation, 0);
}
END_TEST

static void end_program(void *unused)
{
    (void)unused;
    lock_acquire(&lock);
    brkm__fatal(FAULT_DOUBLE_FREE, (struct fault_place){.caller = "free"});
}

/* The holder is dying and will not release it; an abort handler may allocate. */
START_TEST(a_dying_program_waits_for_no_lock)
{
    fake_os_set_threads(true);
    ck_assert(fake_os_dies(end_program, NULL));
    ck_assert(lock_is_taken(&lock));
    lock_acquire(&lock);
    run_threads(take_once, 2);
    ck_assert_uint_eq(counter, 2);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("lock");
    TCase *tests = unit_case(suite, "lock");
    tcase_add_test(tests, alone_a_lock_is_a_plain_word);
    tcase_add_test(tests, with_threads_a_lock_is_taken_once);
    tcase_add_test(tests, one_thread_at_a_time_is_inside);
    tcase_add_test(tests, sleeping_threads_are_woken_one_by_one);
    tcase_add_test(tests, a_dying_program_waits_for_no_lock);
    tests = unit_case(suite, "marks");
#if BRKM_BARE_FORK
    tcase_add_test(tests, a_lock_of_another_process_is_settled);
#endif
    tcase_add_test(tests, without_a_page_that_is_wiped_locks_work);
    tcase_add_test(tests, on_the_page_the_mark_is_as_it_was);
    return suite;
}
