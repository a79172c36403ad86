/* SPDX-License-Identifier: MIT
 * The child of a fork that runs no handlers, while a thread that it does not have holds a lock, or
 * is in the midst of a change. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/depot.h"
#include "cache/thread_cache.h"
#include "guard/guarded.h"
#include "guard/hardened.h"
#include "guard/quarantine.h"
#include "guard/zero_size.h"
#include "heap/heap.h"
#include "heap/mapped.h"
#include "heap/regions.h"
#include "kit/footprint.h"
#include "kit/lock.h"
#include "kit/options.h"
#include "process/bare_fork.h"
#include "profile/records.h"
#include "service/socket.h"
#include "stats/stats.h"
#include "unit.h"

#define CHILD_SECONDS 100

/* ---- Blocks of the parent's ---- */

static const size_t sizes[] = {24, 200, 1000, 3064, 30000, 100000, 150000, 400000, 0};
#define KINDS (sizeof(sizes) / sizeof(sizes[0]))
#define OLD (4 * KINDS)

static unsigned char *old[OLD];

/* Every byte, since realloc keeps some of them. */
static bool is_all(const unsigned char *bytes, size_t size, size_t value)
{
    return size == 0 ||
           (bytes[0] == (unsigned char)value && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void make_old(void)
{
    for (size_t i = 0; i < OLD; i++) {
        size_t size = sizes[i % KINDS];
        old[i] = i % 3 == 0 ? brkm_memalign(64, size) : brkm_malloc(size);
        ck_assert_ptr_nonnull(old[i]);
        memset(old[i], (int)i, size);
    }
}

/* ---- What a child does; not 0 is the line where it found something wrong ---- */

#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

static int use_old(void)
{
    for (size_t i = 0; i < OLD; i++) {
        size_t size = sizes[i % KINDS];
        EXPECT(is_all(old[i], size, i));
        EXPECT(brkm_malloc_usable_size(old[i]) >= size);
        if (i >= KINDS) {
            size_t new_size = sizes[(i + i / KINDS) % KINDS] + 100;
            old[i] = brkm_realloc(old[i], new_size);
            EXPECT(old[i] != NULL);
            EXPECT(is_all(old[i], min_size(size, new_size), i));
        }
    }
    return 0;
}

static int free_old(void)
{
    for (size_t i = 0; i < OLD; i++) {
        brkm_free(old[i]);
    }
    return 0;
}

static int use_new(uint64_t random)
{
    enum { slots = 64, steps = UNIT_SANITIZED ? 150 : 1000 };
    unsigned char *memory[slots] = {NULL};
    size_t size[slots] = {0};
    for (unsigned step = 0; step < steps; step++) {
        unsigned i = unit_random(&random) % slots;
        EXPECT(memory[i] == NULL || unit_is_filled(memory[i], size[i], i));
        brkm_free(memory[i]);
        size[i] = unit_random(&random) % (step % 20 == 0 ? 300000 : 3000);
        memory[i] = step % 5 == 0 ? brkm_calloc(size[i], 1) : brkm_malloc(size[i]);
        EXPECT(memory[i] != NULL);
        EXPECT(step % 5 != 0 || unit_is_zero(memory[i], size[i]));
        unit_fill(memory[i], size[i], i);
    }
    for (unsigned i = 0; i < slots; i++) {
        brkm_free(memory[i]);
    }
    return 0;
}

static int expect_child(pid_t child)
{
    int status = 0;
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int use_in_grandchild(void)
{
    pid_t child = fork();
    if (child == 0) {
        int line = use_new(4);
        _exit(line == 0 && brkm_check_heap() == 0 ? 0 : 1);
    }
    return expect_child(child);
}

static int look_at_all(void)
{
    struct snapshot_detail *detail;
    EXPECT(brkm_check_heap() == 0);
    struct snapshot now = brkm__snapshot_begin(&detail);
    brkm__snapshot_end(detail);
    EXPECT(now.heap_damaged == 0);
    EXPECT(now.memory_total ==
           now.memory_in_use + now.memory_cached + now.memory_free + now.memory_overhead);
    brkm__snapshot_of_counters();
    brkm__hardened_check_all();
    brkm_malloc_trim(0);
    EXPECT(brkm_check_heap() == 0);
    return 0;
}

static int use_all(void)
{
    alarm(CHILD_SECONDS);
    int line = use_new(1);
    line = line != 0 ? line : use_old();
    line = line != 0 ? line : use_new(2);
    line = line != 0 ? line : free_old();
    line = line != 0 ? line : use_new(3);
    line = line != 0 ? line : look_at_all();
    return line != 0 ? line : use_in_grandchild();
}

/* The child's exit status has room for 8 bits: its line goes by a pipe. */
static void expect_in_child(int (*act)(void), int (*fork_bare)(void))
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork_bare();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int line = act();
        ssize_t written = write(ends[1], &line, sizeof(line));
        _exit(line == 0 && written == sizeof(line) ? 0 : 1);
    }
    int status = 0;
    int line = -1;
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_ge(read(ends[0], &line, sizeof(line)), 0);
    close(ends[0]);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x, line %d: %s",
                  (unsigned)status, line, fake_os_text());
}

static int fork_without_handlers(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    return _Fork();
#else
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
#endif
}

static int fork_by_system_call(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* ---- Locks that a thread holds ---- */

#define SINGLE_LOCKS 8
#define SHELVES 5
#define LOCKS (SINGLE_LOCKS + SHELVES)

static struct lock *lock_number(unsigned i)
{
    struct lock *const single[SINGLE_LOCKS] = {
        brkm__quarantine_lock(), &brkm__profile_lock, brkm__cache_lock(),    &brkm__zero_size_lock,
        &brkm__guarded_lock,     &brkm__mapped_lock,  &brkm__main_heap.lock, brkm__server_lock()};
    return i < SINGLE_LOCKS ? single[i] : brkm__depot_lock((i - SINGLE_LOCKS) * 12 + 1);
}

static sem_t is_held, may_end;

static void hold_until_told(void)
{
    sem_post(&is_held);
    while (sem_wait(&may_end) != 0) {
    }
}

static void *hold_one(void *lock)
{
    lock_acquire(lock);
    hold_until_told();
    lock_release(lock);
    return NULL;
}

static void *hold_all(void *unused)
{
    for (unsigned i = 0; i < LOCKS; i++) {
        lock_acquire(lock_number(i));
    }
    hold_until_told();
    for (unsigned i = 0; i < LOCKS; i++) {
        lock_release(lock_number(i));
    }
    return unused;
}

static void expect_while_held(void *(*hold)(void *), struct lock *lock, int (*act)(void),
                              int (*fork_bare)(void))
{
    pthread_t holder;
    ck_assert_int_eq(sem_init(&is_held, 0, 0), 0);
    ck_assert_int_eq(sem_init(&may_end, 0, 0), 0);
    ck_assert_int_eq(pthread_create(&holder, NULL, hold, lock), 0);
    sem_wait(&is_held);
    expect_in_child(act, fork_bare);
    sem_post(&may_end);
    ck_assert_int_eq(pthread_join(holder, NULL), 0);
}

static void prepare(bool hardened)
{
    fake_os_set_threads(true);
    if (hardened) {
        ck_assert(brkm__option_set(OPTION_hardened, 1));
        ck_assert(brkm__option_set(OPTION_guard_sample, 20));
        brkm__hardened_apply();
    }
    ck_assert_int_eq(brkm_profile_start(), 0);
    make_old();
    /* So that depot and quarantine have something. */
    for (size_t size = 16; size <= 2000; size += 16) {
        void *memory[40];
        for (size_t i = 0; i < 40; i++) {
            memory[i] = brkm_malloc(size);
        }
        for (size_t i = 0; i < 40; i++) {
            brkm_free(memory[i]);
        }
    }
}

START_TEST(a_lock_that_nobody_will_open)
{
    prepare(_i >= LOCKS);
    struct lock *lock = lock_number((unsigned)_i % LOCKS);
    expect_while_held(hold_one, lock, use_all, fork_without_handlers);
    /* The parent did not notice. */
    ck_assert_int_eq(use_all(), 0);
    ck_assert_uint_eq(brkm__main_heap.abandoned_bytes, 0);
}
END_TEST

START_TEST(all_locks_held_and_a_fork_by_the_system_call)
{
    prepare(_i != 0);
    expect_while_held(hold_all, NULL, use_all, fork_by_system_call);
    ck_assert_int_eq(use_all(), 0);
}
END_TEST

START_TEST(no_lock_is_held)
{
    prepare(_i != 0);
    expect_in_child(use_all, fork_without_handlers);
}
END_TEST

/* ---- What becomes of the old heap ---- */

static int keep_the_old_heap(void)
{
    size_t before = brkm__main_heap.in_use_bytes;
    EXPECT(use_new(1) == 0);
    EXPECT(brkm__main_heap.abandoned_bytes == 0);
    return brkm__main_heap.in_use_bytes != 0 && before != 0 ? 0 : __LINE__;
}

START_TEST(with_the_heaps_lock_open_the_heap_goes_on)
{
    prepare(false);
    expect_while_held(hold_one, brkm__cache_lock(), keep_the_old_heap, fork_without_handlers);
}
END_TEST

static void free_twice(void *memory)
{
    brkm_free(memory);
    brkm_free(memory);
}

static int name_double_frees(void)
{
    void *new_block = brkm_malloc(200000 - 60000);
    EXPECT(brkm__main_heap.abandoned_bytes != 0);
    EXPECT(regions_is_abandoned(old[5]) && !regions_is_abandoned(new_block));
    EXPECT(!regions_is_abandoned(old[7]) && !regions_is_abandoned(&new_block));
    EXPECT(fake_os_dies(free_twice, old[5]) && unit_said("double free"));
    return 0;
}

START_TEST(a_block_of_the_old_heap_is_freed_once)
{
    prepare(false);
    expect_while_held(hold_one, &brkm__main_heap.lock, name_double_frees, fork_without_handlers);
}
END_TEST

static int run_for_long(void)
{
    EXPECT(use_new(1) == 0);
    size_t bytes = brkm__footprint_totals().bytes;
    for (uint64_t i = 2; i < 100; i++) {
        EXPECT(use_new(i) == 0);
    }
    EXPECT(brkm__footprint_totals().bytes <= bytes + 8 * BRKM_MIB);
    return 0;
}

START_TEST(what_the_child_frees_is_used_again)
{
    prepare(false);
    expect_while_held(hold_one, &brkm__main_heap.lock, run_for_long, fork_without_handlers);
}
END_TEST

/* A trim that a fork interrupted has moved the break already. */
START_TEST(an_abandoned_region_ends_at_the_break)
{
    prepare(false);
    uintptr_t now = (uintptr_t)brkm__os_sbrk(0);
    struct region *region = brkm__regions_around((uintptr_t)old[5]);
    ck_assert_int_eq((int)region->kind, (int)REGION_BREAK);
    brkm__regions_move_end(region, now + BRKM_MIB);
    brkm__bare_fork_abandon_heaps();
    ck_assert_int_eq((int)region->kind, (int)REGION_ABANDONED);
    ck_assert_uint_eq(region->end, align_down(now, BRKM_ALIGNMENT));
    ck_assert_ptr_null(brkm__regions_next(NULL));
}
END_TEST

/* Fork by fork each child abandons a heap. */
static int generation;

static int fork_in_generations(void)
{
    EXPECT(use_new((uint64_t)generation + 1) == 0);
    EXPECT(use_old() == 0 && free_old() == 0);
    make_old();
    if (++generation < 5) {
        expect_while_held(hold_one, &brkm__main_heap.lock, fork_in_generations,
                          fork_without_handlers);
    }
    return use_all();
}

START_TEST(a_child_of_a_child_of_a_child)
{
    prepare(false);
    expect_while_held(hold_all, NULL, fork_in_generations, fork_without_handlers);
}
END_TEST

/* The profile finds no memory to begin anew with: then it records nothing. */
static int do_without_profile(void)
{
    fake_os_fail(FAKE_ONLY(FAKE_MAP), (unsigned)generation, false);
    lock_acquire(&brkm__profile_lock);
    lock_release(&brkm__profile_lock);
    fake_os_fail(0, 0, false);
    EXPECT(use_old() == 0 && use_new(1) == 0 && free_old() == 0);
    EXPECT(brkm__profile_totals().stacks == 0);
    return look_at_all();
}

START_TEST(without_memory_the_child_has_no_profile)
{
    ck_assert(brkm__option_set(OPTION_profile_interval, 1));
    prepare(false);
    generation = _i;
    expect_while_held(hold_one, &brkm__profile_lock, do_without_profile, fork_without_handlers);
}
END_TEST

/* ---- Threads of the child ---- */

static void *use_in_thread(void *seed)
{
    return use_new((uint64_t)(uintptr_t)seed) == 0 ? seed : NULL;
}

/* They come to the locks at the same time, and one of them settles. */
static int use_in_threads(void)
{
    enum { threads = 4 };
    pthread_t thread[threads];
    for (uintptr_t i = 0; i < threads; i++) {
        EXPECT(pthread_create(&thread[i], NULL, use_in_thread, (void *)(i + 1)) == 0);
    }
    for (size_t i = 0; i < threads; i++) {
        void *result;
        EXPECT(pthread_join(thread[i], &result) == 0 && result != NULL);
    }
    return look_at_all();
}

START_TEST(threads_of_the_child_come_first)
{
    prepare(_i != 0);
    expect_while_held(hold_all, NULL, use_in_threads, fork_without_handlers);
}
END_TEST

static pthread_t other;
static bool is_back; /* __atomic: the other thread writes it, the settling one looks */

static void *take_a_lock(void *unused)
{
    lock_acquire(&brkm__mapped_lock);
    __atomic_store_n(&is_back, true, __ATOMIC_RELEASE);
    lock_release(&brkm__mapped_lock);
    return unused;
}

static void let_another_come(void)
{
    fake_os.before_call = NULL;
    ck_assert_int_eq(pthread_create(&other, NULL, take_a_lock, NULL), 0);
    usleep(50000);
    ck_assert(!__atomic_load_n(&is_back, __ATOMIC_ACQUIRE));
}

/* As in a child: what the profile's lock guards is begun anew, with memory of the system's. */
START_TEST(who_finds_another_settling_waits)
{
    prepare(false);
    lock_acquire(&brkm__profile_lock);
    wiped_words()->lock_mark = 0;
    fake_os.before_call = let_another_come;
    lock_acquire(&brkm__main_heap.lock);
    ck_assert_ptr_null(fake_os.before_call);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    ck_assert(__atomic_load_n(&is_back, __ATOMIC_ACQUIRE));
    ck_assert(!lock_is_taken(&brkm__profile_lock));
    lock_release(&brkm__main_heap.lock);
}
END_TEST

/* Its holder is this thread, at an earlier point that a signal interrupted. */
START_TEST(a_lock_that_was_taken_alone_is_no_orphan)
{
    lock_acquire(&brkm__mapped_lock);
    fake_os_set_threads(true);
    wiped_words()->lock_mark = 0;
    lock_acquire(&brkm__main_heap.lock);
    lock_release(&brkm__main_heap.lock);
    ck_assert(lock_is_taken(&brkm__mapped_lock));
    lock_release(&brkm__mapped_lock);
}
END_TEST

/* ---- In the midst of a change ---- */

static unsigned calls_left;

/* The thread in the midst of the change is the one that forks; its own cache may be so too. Another
 * thread does what there is to be done. */
static int use_beside_the_change(void)
{
    pthread_t thread;
    void *result;
    fake_os.before_call = NULL;
    alarm(CHILD_SECONDS);
    EXPECT(pthread_create(&thread, NULL, use_in_thread, (void *)7) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result != NULL);
    return look_at_all();
}

static void fork_at_a_call(void)
{
    if (calls_left-- == 0) {
        fake_os.before_call = NULL;
        expect_in_child(use_beside_the_change, fork_without_handlers);
    }
}

/* Sizes that make the break and the table of mapped blocks grow, blocks move and pages go. */
static void change_much(void)
{
    enum { count = 100 };
    void *mapped[count];
    for (size_t i = 0; i < count; i++) {
        mapped[i] = brkm_malloc(200000 + i * 1000);
    }
    for (size_t i = 0; i < count; i++) {
        mapped[i] = brkm_realloc(mapped[i], 300000 + i * 3000);
    }
    for (size_t i = 0; i < count; i++) {
        brkm_free(mapped[i]);
    }
    brkm_malloc_trim(0);
}

#define CALLS_APART 17
#define CALL_STEPS 20

START_TEST(a_fork_at_any_system_call)
{
    prepare(false);
    calls_left = (unsigned)_i * CALLS_APART;
    fake_os.remap_moves = _i % 2 != 0;
    fake_os.before_call = fork_at_a_call;
    change_much();
    fake_os.before_call = NULL;
    ck_assert_int_eq(use_all(), 0);
}
END_TEST

/* ---- Without the kernel's help ---- */

static int leave_locks(void)
{
    return brkm__main_heap.abandoned_bytes == 0 && lock_is_taken(&brkm__main_heap.lock) ? 0
                                                                                        : __LINE__;
}

START_TEST(where_no_page_is_wiped_nothing_is_noticed)
{
    static struct wiped_words words = {.lock_mark = LOCK_TAKEN | LOCK_NUMBER};
    fake_os.has_no_wiping = true;
    brkm__wiped = &words;
    brkm__bare_fork_begin();
    prepare(false);
    expect_while_held(hold_one, &brkm__main_heap.lock, leave_locks, fork_without_handlers);
    ck_assert_int_eq(use_all(), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("orphans");
    TCase *tests = unit_case(suite, "locks");
    tcase_add_loop_test(tests, a_lock_that_nobody_will_open, 0, 2 * LOCKS);
    tcase_add_loop_test(tests, all_locks_held_and_a_fork_by_the_system_call, 0, 2);
    tcase_add_loop_test(tests, no_lock_is_held, 0, 2);
    tests = unit_case(suite, "heap");
    tcase_add_test(tests, with_the_heaps_lock_open_the_heap_goes_on);
    tcase_add_test(tests, a_block_of_the_old_heap_is_freed_once);
    tcase_add_test(tests, an_abandoned_region_ends_at_the_break);
    tcase_add_test(tests, what_the_child_frees_is_used_again);
    tcase_add_test(tests, a_child_of_a_child_of_a_child);
    tcase_add_loop_test(tests, without_memory_the_child_has_no_profile, 1, 4);
    tests = unit_case(suite, "threads");
    tcase_add_loop_test(tests, threads_of_the_child_come_first, 0, 2);
    tcase_add_test(tests, who_finds_another_settling_waits);
    tcase_add_test(tests, a_lock_that_was_taken_alone_is_no_orphan);
    tests = unit_case(suite, "changes");
    tcase_add_loop_test(tests, a_fork_at_any_system_call, 0, CALL_STEPS);
    tests = unit_case(suite, "system");
    tcase_add_test(tests, where_no_page_is_wiped_nothing_is_noticed);
    return suite;
}
