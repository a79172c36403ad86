/* SPDX-License-Identifier: MIT
 * os_thread.h on the real system: a thread that begins, or cannot; who is the last one. */
#include "system/os_thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refuse.h"
#include "unit.h"

/* More than the stack that the allocator asks for, and taken out of each thread's stack. */
static _Thread_local volatile char large_variable[BRKM_MIB];

static sem_t begun;

static void start(void)
{
    sem_init(&begun, 0, 0);
    large_variable[0] = 1;
    errno = 1234;
}

static void begin(void)
{
    large_variable[sizeof(large_variable) - 1] = 1;
    sem_post(&begun);
}

START_TEST(a_thread_begins_in_spite_of_large_thread_local_variables)
{
    ck_assert(brkm__os_start_thread(begin));
    ck_assert_int_eq(errno, 1234);
    while (sem_wait(&begun) != 0) {
    }
}
END_TEST

/* In a thread of its own: of the first one the leak sanitizer wants more at exit. */
static void *start_without_threads(void *unused)
{
    if (refuse_calls(SYS_clone, SYS_clone3, EAGAIN)) {
        errno = 1234;
        ck_assert(!brkm__os_start_thread(begin));
        ck_assert_int_eq(errno, 1234);
    }
    return unused;
}

START_TEST(a_thread_that_the_system_refuses_is_told)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, start_without_threads, NULL), 0);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- The last thread ---- */

static sem_t may_end;

/* What brkm__os_is_last_thread said in a thread of its own, for which `read` fails. */
static struct {
    int error;
    bool refused, last;
} answer;

static void *wait_to_end(void *unused)
{
    while (sem_wait(&may_end) != 0) {
    }
    return unused;
}

static void *ask_without_reading(void *unused)
{
    answer.refused = refuse_calls(SYS_read, -1, answer.error);
    answer.last = brkm__os_is_last_thread();
    return unused;
}

/* The thread sanitizer has a thread of its own. */
#ifndef BRKM_THREAD_SANITIZER
START_TEST(the_first_thread_is_the_last_while_there_is_no_other)
{
    pthread_t other;
    sem_init(&may_end, 0, 0);
    ck_assert(brkm__os_is_first_thread());
    ck_assert(brkm__os_is_last_thread());
    ck_assert_int_eq(pthread_create(&other, NULL, wait_to_end, NULL), 0);
    ck_assert(!brkm__os_is_last_thread());
    sem_post(&may_end);
    pthread_join(other, NULL);
    ck_assert(brkm__os_is_last_thread());
    ck_assert_int_eq(errno, 1234);
}
END_TEST
#endif

/* A thread that ended between the look at the folder and the look at its file; the first thread
 * stands for it here. */
START_TEST(a_thread_whose_file_says_that_it_is_gone_has_ended)
{
    pthread_t other;
    answer.error = _i == 0 ? ESRCH : EIO;
    ck_assert_int_eq(pthread_create(&other, NULL, ask_without_reading, NULL), 0);
    pthread_join(other, NULL);
    ck_assert(!answer.refused || answer.last == (_i == 0));
}
END_TEST

START_TEST(what_cannot_be_looked_at_goes_on)
{
    pthread_t other;
    sem_init(&may_end, 0, 0);
    ck_assert_int_eq(pthread_create(&other, NULL, wait_to_end, NULL), 0);
    /* One descriptor, for the folder; none for what is in it. */
    int lowest = dup(0);
    close(lowest);
    struct rlimit limit = {(rlim_t)lowest + (_i == 0 ? 1 : 0), (rlim_t)lowest + 64};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(!brkm__os_is_last_thread());
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    sem_post(&may_end);
    pthread_join(other, NULL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("os_thread");
    TCase *tests = unit_case(suite, "linux");
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, a_thread_begins_in_spite_of_large_thread_local_variables);
    tcase_add_test(tests, a_thread_that_the_system_refuses_is_told);
#ifndef BRKM_THREAD_SANITIZER
    tcase_add_test(tests, the_first_thread_is_the_last_while_there_is_no_other);
#endif
    tcase_add_loop_test(tests, a_thread_whose_file_says_that_it_is_gone_has_ended, 0, 2);
    tcase_add_loop_test(tests, what_cannot_be_looked_at_goes_on, 0, 2);
    return suite;
}
