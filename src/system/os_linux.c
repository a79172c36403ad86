/* SPDX-License-Identifier: MIT
 * Os.h on Linux. The only file with system calls. */
#define _GNU_SOURCE
#include "system/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/config.h"

void *brkm__os_sbrk(intptr_t increment)
{
    int saved = errno;
    void *before = sbrk(increment);
    errno = saved;
    return before;
}

void *brkm__os_map(size_t size)
{
    int saved = errno;
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    return start == MAP_FAILED ? NULL : start;
}

/* Since Linux 4.14. */
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

void *brkm__os_map_wiped_on_fork(void)
{
    size_t size = brkm__os_page_size();
    void *start = brkm__os_map(size);
    int saved = errno;
    if (start != NULL && madvise(start, size, MADV_WIPEONFORK) != 0) {
        munmap(start, size);
        start = NULL;
    }
    errno = saved;
    return start;
}

bool brkm__os_unmap(void *start, size_t size)
{
    int saved = errno;
    bool done = munmap(start, size) == 0;
    errno = saved;
    return done;
}

void *brkm__os_remap(void *start, size_t old_size, size_t new_size)
{
    int saved = errno;
    void *moved = mremap(start, old_size, new_size, MREMAP_MAYMOVE);
    errno = saved;
    return moved == MAP_FAILED ? NULL : moved;
}

bool brkm__os_discard(void *start, size_t size)
{
    int saved = errno;
    bool done = madvise(start, size, MADV_DONTNEED) == 0;
    errno = saved;
    return done;
}

bool brkm__os_protect(void *start, size_t size)
{
    int saved = errno;
    bool done = mprotect(start, size, PROT_NONE) == 0;
    errno = saved;
    return done;
}

bool brkm__os_advise_huge(void *start, size_t size, bool wanted)
{
    int saved = errno;
    bool done = madvise(start, size, wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) == 0;
    errno = saved;
    return done;
}

/* Bytes of the kernel's signal set. */
#define KERNEL_SIGNAL_SET 8

bool brkm__os_is_readable(const void *address)
{
    int saved = errno;
    /* The kernel reads a set, if there is one, before it finds that there is no such way to use it.
     */
    long result = syscall(SYS_rt_sigprocmask, -1, address, NULL, KERNEL_SIGNAL_SET);
    bool readable = address != NULL && (result == 0 || errno != EFAULT);
    errno = saved;
    return readable;
}

bool brkm__os_unprotect(void *start, size_t size)
{
    int saved = errno;
    bool done = mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
    errno = saved;
    return done;
}

#define HUGE_PAGES_FOLDER "/sys/kernel/mm/transparent_hugepage/"

size_t brkm__os_huge_page_size(void)
{
    char text[64] = "";
    /* The choices in one line, the one in force in brackets. */
    intptr_t length = brkm__os_read_file(HUGE_PAGES_FOLDER "enabled", text, sizeof(text) - 1);
    if (length <= 0 || strstr(text, "[never]") != NULL) {
        return 0;
    }
    memset(text, 0, sizeof(text));
    length = brkm__os_read_file(HUGE_PAGES_FOLDER "hpage_pmd_size", text, sizeof(text) - 1);
    size_t size = 0;
    for (intptr_t i = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++) {
        size = size * 10 + (size_t)(text[i] - '0');
    }
    return (size & (size - 1)) == 0 ? size : 0;
}

/* Read once; whoever is first at the same time stores the same (relaxed_load, relaxed_store). */
static size_t page_size;

size_t brkm__os_page_size(void)
{
    if (unlikely(relaxed_load(page_size) == 0)) {
        relaxed_store(page_size, getauxval(AT_PAGESZ));
    }
    return relaxed_load(page_size);
}

uint64_t brkm__os_entropy(void)
{
    uint64_t words[2] = {0, 0};
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random != NULL) {
        memcpy(words, random, sizeof(words));
    }
    /* The kernel's 16 bytes also make libc's stack guard and pointer guard. Mixing both halves
     * (multiply and fold, the finaliser of splitmix64) keeps those from being read off our headers.
     */
    uint64_t mixed =
        words[0] ^ (words[1] << 32 | words[1] >> 32) ^ (uintptr_t)&__libc_single_threaded;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

bool brkm__os_is_secure_mode(void)
{
    return getauxval(AT_SECURE) != 0;
}

const char *brkm__os_environment(const char *name)
{
    size_t length = strlen(name);
    for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') {
            return *entry + length + 1;
        }
    }
    return NULL;
}

/* Never waits: nobody may write to what turns out to be a pipe. */
static int open_to_read(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size)
{
    int saved = errno;
    int file = open_to_read(path);
    size_t length = 0;
    bool good = file >= 0;
    while (good && length < size) {
        ssize_t got = read(file, buffer + length, size - length);
        if (got == 0) {
            break;
        }
        good = got > 0 || errno == EINTR;
        length += got > 0 ? (size_t)got : 0;
    }
    if (file >= 0) {
        close(file);
    }
    errno = saved;
    return good ? (intptr_t)length : -1;
}

size_t brkm__os_working_directory(char *buffer, size_t size)
{
    int saved = errno;
    bool found = getcwd(buffer, size) != NULL;
    errno = saved;
    return found ? strlen(buffer) : 0;
}

size_t brkm__os_program(char *buffer, size_t size)
{
    int saved = errno;
    ssize_t length = readlink("/proc/self/exe", buffer, size);
    errno = saved;
    return length > 0 ? (size_t)length : 0;
}

/* Lowest number of descriptors that we keep or write to, out of the way of programs that count
 * theirs, and of the standard streams of one that closed them. */
#define OWN_DESCRIPTOR_MIN 200

static int move_out_of_the_way(int file)
{
    int moved = fcntl(file, F_DUPFD_CLOEXEC, OWN_DESCRIPTOR_MIN);
    if (moved < 0) {
        return file;
    }
    close(file);
    return moved;
}

int brkm__os_create_file(const char *path)
{
    int saved = errno;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                    S_IRUSR | S_IWUSR);
    int result = file < 0 ? -errno : move_out_of_the_way(file);
    errno = saved;
    return result;
}

int brkm__os_write(int file, const char *text, size_t length)
{
    int saved = errno;
    int error = 0;
    while (length > 0 && error == 0) {
        ssize_t written = write(file, text, length);
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            error = written == 0 ? ENOSPC : errno;
        }
    }
    errno = saved;
    return error;
}

int brkm__os_close(int file)
{
    int saved = errno;
    int error = close(file) == 0 || errno == EINTR ? 0 : errno;
    errno = saved;
    return error;
}

void brkm__os_remove_file(const char *path)
{
    int saved = errno;
    unlink(path);
    errno = saved;
}

int brkm__os_open_file(const char *path)
{
    int saved = errno;
    /* Never waits: nobody may write to what turns out to be a pipe. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    errno = saved;
    return file;
}

size_t brkm__os_read(int file, char *buffer, size_t size)
{
    int saved = errno;
    ssize_t got;
    do {
        got = read(file, buffer, size);
    } while (got < 0 && errno == EINTR);
    errno = saved;
    return got > 0 ? (size_t)got : 0;
}

uint64_t brkm__os_time(void)
{
    int saved = errno;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    errno = saved;
    return (uint64_t)now.tv_sec;
}

#pragma weak strerrordesc_np /* a program of musl, see os_loader_linux.c */

const char *brkm__os_error_text(int error)
{
    const char *text = NULL;
#if defined(__GLIBC__)
    /* Unlike strerror it neither translates nor allocates. */
    text = strerrordesc_np != NULL ? strerrordesc_np(error) : strerror(error);
#else
    text = strerror(error);
#endif
    return text != NULL ? text : "unknown error";
}

bool brkm__os_handle_signal(int number, void (*handler)(int number))
{
    int saved = errno;
    struct sigaction old;
    struct sigaction ours = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigfillset(&ours.sa_mask);
    bool done = sigaction(number, NULL, &old) == 0 &&
                (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) &&
                sigaction(number, &ours, NULL) == 0;
    errno = saved;
    return done;
}

bool brkm__os_read_pieces(const char *path, char *buffer, size_t size,
                          bool (*take)(void *context, const char *piece, size_t length),
                          void *context)
{
    int saved = errno;
    int file = open_to_read(path);
    bool good = file >= 0;
    while (good) {
        ssize_t got = read(file, buffer, size);
        good = got >= 0 || errno == EINTR;
        if (got == 0 || (got > 0 && !take(context, buffer, (size_t)got))) {
            break;
        }
    }
    if (file >= 0) {
        close(file);
    }
    errno = saved;
    return good;
}

uint64_t brkm__os_milliseconds(void)
{
    int saved = errno;
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    errno = saved;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The descriptor kept by brkm__os_keep_error_open. Written once, by the constructor. */
static struct {
    bool kept;
    int descriptor;
    dev_t device;
    ino_t inode;
} kept_error;

void brkm__os_keep_error_open(void)
{
    int saved = errno;
    struct stat status;
    int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, OWN_DESCRIPTOR_MIN);
    if (descriptor >= 0 && fstat(descriptor, &status) == 0) {
        kept_error.kept = true;
        kept_error.descriptor = descriptor;
        kept_error.device = status.st_dev;
        kept_error.inode = status.st_ino;
    }
    errno = saved;
}

static int error_descriptor(void)
{
    struct stat status;
    bool still_there = kept_error.kept && fstat(kept_error.descriptor, &status) == 0 &&
                       status.st_dev == kept_error.device && status.st_ino == kept_error.inode;
    return still_there ? kept_error.descriptor : STDERR_FILENO;
}

void brkm__os_write_error(const char *text, size_t length)
{
    int saved = errno;
    int descriptor = error_descriptor();
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            break;
        }
        text += written;
        length -= (size_t)written;
    }
    errno = saved;
}

/* The kernel goes on waiting after a signal unless the time is limited; but the signal's handler
 * may have forked, and nobody may be left to wake the child. */
#define WAIT_SECONDS 3600

void brkm__os_wait(uint32_t *word, uint32_t expected)
{
    int saved = errno;
    const struct timespec time = {.tv_sec = WAIT_SECONDS};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &time, NULL, 0);
    errno = saved;
}

void brkm__os_wake_one(uint32_t *word)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    errno = saved;
}

int brkm__os_process_id(void)
{
    return getpid();
}

int brkm__os_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

_Noreturn void brkm__os_abort(void)
{
    abort();
}

_Noreturn void brkm__os_exit(int status)
{
    fflush(NULL);
    _exit(status);
}
