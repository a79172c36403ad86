/* SPDX-License-Identifier: MIT
 * Each thing that the public functions do, with the first, the second, ... call of the system
 * failing until none is left to fail. A failure gives NULL and ENOMEM and leaves every old block as
 * it was; the heap is sound after it; afterwards all works again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/options.h"
#include "unit.h"

/* One more than any scenario makes of system calls. */
#define CALLS_MAX 8

#define OLD 5

struct scenario {
    const char *name;
    size_t size;     /* of the block that the act starts with; 0 for none */
    size_t new_size; /* that the act asks for */
    void *(*act)(void *memory, size_t size);
    void (*prepare)(void);
    bool frees; /* the act frees `memory`, which cannot fail */
};

static void *act_malloc(void *memory, size_t size)
{
    (void)memory;
    return brkm_malloc(size);
}

static void *act_calloc(void *memory, size_t size)
{
    (void)memory;
    void *cleared = brkm_calloc(size, 1);
    ck_assert(cleared == NULL || unit_is_zero(cleared, size));
    return cleared;
}

static void *act_realloc(void *memory, size_t size)
{
    return brkm_realloc(memory, size);
}

static void *act_aligned(void *memory, size_t size)
{
    (void)memory;
    void *aligned = brkm_aligned_alloc(4096, size);
    ck_assert_uint_eq((uintptr_t)aligned % 4096, 0);
    return aligned;
}

static void *act_widely_aligned(void *memory, size_t size)
{
    (void)memory;
    void *aligned = brkm_memalign(BRKM_MIB, size);
    ck_assert_uint_eq((uintptr_t)aligned % BRKM_MIB, 0);
    return aligned;
}

static void *act_posix_memalign(void *memory, size_t size)
{
    void *aligned = memory;
    errno = 0;
    if (brkm_posix_memalign(&aligned, 512, size) == 0) {
        return aligned;
    }
    ck_assert_ptr_eq(aligned, memory);
    return NULL;
}

static void *act_pvalloc(void *memory, size_t size)
{
    (void)memory;
    return brkm_pvalloc(size);
}

static void *act_free(void *memory, size_t size)
{
    (void)size;
    brkm_free(memory);
    return NULL;
}

static void *act_trim(void *memory, size_t size)
{
    brkm_free(memory);
    brkm_malloc_trim(size);
    return NULL;
}

static void without_break(void)
{
    ck_assert_int_eq(brkm_mallopt(-4, 0), 1);
    fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
}

static void after_foreign_break(void)
{
    brkm_free(brkm_malloc(1000));
    fake_os_foreign_sbrk(1001);
}

/* So many that the next one makes the table grow. */
static void with_a_full_table(void)
{
    for (int i = 0; i < 32 - 2; i++) {
        ck_assert_ptr_nonnull(brkm_malloc(300000));
    }
}

static const struct scenario scenarios[] = {
    {"the first small block", 0, 10, act_malloc, NULL, false},
    {"the first block of the heap", 0, 100000, act_malloc, NULL, false},
    {"a small block after others", 10, 20, act_malloc, NULL, false},
    {"a block that makes the heap grow", 100000, 200000, act_malloc, NULL, false},
    {"a mapped block", 100, 600000, act_malloc, NULL, false},
    {"a mapped block past a full table", 300000, 300000, act_malloc, with_a_full_table, false},
    {"calloc in the heap", 100, 100000, act_calloc, NULL, false},
    {"calloc of a mapped block", 100, 700000, act_calloc, NULL, false},
    {"realloc of a small block", 100, 3000, act_realloc, NULL, false},
    {"realloc in place at the top", 100000, 150000, act_realloc, NULL, false},
    {"realloc from the heap to a mapping", 100000, 3 * BRKM_MIB, act_realloc, NULL, false},
    {"realloc of a mapping, larger", 700000, 3 * BRKM_MIB, act_realloc, NULL, false},
    {"realloc of a mapping, smaller", 3 * BRKM_MIB, 700000, act_realloc, NULL, false},
    {"realloc from a mapping to the heap", 700000, 5000, act_realloc, NULL, false},
    {"realloc of a mapping past a full table", 300000, 900000, act_realloc, with_a_full_table,
     false},
    {"an aligned block", 100, 5000, act_aligned, NULL, false},
    {"an aligned mapped block", 100, 700000, act_aligned, NULL, false},
    {"a widely aligned block", 100, 5000, act_widely_aligned, NULL, false},
    {"posix_memalign", 100, 70000, act_posix_memalign, NULL, false},
    {"pvalloc", 100, 70000, act_pvalloc, NULL, false},
    {"free of a small block", 100, 0, act_free, NULL, true},
    {"free of a block at the top", 200000, 0, act_free, NULL, true},
    {"free of a large top", 20 * BRKM_MIB, 0, act_free, without_break, true},
    {"free of a mapped block", 700000, 0, act_free, NULL, true},
    {"trim", 200000, 0, act_trim, NULL, true},
    {"trim of a fallback region", 200000, 0, act_trim, without_break, true},
    {"malloc without a break", 100, 5 * BRKM_MIB, act_malloc, without_break, false},
    {"realloc without a break", 100000, 5 * BRKM_MIB, act_realloc, without_break, false},
    {"an aligned block without a break", 100, 5 * BRKM_MIB, act_aligned, without_break, false},
    {"malloc behind a foreign break", 0, 250000, act_malloc, after_foreign_break, false},
};
#define SCENARIOS ((int)(sizeof(scenarios) / sizeof(scenarios[0])))

static struct {
    void *memory;
    size_t size, usable;
} old[OLD];

static void make_old_blocks(void)
{
    static const size_t sizes[OLD] = {1, 500, 5000, 100000, 400000};
    for (size_t i = 0; i < OLD; i++) {
        old[i].size = sizes[i];
        old[i].memory = brkm_malloc(sizes[i]);
        ck_assert_ptr_nonnull(old[i].memory);
        old[i].usable = brkm_malloc_usable_size(old[i].memory);
        unit_fill(old[i].memory, sizes[i], (uint32_t)i);
    }
}

static void expect_sound(const char *name, unsigned nth)
{
    ck_assert_msg(brkm_check_heap() == 0, "%s, call %u: %s", name, nth, fake_os_text());
    for (size_t i = 0; i < OLD; i++) {
        if (old[i].memory != NULL) {
            ck_assert_uint_eq(brkm_malloc_usable_size(old[i].memory), old[i].usable);
            ck_assert(unit_is_filled(old[i].memory, old[i].size, (uint32_t)i));
        }
    }
    ck_assert(fake_os_foreign_is_intact());
}

/* Of this request's contents nothing may be lost. */
static void expect_kept(const struct scenario *scenario, const void *memory, size_t size)
{
    size_t kept = min_size(scenario->size, size);
    ck_assert(unit_is_filled(memory, kept < scenario->size ? min_size(kept, 256) : kept, 77));
}

/* True when a call was left to fail. */
static bool run(const struct scenario *scenario, unsigned mask, unsigned nth, bool for_ever)
{
    if (scenario->prepare != NULL) {
        scenario->prepare();
    }
    void *memory = scenario->size == 0 ? NULL : brkm_malloc(scenario->size);
    ck_assert(scenario->size == 0 || memory != NULL);
    unit_fill(memory, scenario->size, 77);
    fake_os_fail(mask, nth, for_ever);
    errno = 1234;
    void *result = scenario->act(memory, scenario->new_size);
    int error = errno;
    bool failed = fake_os_failed() != 0;
    fake_os_fail(0, 0, false);
    expect_sound(scenario->name, nth);
    bool is_realloc = scenario->act == act_realloc;
    if (scenario->frees) {
        ck_assert(scenario->act != act_free || error == 1234);
    } else if (result == NULL) {
        ck_assert_msg(failed, "%s failed without a cause", scenario->name);
        ck_assert_int_eq(error, ENOMEM);
    } else {
        ck_assert_uint_ge(brkm_malloc_usable_size(result), scenario->new_size);
        if (is_realloc) {
            expect_kept(scenario, result, scenario->new_size);
        }
        memset(result, 1, scenario->new_size);
    }
    if (!scenario->frees && memory != NULL && (result == NULL || !is_realloc)) {
        expect_kept(scenario, memory, scenario->size);
        brkm_free(memory);
    }
    brkm_free(result);
    expect_sound(scenario->name, nth);
    void *again = brkm_malloc(200000);
    ck_assert_ptr_nonnull(again);
    brkm_free(again);
    expect_sound(scenario->name, nth);
    return failed;
}

static const unsigned masks[] = {
    FAKE_EVERY_CALL,
    FAKE_GIVERS,
    FAKE_ONLY(FAKE_MAP) | FAKE_ONLY(FAKE_REMAP),
    FAKE_ONLY(FAKE_BREAK_RAISE),
    FAKE_ONLY(FAKE_BREAK_READ),
    FAKE_ONLY(FAKE_BREAK_LOWER) | FAKE_ONLY(FAKE_UNMAP) | FAKE_ONLY(FAKE_DISCARD),
};
#define MASKS ((int)(sizeof(masks) / sizeof(masks[0])))

/* A scenario, a mask, one failure or all from there on. */
#define GROUPS (SCENARIOS * MASKS * 2)

/* What a child's exit status says besides 1, a failure that Check has been told. */
enum { NO_CALL_FAILED = 0, A_CALL_FAILED = 2 };

static int run_one(int group, unsigned nth, bool with_old_blocks)
{
    if (with_old_blocks) {
        make_old_blocks();
    }
    bool failed = run(&scenarios[group / MASKS / 2], masks[group / 2 % MASKS], nth, group % 2 != 0);
    return failed ? A_CALL_FAILED : NO_CALL_FAILED;
}

/* The same in a process of its own, since nothing takes back what the allocator has done. True when
 * a call was left to fail. */
static bool run_in_child(int group, unsigned nth, bool with_old_blocks)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(run_one(group, nth, with_old_blocks));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    const char *name = scenarios[group / MASKS / 2].name;
    ck_assert_msg(WIFEXITED(status), "%s, call %u: signal %d", name, nth, WTERMSIG(status));
    if (WEXITSTATUS(status) != NO_CALL_FAILED && WEXITSTATUS(status) != A_CALL_FAILED) {
        fprintf(stderr, "%s, call %u of group %d:\n", name, nth, group);
        _exit(WEXITSTATUS(status));
    }
    return WEXITSTATUS(status) == A_CALL_FAILED;
}

/* With the first call failing, the second, ... until there is none: later ones would be the same
 * again. */
static void run_group(int group, bool with_old_blocks)
{
    unsigned nth = 1;
    while (run_in_child(group, nth, with_old_blocks)) {
        nth++;
        ck_assert_msg(nth <= CALLS_MAX, "%s: more calls than are tried",
                      scenarios[group / MASKS / 2].name);
    }
}

static int step;

START_TEST(in_a_fresh_process)
{
    run_group(_i * step, false);
}
END_TEST

START_TEST(among_other_blocks)
{
    run_group(_i * step, true);
}
END_TEST

/* Every block that could be had is had, all are whole, and as many can be had again. */
START_TEST(as_much_again_after_the_memory_ran_out)
{
    static void *memory[100000];
    static const size_t sizes[] = {100, 1000, 30000, 400000, 3 * BRKM_MIB};
    size_t size = sizes[_i % 5];
    size_t counts[4];
    fake_os.memory_limit = 64 * BRKM_MIB;
    if (_i >= 5) {
        fake_os_fail(FAKE_ONLY(FAKE_BREAK_RAISE), 1, true);
    }
    for (int round = 0; round < 4; round++) {
        size_t count = 0;
        while (count < 100000 && (memory[count] = brkm_malloc(size)) != NULL) {
            unit_fill(memory[count], size, (uint32_t)count);
            count++;
        }
        for (size_t i = 0; i < count; i++) {
            ck_assert(unit_is_filled(memory[i], size, (uint32_t)i));
        }
        ck_assert_int_eq(brkm_check_heap(), 0);
        for (size_t i = 0; i < count; i++) {
            brkm_free(memory[round % 2 == 0 ? i : count - 1 - i]);
        }
        ck_assert_int_eq(brkm_check_heap(), 0);
        counts[round] = count;
        size_t possible = min_size(100000, 64 * BRKM_MIB / (size + 32));
        /* Fallback regions lose a part at their ends. */
        size_t tenths = _i >= 5 ? 8 : 9;
        ck_assert_msg(count * 10 >= possible * tenths, "round %d: %zu of %zu", round, count,
                      possible);
        ck_assert_uint_ge(count * 10, counts[0] * tenths);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("failure");
    TCase *tests = unit_case(suite, "calls");
    /* UNIT_FIRST repeats the one group that a message numbers; UNIT_STEP leaves some out: it has no
     * divisor in common with MASKS * 2, so that there are all kinds of failures. */
    int first = (int)unit_number("UNIT_FIRST", 0);
    int end = getenv("UNIT_FIRST") != NULL ? first + 1 : GROUPS;
    step = (int)unit_number("UNIT_STEP", 1);
    tcase_add_loop_test(tests, in_a_fresh_process, first / step, (end + step - 1) / step);
    tcase_add_loop_test(tests, among_other_blocks, first / step, (end + step - 1) / step);
    tcase_add_loop_test(unit_case(suite, "limit"), as_much_again_after_the_memory_ran_out, 0, 10);
    return suite;
}
