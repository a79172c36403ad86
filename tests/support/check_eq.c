/* SPDX-License-Identifier: MIT */
#include "check_eq.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_bool any_check_ran;
static _Thread_local const char *note_label;
static _Thread_local uintmax_t note_value;

void check_note(const char *label, uintmax_t value)
{
    note_label = label;
    note_value = value;
}

void check_passed(void)
{
    atomic_store_explicit(&any_check_ran, 1, memory_order_relaxed);
}

/* Straight to the descriptor, then out: the heap and stdio may be what is broken. */
_Noreturn static void fail(const char *what, const char *values, const char *file, int line)
{
    char text[1024];
    int saved_errno = errno;
    int length = snprintf(text, sizeof text, "%s:%d: check failed: %s%s (errno %d, process %d)\n",
                          file, line, what, values, saved_errno, (int)getpid());
    if (length > (int)sizeof text - 1)
        length = (int)sizeof text - 1;
    if (write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(2);
    if (note_label != NULL) {
        length = snprintf(text, sizeof text, "  while %s is %ju (%#jx)\n", note_label, note_value,
                          note_value);
        if (write(STDERR_FILENO, text, (size_t)length) < 0)
            _exit(2);
    }
    _exit(1);
}

void check_failed_int(const char *what, intmax_t left, intmax_t right, const char *file, int line)
{
    char values[128];
    snprintf(values, sizeof values, ": %jd against %jd", left, right);
    fail(what, values, file, line);
}

void check_failed_uint(const char *what, uintmax_t left, uintmax_t right, const char *file,
                       int line)
{
    char values[128];
    snprintf(values, sizeof values, ": %ju (%#jx) against %ju (%#jx)", left, left, right, right);
    fail(what, values, file, line);
}

void check_failed_text(const char *what, const char *left, const char *right, const char *file,
                       int line)
{
    char values[512];
    snprintf(values, sizeof values, ": \"%.200s\" against \"%.200s\"", left ? left : "(null)",
             right ? right : "(null)");
    fail(what, values, file, line);
}

void check_failed(const char *what, const char *file, int line)
{
    fail(what, "", file, line);
}

int check_text_equal(const char *left, const char *right)
{
    return left != NULL && right != NULL && strcmp(left, right) == 0;
}

int check_done(void)
{
    if (!atomic_load_explicit(&any_check_ran, memory_order_relaxed)) {
        fputs("no check ran\n", stderr);
        return 1;
    }
    return 0;
}

void check_child(int child, const char *file, int line)
{
    int status = 0;
    int waited;
    if (child < 0)
        check_failed("fork", file, line);
    do
        waited = (int)waitpid(child, &status, 0);
    while (waited < 0 && errno == EINTR);
    if (waited != child)
        check_failed_int("waitpid(child) == child", waited, child, file, line);
    if (status != 0)
        check_failed_int("the child's wait status == 0", status, 0, file, line);
    check_passed();
}
