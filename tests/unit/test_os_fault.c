/* SPDX-License-Identifier: MIT
 * os_fault.h on the real system: whose the signal is when nothing is explained, and what is in
 * force afterwards. What whole programs see is tested in tests/interpose/fault_handlers.c. */
#define _GNU_SOURCE
#include "system/os_fault.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static size_t page;

/* ---- The program's handler ---- */

static volatile sig_atomic_t handled;
static sigset_t mask_in_handler;

static void note(int signal)
{
    (void)signal;
    handled++;
    sigprocmask(SIG_SETMASK, NULL, &mask_in_handler);
}

static void install(int signal, void (*handler)(int), unsigned flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = (int)flags};
    sigaddset(&action.sa_mask, SIGUSR1);
    ck_assert_int_eq(sigaction(signal, &action, NULL), 0);
}

static bool is_in_force(int signal, void (*handler)(int))
{
    struct sigaction action;
    ck_assert_int_eq(sigaction(signal, NULL, &action), 0);
    return action.sa_handler == handler;
}

/* ---- Faults that go away: who is asked repairs what faulted ---- */

static struct os_fault asked;
static unsigned times_asked;
static bool explains;
static int truncated_file;

static bool make_accessible(const struct os_fault *fault)
{
    asked = *fault;
    times_asked++;
    uintptr_t start = align_down((uintptr_t)fault->address, page);
    return mprotect((void *)start, page, PROT_READ | PROT_WRITE) == 0 && explains;
}

static bool make_longer(const struct os_fault *fault)
{
    asked = *fault;
    times_asked++;
    return ftruncate(truncated_file, (off_t)page) == 0 && explains;
}

static void start(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

static volatile char *inaccessible_page(void)
{
    char *memory = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

/* Writes there, which faults once. */
static void touch(volatile char *address)
{
    *address = 1;
    atomic_signal_fence(memory_order_seq_cst);
    ck_assert_uint_eq(times_asked, 1);
    ck_assert_uint_eq((uintptr_t)asked.address, (uintptr_t)address);
    ck_assert(asked.has_stack);
    ck_assert_int_eq(*address, 1);
}

START_TEST(a_fault_that_nobody_explains_is_as_without_us)
{
    void (*before)(int) = _i == 0 ? SIG_DFL : SIG_IGN;
    signal(SIGSEGV, before);
    brkm__os_catch_faults(make_accessible);
    ck_assert(!is_in_force(SIGSEGV, before));
    touch(inaccessible_page() + 17);
#if defined(__x86_64__) || defined(__aarch64__)
    ck_assert_int_eq(asked.access, OS_ACCESS_WRITE);
    ck_assert_ptr_nonnull(asked.instruction);
#endif
    ck_assert(is_in_force(SIGSEGV, before));
}
END_TEST

START_TEST(after_an_explanation_the_program_s_handler_is_in_force)
{
    install(SIGSEGV, note, 0);
    explains = true;
    brkm__os_catch_faults(make_accessible);
    touch(inaccessible_page());
    ck_assert_int_eq(handled, 0);
    ck_assert(is_in_force(SIGSEGV, note));
}
END_TEST

START_TEST(a_fault_that_the_program_handles_comes_to_it)
{
    install(SIGSEGV, note, 0);
    brkm__os_catch_faults(make_accessible);
    touch(inaccessible_page());
    ck_assert_int_eq(handled, 1);
    ck_assert(!is_in_force(SIGSEGV, note));
}
END_TEST

START_TEST(a_bus_error_is_a_fault_too)
{
    explains = _i == 1;
    truncated_file = memfd_create("truncated", MFD_CLOEXEC);
    ck_assert_int_ge(truncated_file, 0);
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, truncated_file, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    brkm__os_catch_faults(make_longer);
    touch(memory);
    ck_assert(is_in_force(SIGBUS, SIG_DFL));
    ck_assert(!is_in_force(SIGSEGV, SIG_DFL));
}
END_TEST

/* ---- Signals that somebody sent ---- */

START_TEST(a_handler_is_called_as_the_kernel_would)
{
    install(SIGSEGV, note, _i == 0 ? 0 : SA_NODEFER | SA_RESETHAND);
    brkm__os_catch_faults(make_accessible);
    raise(SIGSEGV);
    ck_assert_int_eq(handled, 1);
    ck_assert_int_eq(sigismember(&mask_in_handler, SIGUSR1), 1);
    ck_assert_int_eq(sigismember(&mask_in_handler, SIGSEGV), _i == 0);
    ck_assert_uint_eq(times_asked, 0);
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    ck_assert_int_eq(sigismember(&now, SIGUSR1), 0);
}
END_TEST

START_TEST(a_handler_for_one_signal_is_gone_at_the_next)
{
    install(SIGSEGV, note, SA_RESETHAND);
    brkm__os_catch_faults(make_accessible);
    raise(SIGSEGV);
    ck_assert_int_eq(handled, 1);
    raise(SIGSEGV);
    ck_abort_msg("a signal by default ends the program");
}
END_TEST

START_TEST(a_sent_signal_that_is_ignored_stays_so)
{
    signal(SIGSEGV, SIG_IGN);
    brkm__os_catch_faults(make_accessible);
    raise(SIGSEGV);
    raise(SIGSEGV);
    ck_assert_uint_eq(times_asked, 0);
    ck_assert(!is_in_force(SIGSEGV, SIG_IGN));
}
END_TEST

START_TEST(a_sent_signal_ends_the_program_by_default)
{
    brkm__os_catch_faults(make_accessible);
    raise(SIGSEGV);
    ck_abort_msg("a signal by default ends the program");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("os_fault");
    TCase *tests = unit_case(suite, "linux");
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_loop_test(tests, a_fault_that_nobody_explains_is_as_without_us, 0, 2);
    tcase_add_test(tests, after_an_explanation_the_program_s_handler_is_in_force);
    tcase_add_test(tests, a_fault_that_the_program_handles_comes_to_it);
    tcase_add_loop_test(tests, a_bus_error_is_a_fault_too, 0, 2);
    tcase_add_loop_test(tests, a_handler_is_called_as_the_kernel_would, 0, 2);
    tcase_add_test_raise_signal(tests, a_handler_for_one_signal_is_gone_at_the_next, SIGSEGV);
    tcase_add_test(tests, a_sent_signal_that_is_ignored_stays_so);
    tcase_add_test_raise_signal(tests, a_sent_signal_ends_the_program_by_default, SIGSEGV);
    return suite;
}
