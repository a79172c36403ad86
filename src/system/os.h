/* SPDX-License-Identifier: MIT
 * The only way to the system: the process, clocks, signals; with memory, files and threads, which
 * have headers of their own, as do os_loader.h, os_socket.h and os_fault.h. Tests replace
 * os_linux.c, os_memory_linux.c, os_file_linux.c and os_loader_linux.c by a fake at link time.
 *
 * None of these functions changes errno or is a cancellation point; failure is told by the return
 * value alone. Any of them may be called under a lock and before constructors have run, but for
 * brkm__os_handle_signal. */
#ifndef BRKMALLOC_SYSTEM_OS_H
#define BRKMALLOC_SYSTEM_OS_H

#include "base/base.h"
#include "system/os_file.h"
#include "system/os_memory.h"
#include "system/os_thread.h"

/* ---- The process ---- */

#define OS_ENTROPY_MORE 4

/* What is random about the process; the same in every call, different in every process that was
 * exec'ed. kit/secret.h makes secrets of it. */
struct os_entropy {
    uint64_t at_start[2]; /* of which libc makes its own: the guards of stacks and pointers */
    uint64_t drawn[2];    /* of the kernel, where it is willing */
    uint64_t
        more[OS_ENTROPY_MORE]; /* a clock; addresses of the stack, of code, of the kernel's page */
};

void brkm__os_entropy(struct os_entropy *entropy);

/* True in set-user-id programs and the like: the environment is then an attacker's. */
bool brkm__os_is_secure_mode(void);

/* The value of an environment variable, or NULL; reads `environ` and calls nothing. */
const char *brkm__os_environment(const char *name);

int brkm__os_process_id(void);

/* Processors that the process may run on, at least 1. */
unsigned brkm__os_processors(void);

/* The kernel's number of the calling thread. */
int brkm__os_thread_id(void);

/* Ends the process, with its cancellation held up: the program's handler of SIGABRT may have
 * cancellation points. */
_Noreturn void brkm__os_abort(void);

/* Ends the process at the end of its exit: what is left to do is to write stdio's buffers. */
_Noreturn void brkm__os_exit(int status);

/* ---- Clocks ---- */

/* Milliseconds on a clock that only goes forward, some milliseconds coarse. */
uint64_t brkm__os_milliseconds(void);

/* The same in microseconds, and no coarser. */
uint64_t brkm__os_microseconds(void);

/* Seconds since 1970. */
uint64_t brkm__os_time(void);

/* ---- Signals ---- */

/* Calls `handler` when the signal comes. False when there is no such signal, or the program has a
 * handler of its own by now. The handler must leave errno as it was. Not under a lock. */
bool brkm__os_handle_signal(int number, void (*handler)(int number));

#endif
