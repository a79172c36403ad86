/* SPDX-License-Identifier: MIT
 * Layer 1: os.h on Linux. The only file with system calls. */
#define _GNU_SOURCE
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* glibc 2.32 and later. Weak: older libcs lack it, and every process then counts as threaded. */

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

intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size)
{
    int saved = errno;
    /* Never waits: nobody may write to what turns out to be a pipe. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
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

/* Lowest number of the kept descriptor, out of the way of programs that count theirs. */
#define KEPT_DESCRIPTOR_MIN 200

void brkm__os_keep_error_open(void)
{
    int saved = errno;
    struct stat status;
    int descriptor = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, KEPT_DESCRIPTOR_MIN);
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

void brkm__os_wait(uint32_t *word, uint32_t expected)
{
    int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
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

_Noreturn void brkm__os_abort(void)
{
    abort();
}
