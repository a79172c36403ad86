/* SPDX-License-Identifier: MIT
 * Stacks, by the unwinder and by frame pointers: each address is compared with what the compiler
 * says of the frame. This file is compiled with frame pointers. */
#include <signal.h>
#include <string.h>

#include "kit/backtrace.h"
#include "unit.h"

#define MOST 64

struct stack {
    size_t count;
    void *frames[MOST];
    /* What the compiler says: the return addresses of inner, middle and outer. */
    void *expected[3];
};

BRKM_NOINLINE static void inner(struct stack *stack, size_t most)
{
    stack->expected[0] = __builtin_return_address(0);
    stack->count = brkm__backtrace(stack->frames, most);
    /* So that the call is no jump. */
    __asm__ volatile("");
}

BRKM_NOINLINE static void middle(struct stack *stack, size_t most)
{
    stack->expected[1] = __builtin_return_address(0);
    inner(stack, most);
    __asm__ volatile("");
}

BRKM_NOINLINE static void outer(struct stack *stack, size_t most)
{
    stack->expected[2] = __builtin_return_address(0);
    middle(stack, most);
    __asm__ volatile("");
}

BRKM_ENTRY BRKM_NOINLINE static void entry(struct stack *stack, size_t most)
{
    stack->expected[2] = __builtin_return_address(0);
    middle(stack, most);
    __asm__ volatile("");
}

/* Case 0 is what the build has by default, case 1 is frame pointers. */
static void choose(int by)
{
    if (by == 1) {
        brkm__backtrace_use_frame_pointers();
    }
}

START_TEST(each_frame_is_told_innermost_first)
{
    struct stack stack;
    choose(_i);
    outer(&stack, MOST);
    ck_assert_uint_gt(stack.count, 4);
    /* The first is in inner itself. */
    ck_assert(memcmp(stack.frames + 1, stack.expected, sizeof(stack.expected)) == 0);
}
END_TEST

START_TEST(frames_up_to_an_entry_are_left_out)
{
    struct stack stack;
    choose(_i);
    entry(&stack, MOST);
    ck_assert_uint_gt(stack.count, 1);
    ck_assert_ptr_eq(stack.frames[0], stack.expected[2]);
}
END_TEST

static const char *called;

BRKM_NOINLINE static void ask(void)
{
    called = brkm__backtrace_called();
    __asm__ volatile("");
}

BRKM_ENTRY_OF(calloc) BRKM_NOINLINE static void inside(void)
{
    ask();
    BRKM_KEEP_FRAME();
}

BRKM_ENTRY_OF(realloc) BRKM_NOINLINE static void outside(void)
{
    inside();
    BRKM_KEEP_FRAME();
}

BRKM_ENTRY BRKM_NOINLINE static void outside_without_words(void)
{
    inside();
    BRKM_KEEP_FRAME();
}

BRKM_NOINLINE static void by_the_program(void)
{
    outside();
    __asm__ volatile("");
}

/* Of entries that call each other the program called the outermost. */
START_TEST(the_entry_that_was_called_has_a_name)
{
    choose(_i);
    inside();
    ck_assert_str_eq(called, "calloc");
    outside();
    ck_assert_str_eq(called, "realloc");
    outside_without_words();
    ck_assert_str_eq(called, "calloc");
    by_the_program();
    ck_assert_str_eq(called, "realloc");
}
END_TEST

/* Only free leaves no frame of its own; frame pointers may end before an entry. */
START_TEST(without_an_entry_it_was_free_or_is_unknown)
{
    choose(_i);
    ask();
    bool is_unknown = strcmp(called, "?") == 0;
    ck_assert(is_unknown || (_i == 0 && strcmp(called, "free") == 0));
}
END_TEST

START_TEST(no_more_than_there_is_room_for)
{
    choose(_i);
    for (size_t most = 0; most < 4; most++) {
        struct stack stack;
        memset(&stack, 0, sizeof(stack));
        outer(&stack, most);
        ck_assert_uint_eq(stack.count, most);
        ck_assert_ptr_null(stack.frames[most]);
        ck_assert(memcmp(stack.frames + 1, stack.expected,
                         most > 1 ? (most - 1) * sizeof(void *) : 0) == 0);
    }
}
END_TEST

static struct stack from_handler;

static void handler(int signal)
{
    (void)signal;
    outer(&from_handler, MOST);
}

START_TEST(a_stack_leads_through_a_signal_handler)
{
    choose(_i);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    ck_assert_uint_gt(from_handler.count, 4);
    ck_assert(
        memcmp(from_handler.frames + 1, from_handler.expected, sizeof(from_handler.expected)) == 0);
}
END_TEST

#if defined(__x86_64__)

/* Calls brkm__backtrace with `value` in the register of the frame pointer. */
BRKM_NOINLINE static size_t with_frame_pointer(uintptr_t value, void **frames)
{
    size_t count;
    /* Below the 128 bytes that the compiler may use without saying so. */
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
                     "push %%rbp\n\t"
                     "mov %%rsp, %%rbx\n\t"
                     "and $-16, %%rsp\n\t"
                     "mov %[value], %%rbp\n\t"
                     "mov %[most], %%esi\n\t"
                     "call brkm__backtrace\n\t"
                     "mov %%rbx, %%rsp\n\t"
                     "pop %%rbp\n\t"
                     "lea 128(%%rsp), %%rsp"
                     : "=a"(count), "+D"(frames)
                     : [value] "r"(value), [most] "i"(MOST)
                     : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    return count;
}

START_TEST(a_register_that_is_no_frame_pointer_ends_the_stack)
{
    void *frames[MOST];
    char *const nearby = (char *)frames;
    brkm__backtrace_use_frame_pointers();
    uintptr_t const values[] = {
        0,
        1,
        0x10,
        (uintptr_t)nearby | 1,
        (uintptr_t)-16,
        (uintptr_t)&from_handler,
        /* Above the stack, where nothing is mapped. */
        (uintptr_t)__builtin_frame_address(0) + ((uintptr_t)3 << 20),
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        size_t count = with_frame_pointer(values[i], frames);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, 2);
    }
}
END_TEST

#endif

Suite *unit_suite(void)
{
    Suite *suite = suite_create("backtrace");
    TCase *tests = unit_case(suite, "backtrace");
    tcase_add_loop_test(tests, each_frame_is_told_innermost_first, 0, 2);
    tcase_add_loop_test(tests, frames_up_to_an_entry_are_left_out, 0, 2);
    tcase_add_loop_test(tests, the_entry_that_was_called_has_a_name, 0, 2);
    tcase_add_loop_test(tests, without_an_entry_it_was_free_or_is_unknown, 0, 2);
    tcase_add_loop_test(tests, no_more_than_there_is_room_for, 0, 2);
    tcase_add_loop_test(tests, a_stack_leads_through_a_signal_handler, 0, 2);
#if defined(__x86_64__)
    tcase_add_test(tests, a_register_that_is_no_frame_pointer_ends_the_stack);
#endif
    return suite;
}
