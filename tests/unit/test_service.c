/* SPDX-License-Identifier: MIT
 * service.h where there is no thread to be had; its life is tested in tests/service. */
#include "service.h"

#include <errno.h>
#include <sys/syscall.h>

#include "options.h"
#include "refuse.h"
#include "unit.h"

#define REFUSED                                                                            \
    "brkmalloc: background and control have no effect in process 4242; the system has no " \
    "room for a thread\n"

START_TEST(a_thread_that_cannot_begin_is_told)
{
    brkm__option_set(_i == 0 ? OPTION_background : OPTION_control, 1);
    if (refuse_calls(SYS_clone, SYS_clone3, EAGAIN)) {
        brkm__service_start();
        ck_assert_str_eq(fake_os_text(), REFUSED);
        /* Where the parent had none, the child does not try. */
        fake_os_forget_text();
        brkm__service_restart_in_child();
        ck_assert_str_eq(fake_os_text(), "");
    }
}
END_TEST

START_TEST(nobody_is_started_unless_asked_for_nor_in_set_user_id_programs)
{
    if (refuse_calls(SYS_clone, SYS_clone3, EAGAIN)) {
        brkm__service_start();
        brkm__option_set(OPTION_background, 1);
        fake_os.secure_mode = true;
        brkm__service_start();
        ck_assert_str_eq(fake_os_text(), "");
    }
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
