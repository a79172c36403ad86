/* SPDX-License-Identifier: MIT
 * The only way to the system. A test replaces os_linux.c by a fake at link time.
 *
 * None of these functions changes errno; failure is told by the return value alone. Any of them
 * may be called under a lock and before constructors have run. */
#ifndef BRKMALLOC_SYSTEM_OS_H
#define BRKMALLOC_SYSTEM_OS_H

#include "base/base.h"

/* What brkm__os_sbrk returns where libc's sbrk fails. */
#define OS_SBRK_FAILED ((void *)-1)

/* Moves the break through libc, whose cached break would otherwise let a foreign sbrk unmap ours.
 * Returns the break before the move. */
void *brkm__os_sbrk(intptr_t increment);

/* Private zeroed memory of whole pages; NULL when the system has none. */
void *brkm__os_map(size_t size);
bool brkm__os_unmap(void *start, size_t size);

/* The same, one page, which reads as zero in each child of a fork, whichever call made it; memory
 * that both share, as after vfork, is left alone. NULL when the system cannot do that. */
void *brkm__os_map_wiped_on_fork(void);

/* Resizes a mapping, which may move; NULL when that fails and the old mapping stands. */
void *brkm__os_remap(void *start, size_t old_size, size_t new_size);

/* Gives the contents of whole pages back; they read as zero afterwards. False: nothing happened. */
bool brkm__os_discard(void *start, size_t size);

/* Makes whole pages inaccessible. False: nothing happened. */
bool brkm__os_protect(void *start, size_t size);

/* Says whether whole pages are to be backed by huge ones, as soon as the system finds it
 * convenient, or never. False: nothing happened. */
bool brkm__os_advise_huge(void *start, size_t size, bool wanted);

/* Bytes of a transparent huge page; 0 when the system has none for programs that ask for them. */
size_t brkm__os_huge_page_size(void);

/* True when the 8 bytes there can be read. */
bool brkm__os_is_readable(const void *address);

/* Makes whole pages that are inaccessible readable and writable. False: nothing happened. */
bool brkm__os_unprotect(void *start, size_t size);

/* Bytes in a page. Read from the auxiliary vector, since aarch64 kernels have 4, 16 or 64 KiB. */
size_t brkm__os_page_size(void);

/* 64 random bits, the same in every call, different in every process that was exec'ed. */
uint64_t brkm__os_entropy(void);

/* True in set-user-id programs and the like: the environment is then an attacker's. */
bool brkm__os_is_secure_mode(void);

/* The value of an environment variable, or NULL; reads `environ` and calls nothing. */
const char *brkm__os_environment(const char *name);

/* The working directory, without a zero behind it; 0 when it is not known or does not fit. */
size_t brkm__os_working_directory(char *buffer, size_t size);

/* The program's file, likewise; cut where it does not fit. */
size_t brkm__os_program(char *buffer, size_t size);

/* Creates a file for writing, which nobody but its owner may read. One that exists already, or a
 * link of that name, is left alone. Returns its descriptor, or an errno value below zero. */
int brkm__os_create_file(const char *path);

/* Writes all of it. Returns 0 or an errno value, as the next one does. */
int brkm__os_write(int file, const char *text, size_t length);
int brkm__os_close(int file);
void brkm__os_remove_file(const char *path);

/* Opens a file for reading; -1 when that fails. And reads what comes next: 0 at the end, and when
 * it cannot be read. */
int brkm__os_open_file(const char *path);
size_t brkm__os_read(int file, char *buffer, size_t size);

/* Reads at most `size` bytes of a file. Returns how many there were; -1 when it cannot be read. */
intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size);

/* Reads a file in pieces, each through the `size` bytes of `buffer`, until `take` returns false or
 * the file ends. False when it cannot be read. */
bool brkm__os_read_pieces(const char *path, char *buffer, size_t size,
                          bool (*take)(void *context, const char *piece, size_t length),
                          void *context);

/* Milliseconds on a clock that only goes forward, some milliseconds coarse. */
uint64_t brkm__os_milliseconds(void);

/* Seconds since 1970. */
uint64_t brkm__os_time(void);

/* What an errno value means, in English. */
const char *brkm__os_error_text(int error);

/* Calls `handler` when the signal comes. False when there is no such signal, or the program has a
 * handler of its own by now. The handler must leave errno as it was. */
bool brkm__os_handle_signal(int number, void (*handler)(int number));

/* Writes to standard error, all or as much as it takes. */
void brkm__os_write_error(const char *text, size_t length);

/* Keeps a second descriptor of standard error for what is written at exit: many programs close
 * theirs in an atexit handler. Used as long as nobody put another file in its place. */
void brkm__os_keep_error_open(void);

/* Sleeps while *word == expected; may wake up for no reason, and does after a signal. */
void brkm__os_wait(uint32_t *word, uint32_t expected);
void brkm__os_wake_one(uint32_t *word);

int brkm__os_process_id(void);

/* The kernel's number of the calling thread. */
int brkm__os_thread_id(void);

/* libc's own flag, from glibc 2.32 on. Other systems have none: its address is then NULL. */
extern char __libc_single_threaded __attribute__((weak));

/* True while libc knows that no second thread exists. Inline, since every lock asks. */
static inline bool os_is_single_threaded(void)
{
    return &__libc_single_threaded != NULL && __libc_single_threaded != 0;
}

_Noreturn void brkm__os_abort(void);

/* Ends the process at the end of its exit: what is left to do is to write stdio's buffers. */
_Noreturn void brkm__os_exit(int status);

#endif
