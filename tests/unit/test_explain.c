/* SPDX-License-Identifier: MIT
 * explain.h: which block an access was meant for, and what is said of it. */
#define _GNU_SOURCE
#include "guard/explain.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/guarded.h"
#include "guard/hardened.h"
#include "guard/zero_size.h"
#include "heap/mapped.h"
#include "kit/options.h"
#include "system/os.h"
#include "unit.h"

/* Large enough for a mapping of its own. */
#define LARGE (4 * BRKM_MIB)

static bool explain(const void *address, enum os_access access)
{
    struct os_fault fault = {
        .address = address, .instruction = (const void *)0x1234, .access = access};
    fake_os_forget_text();
    return fake_os.explain_fault(&fault);
}

/* The explanation of an access to `offset` bytes behind `block` begins with these two lines. */
static void expect_said(const char *block, ptrdiff_t offset, enum os_access access,
                        const char *words, const char *size, const char *distance)
{
    char expected[512];
    snprintf(expected, sizeof(expected),
             "brkmalloc: %s at %p (%scalled from 0x1234)\nbrkmalloc:   %s of the block at %p\n"
             "brkmalloc:   process 4242\nbrkmalloc:   program ?\n"
             "brkmalloc:   touched by thread 4242:\nbrkmalloc:     0x1234 ?\n",
             words, (const void *)(block + offset), size, distance, (const void *)block);
    ck_assert(explain(block + offset, access));
    ck_assert_msg(strncmp(fake_os_text(), expected, strlen(expected)) == 0,
                  "said:\n%s\nexpected:\n%s", fake_os_text(), expected);
}

static void start(const char *options)
{
    static const struct {
        const char *name;
        enum option option;
    } flags[] = {{"sample", OPTION_guard_sample},
                 {"pages", OPTION_guard_pages},
                 {"zero", OPTION_guard_zero_size},
                 {"canary", OPTION_canary}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strstr(options, flags[i].name) != NULL) {
            brkm__option_set(flags[i].option, 1);
        }
    }
    if (strstr(options, "quarantine") != NULL) {
        brkm__option_set(OPTION_quarantine, BRKM_MIB);
    }
    brkm__hardened_apply();
}

START_TEST(guarded_blocks_are_explained)
{
    start("sample");
    char *block = brkm_malloc(64);
    while (((uintptr_t)block + 64) % PAGE != 0) {
        brkm_free(block);
        block = brkm_malloc(64);
    }
    expect_said(block, 64, OS_ACCESS_WRITE, "write past the end of a guarded block",
                "block of 64 bytes, ", "0 bytes behind the end");
    ck_assert(unit_said("brkmalloc:   allocated by thread 4242:\n"));
    ck_assert(!unit_said("freed by"));
}
END_TEST

START_TEST(a_read_in_front_of_a_guarded_block_is_explained)
{
    start("sample");
    char *block = brkm_malloc(64);
    while ((uintptr_t)block % PAGE != 0) {
        brkm_free(block);
        block = brkm_malloc(64);
    }
    expect_said(block, -1, OS_ACCESS_READ, "read before the start of a guarded block",
                "block of 64 bytes, ", "1 byte before the start");
}
END_TEST

START_TEST(a_freed_guarded_block_is_explained)
{
    start("sample");
    char *block = brkm_malloc(64);
    brkm_free(block);
    expect_said(block, 5, OS_ACCESS_UNKNOWN, "access after free of a guarded block",
                "block of 64 bytes, ", "5 bytes behind the start");
    ck_assert(unit_said("brkmalloc:   allocated by thread 4242:\n"));
    ck_assert(unit_said("brkmalloc:   freed by thread 4242:\n"));
}
END_TEST

START_TEST(mapped_blocks_are_explained)
{
    start(_i == 1 ? "pages canary" : "pages");
    char *block = brkm_malloc(LARGE);
    size_t usable = brkm_malloc_usable_size(block);
    uintptr_t guard = align_up((uintptr_t)block + usable, PAGE);
    char size[64];
    char distance[64];
    ptrdiff_t offset = (ptrdiff_t)(guard - (uintptr_t)block);
    snprintf(size, sizeof(size), "block of %zu bytes, ", usable);
    snprintf(distance, sizeof(distance), "%zu bytes behind the end", (size_t)offset - usable);
    ck_assert(_i == 0 || usable == LARGE);
    if (_i == 0) {
        expect_said(block, offset, OS_ACCESS_WRITE, "write past the end of a mapped block", size,
                    distance);
        return;
    }
    offset = (ptrdiff_t)align_down((uintptr_t)block - 8, PAGE) - 1 - (ptrdiff_t)(uintptr_t)block;
    snprintf(distance, sizeof(distance), "%td bytes before the start", -offset);
    expect_said(block, offset, OS_ACCESS_READ, "read before the start of a mapped block", size,
                distance);
}
END_TEST

START_TEST(a_retired_mapped_block_is_explained)
{
    start("pages canary quarantine");
    char *block = brkm_malloc(LARGE + 3);
    brkm_free(block);
    expect_said(block, 77, OS_ACCESS_READ, "read after free of a mapped block",
                "block of 4194307 bytes, ", "77 bytes behind the start");
}
END_TEST

START_TEST(a_block_of_no_bytes_is_explained)
{
    start("zero");
    char *block = brkm_malloc(0);
    ck_assert(brkm__zero_size_contains(block));
    expect_said(block, 3, OS_ACCESS_WRITE, "write in a block of 0 bytes", "",
                "3 bytes behind the end");
}
END_TEST

START_TEST(addresses_of_others_are_not_explained)
{
    start("sample pages zero quarantine");
    char *small = brkm_malloc(10);
    char *large = brkm_malloc(LARGE);
    ck_assert(!explain(NULL, OS_ACCESS_WRITE));
    ck_assert(!explain(&small, OS_ACCESS_READ));
    ck_assert(!explain((void *)~(uintptr_t)0, OS_ACCESS_READ));
    /* What the program may touch faults only where it tries to run it. */
    ck_assert(!explain(small, OS_ACCESS_READ));
    ck_assert(!explain(large, OS_ACCESS_READ));
    ck_assert(!explain(large + LARGE - 1, OS_ACCESS_READ));
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(the_first_fault_alone_is_explained)
{
    start("sample");
    char *block = brkm_malloc(64);
    brkm_free(block);
    ck_assert(explain(block, OS_ACCESS_READ));
    ck_assert_str_ne(fake_os_text(), "");
    ck_assert(explain(block, OS_ACCESS_READ));
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

/* Of two threads that fault at a time, the second returns, and may end the process, when all was
 * said of the first. */

static char *touched;
static pthread_t second;
static atomic_int second_stage; /* 1: about to fault; 2: has returned */

static void *fault_as_second(void *unused)
{
    struct os_fault fault = {.address = touched, .access = OS_ACCESS_READ};
    atomic_store(&second_stage, 1);
    ck_assert(fake_os.explain_fault(&fault));
    atomic_store(&second_stage, 2);
    return unused;
}

static void start_second(void)
{
    ck_assert_int_eq(pthread_create(&second, NULL, fault_as_second, NULL), 0);
    while (atomic_load(&second_stage) == 0) {
        usleep(1000);
    }
    usleep(100000);
    ck_assert_int_eq(atomic_load(&second_stage), 1);
}

START_TEST(a_second_fault_waits_until_the_first_is_explained)
{
    start("sample");
    touched = brkm_malloc(64);
    brkm_free(touched);
    fake_os.error_written = start_second;
    ck_assert(explain(touched, OS_ACCESS_WRITE));
    pthread_join(second, NULL);
    ck_assert_int_eq(atomic_load(&second_stage), 2);
    ck_assert(unit_said("write after free of a guarded block"));
    ck_assert(!unit_said("read after free"));
}
END_TEST

/* While the first thread explains, another one forks; the child faults too. Nobody explains there,
 * whatever the parent's memory said at that moment. */

#define CHILD_SECONDS 10

static int fork_by_system_call(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static const struct {
    int (*fork_now)(void);
    bool has_no_wiping;
} forks[] = {{fork, false}, {fork_by_system_call, false}, {fork, true}};
#define FORKS 3

static int which_fork;

static int fault_in_child(void)
{
    alarm(CHILD_SECONDS);
    bool first = explain(touched, OS_ACCESS_READ) && unit_said("read after free");
    bool once = explain(touched, OS_ACCESS_READ) && !unit_said("read after free");
    return first && once ? 0 : 1;
}

static void *fork_as_second(void *unused)
{
    int status = 0;
    pid_t child = forks[which_fork].fork_now();
    if (child == 0) {
        _exit(fault_in_child());
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "the child's status is %x", (unsigned)status);
    return unused;
}

static void fork_in_second_thread(void)
{
    ck_assert_int_eq(pthread_create(&second, NULL, fork_as_second, NULL), 0);
    ck_assert_int_eq(pthread_join(second, NULL), 0);
}

START_TEST(a_child_does_not_wait_for_its_parent_s_explanation)
{
    which_fork = _i;
    fake_os.has_no_wiping = forks[_i].has_no_wiping;
    start("sample");
    touched = brkm_malloc(64);
    brkm_free(touched);
    fake_os.error_written = fork_in_second_thread;
    ck_assert(explain(touched, OS_ACCESS_WRITE));
    ck_assert(unit_said("write after free of a guarded block"));
    /* The parent has had its explanation. */
    ck_assert(explain(touched, OS_ACCESS_WRITE));
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(a_locked_table_is_not_waited_for)
{
    start("pages");
    char *block = brkm_malloc(LARGE);
    char *guard = block + brkm_malloc_usable_size(block) + PAGE;
    lock_acquire(&brkm__mapped_lock);
    ck_assert(!explain(guard, OS_ACCESS_READ));
    lock_release(&brkm__mapped_lock);
    ck_assert(explain(guard, OS_ACCESS_READ));
}
END_TEST

START_TEST(faults_are_watched_where_there_is_something_to_explain)
{
    static const char *const options[] = {"sample", "pages", "zero", "canary quarantine"};
    start(options[_i]);
    ck_assert_int_eq(fake_os.explain_fault != NULL, _i != 3);
}
END_TEST

START_TEST(an_option_leaves_faults_to_the_program)
{
    brkm__option_set(OPTION_explain_faults, 0);
    start("sample pages zero");
    ck_assert_ptr_null((void *)(uintptr_t)fake_os.explain_fault);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("explain");
    TCase *tests = unit_case(suite, "explain");
    tcase_add_test(tests, guarded_blocks_are_explained);
    tcase_add_test(tests, a_read_in_front_of_a_guarded_block_is_explained);
    tcase_add_test(tests, a_freed_guarded_block_is_explained);
    tcase_add_loop_test(tests, mapped_blocks_are_explained, 0, 2);
    tcase_add_test(tests, a_retired_mapped_block_is_explained);
    tcase_add_test(tests, a_block_of_no_bytes_is_explained);
    tcase_add_test(tests, addresses_of_others_are_not_explained);
    tcase_add_test(tests, the_first_fault_alone_is_explained);
    tcase_add_test(tests, a_second_fault_waits_until_the_first_is_explained);
    tcase_add_loop_test(tests, a_child_does_not_wait_for_its_parent_s_explanation, 0, FORKS);
    tcase_add_test(tests, a_locked_table_is_not_waited_for);
    tcase_add_loop_test(tests, faults_are_watched_where_there_is_something_to_explain, 0, 4);
    tcase_add_test(tests, an_option_leaves_faults_to_the_program);
    return suite;
}
