/* SPDX-License-Identifier: MIT
 * service/thread.h where there is no thread to be had; its life is tested in tests/service. */
#include "service/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "kit/options.h"
#include "refuse.h"
#include "unit.h"

#define REFUSED                                                                            \
    "brkmalloc: background and control have no effect in process 4242; the system has no " \
    "room for a thread\n"

/* In a thread of its own: of the first one the leak sanitizer wants more at exit. */
static void *start_without_threads(void *expected)
{
    if (refuse_calls(SYS_clone, SYS_clone3, EAGAIN)) {
        brkm__service_start();
        ck_assert_str_eq(fake_os_text(), expected);
    }
    return NULL;
}

static void expect_said_without_threads(const char *text)
{
    static char expected[200];
    pthread_t thread;
    snprintf(expected, sizeof(expected), "%s", text);
    ck_assert_int_eq(pthread_create(&thread, NULL, start_without_threads, expected), 0);
    pthread_join(thread, NULL);
}

START_TEST(a_thread_that_cannot_begin_is_told)
{
    brkm__option_set(_i == 0 ? OPTION_background : OPTION_control, 1);
    expect_said_without_threads(REFUSED);
    /* Where the parent had none, the child does not try. */
    fake_os_forget_text();
    brkm__service_restart_in_child();
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(nobody_is_started_unless_asked_for_nor_in_set_user_id_programs)
{
    expect_said_without_threads("");
    brkm__option_set(OPTION_background, 1);
    fake_os.secure_mode = true;
    expect_said_without_threads("");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *tests = unit_case(suite, "service");
    tcase_add_loop_test(tests, a_thread_that_cannot_begin_is_told, 0, 2);
    tcase_add_test(tests, nobody_is_started_unless_asked_for_nor_in_set_user_id_programs);
    return suite;
}
