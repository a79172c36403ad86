/* SPDX-License-Identifier: MIT
 * process.c: a fork finds every lock open in the child, whatever other threads were doing. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/cache_registry.h"
#include "heap/heap.h"
#include "heap/mapped.h"
#include "kit/lock.h"
#include "unit.h"

#define WORKERS 3
#define FORKS 40

static atomic_bool done;

/* Small blocks only: the fake system is not made for threads, and the heap's lock keeps it safe. */
static void *work(void *unused)
{
    uint64_t random = (uintptr_t)&unused;
    void *memory[64] = {NULL};
    while (!done) {
        size_t i = unit_random(&random) % 64;
        brkm_free(memory[i]);
        memory[i] = brkm_malloc(unit_random(&random) % 3000);
    }
    for (size_t i = 0; i < 64; i++) {
        brkm_free(memory[i]);
    }
    return unused;
}

static int use_in_child(void *inherited)
{
    if (brkm_check_heap() != 0 || lock_is_taken(&brkm__main_heap.lock) ||
        lock_is_taken(&brkm__mapped_lock) || brkm__cache_totals().threads != 1) {
        return 1;
    }
    brkm_free(inherited);
    for (size_t i = 0; i < 500; i++) {
        void *memory = brkm_malloc(i * 37);
        if (memory == NULL) {
            return 2;
        }
        unit_fill(memory, i * 37, 1);
        brkm_free(memory);
    }
    return brkm_check_heap() == 0 ? 0 : 3;
}

static void fork_and_use(void)
{
    void *inherited = brkm_malloc(100);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(use_in_child(inherited));
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    brkm_free(inherited);
}

START_TEST(a_fork_among_busy_threads)
{
    pthread_t threads[WORKERS];
    fake_os_set_threads(true);
    for (size_t i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, NULL), 0);
    }
    for (int i = 0; i < FORKS; i++) {
        fork_and_use();
    }
    done = true;
    for (size_t i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert(!lock_is_taken(&brkm__main_heap.lock));
    ck_assert(!lock_is_taken(&brkm__mapped_lock));
    ck_assert_int_eq(brkm_check_heap(), 0);
}
END_TEST

START_TEST(a_fork_with_one_thread_takes_no_lock)
{
    lock_acquire(&brkm__main_heap.lock);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* As a signal handler sees it that forked while the allocator was interrupted. */
        _exit(lock_is_taken(&brkm__main_heap.lock) ? 0 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(lock_is_taken(&brkm__main_heap.lock));
    lock_release(&brkm__main_heap.lock);
    fork_and_use();
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("process");
    TCase *tests = unit_case(suite, "fork");
    tcase_add_test(tests, a_fork_among_busy_threads);
    tcase_add_test(tests, a_fork_with_one_thread_takes_no_lock);
    return suite;
}
