/* SPDX-License-Identifier: MIT
 *
 * Typed checks for test programs that may be preloaded, static or multi-threaded.
 *
 * The first check that fails prints both values and ends the process with status 1 at once, from
 * whichever thread or child it is in: nothing that happens later can hide it. Printing does not
 * allocate. A program ends with `return check_done()`, which fails when no check ran at all.
 */
#ifndef BRKM_TESTS_CHECK_EQ_H
#define BRKM_TESTS_CHECK_EQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define CHECK_NORETURN [[noreturn]]
#else
#define CHECK_NORETURN _Noreturn
#endif

/* What the checks that follow in this thread are about; printed with a failure. `label` must live
 * as long as the checks do. */
void check_note(const char *label, uintmax_t value);

void check_passed(void);
CHECK_NORETURN void check_failed_int(const char *what, intmax_t left, intmax_t right,
                                     const char *file, int line);
CHECK_NORETURN void check_failed_uint(const char *what, uintmax_t left, uintmax_t right,
                                      const char *file, int line);
CHECK_NORETURN void check_failed_text(const char *what, const char *left, const char *right,
                                      const char *file, int line);
CHECK_NORETURN void check_failed(const char *what, const char *file, int line);

int check_text_equal(const char *left, const char *right);

/* The exit status of the program: 0 when at least one check ran. */
int check_done(void);

/* Waits for a child and checks that it ended with status 0. */
void check_child(int child, const char *file, int line);

#define CHECK_SKIPPED 77

#define CHECK_CMP_(failed, type, left, op, right)                                            \
    do {                                                                                     \
        type check_left_ = (type)(left);                                                     \
        type check_right_ = (type)(right);                                                   \
        if (check_left_ op check_right_)                                                     \
            check_passed();                                                                  \
        else                                                                                 \
            failed(#left " " #op " " #right, check_left_, check_right_, __FILE__, __LINE__); \
    } while (0)

#define CHECK_TRUE(condition)                             \
    do {                                                  \
        if (condition)                                    \
            check_passed();                               \
        else                                              \
            check_failed(#condition, __FILE__, __LINE__); \
    } while (0)

#define CHECK_EQ_INT(left, right) CHECK_CMP_(check_failed_int, intmax_t, left, ==, right)
#define CHECK_NE_INT(left, right) CHECK_CMP_(check_failed_int, intmax_t, left, !=, right)
#define CHECK_GE_INT(left, right) CHECK_CMP_(check_failed_int, intmax_t, left, >=, right)
#define CHECK_EQ_UINT(left, right) CHECK_CMP_(check_failed_uint, uintmax_t, left, ==, right)
#define CHECK_GE_UINT(left, right) CHECK_CMP_(check_failed_uint, uintmax_t, left, >=, right)
#define CHECK_LE_UINT(left, right) CHECK_CMP_(check_failed_uint, uintmax_t, left, <=, right)
#define CHECK_EQ_PTR(left, right) CHECK_CMP_(check_failed_uint, uintptr_t, left, ==, right)
#define CHECK_NE_PTR(left, right) CHECK_CMP_(check_failed_uint, uintptr_t, left, !=, right)
#define CHECK_NOT_NULL(pointer) CHECK_NE_PTR(pointer, 0)
#define CHECK_EQ_STR(left, right)                                                        \
    do {                                                                                 \
        if (check_text_equal((left), (right)))                                           \
            check_passed();                                                              \
        else                                                                             \
            check_failed_text(#left " == " #right, (left), (right), __FILE__, __LINE__); \
    } while (0)
#define CHECK_CHILD(child) check_child((child), __FILE__, __LINE__)

#ifdef __cplusplus
}
#endif
#endif
