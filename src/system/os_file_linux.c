/* SPDX-License-Identifier: MIT
 * Os_file.h on Linux. */
#define _GNU_SOURCE
#include "system/os_file.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "system/descriptor.h"

/* ---- Writing ---- */

int brkm__os_create_file(const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    int file = (int)os_call4(SYS_openat, AT_FDCWD, (long)path, flags, S_IRUSR | S_IWUSR);
    return file < 0 ? file : descriptor_move(file);
}

int brkm__os_write(int file, const char *text, size_t length)
{
    while (length > 0) {
        long written = os_call3(SYS_write, file, (long)text, (long)length);
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        } else if (written != -EINTR) {
            return written == 0 ? ENOSPC : (int)-written;
        }
    }
    return 0;
}

int brkm__os_close(int file)
{
    long result = os_call1(SYS_close, file);
    return result == -EINTR ? 0 : (int)-result;
}

void brkm__os_remove_file(const char *path)
{
    os_call3(SYS_unlinkat, AT_FDCWD, (long)path, 0);
}

/* ---- Reading ---- */

int brkm__os_open_file(const char *path)
{
    /* Never waits: nobody may write to what turns out to be a pipe. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    return (int)os_call4(SYS_openat, AT_FDCWD, (long)path, flags, 0);
}

static intptr_t read_next(int file, char *buffer, size_t size)
{
    long got;
    do {
        got = os_call3(SYS_read, file, (long)buffer, (long)size);
    } while (got == -EINTR);
    return got;
}

size_t brkm__os_read(int file, char *buffer, size_t size)
{
    intptr_t got = read_next(file, buffer, size);
    return got > 0 ? (size_t)got : 0;
}

bool brkm__os_read_pieces(const char *path, char *buffer, size_t size,
                          bool (*take)(void *context, const char *piece, size_t length),
                          void *context)
{
    int file = brkm__os_open_file(path);
    if (file < 0) {
        return false;
    }
    intptr_t got;
    do {
        got = read_next(file, buffer, size);
    } while (got > 0 && take(context, buffer, (size_t)got));
    descriptor_close(file);
    return got >= 0;
}

intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size)
{
    int file = brkm__os_open_file(path);
    if (file < 0) {
        return -1;
    }
    size_t length = 0;
    intptr_t got = 0;
    while (length < size && (got = read_next(file, buffer + length, size - length)) > 0) {
        length += (size_t)got;
    }
    descriptor_close(file);
    return got < 0 ? -1 : (intptr_t)length;
}

/* ---- Names ---- */

size_t brkm__os_working_directory(char *buffer, size_t size)
{
    /* With a zero; one that cannot be reached from the root begins with a parenthesis. */
    long length = os_call2(SYS_getcwd, (long)buffer, (long)size);
    return length > 1 && buffer[0] == '/' ? (size_t)length - 1 : 0;
}

size_t brkm__os_program(char *buffer, size_t size)
{
    long length =
        os_call4(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)buffer, (long)size);
    const char *started_as = (const char *)getauxval(AT_EXECFN);
    if (length <= 0 && started_as != NULL) {
        length = (long)min_size(strlen(started_as), size);
        memcpy(buffer, started_as, (size_t)length);
    }
    return length > 0 ? (size_t)length : 0;
}

bool brkm__os_file_status(const char *path, struct os_file_status *status)
{
    struct stat found;
    if (os_call4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&found, 0) != 0) {
        return false;
    }
    *status = (struct os_file_status){.inode = found.st_ino,
                                      .size = (uint64_t)found.st_size,
                                      .changed = (uint64_t)found.st_mtim.tv_sec,
                                      .changed_nanos = (uint64_t)found.st_mtim.tv_nsec,
                                      .is_on_no_device = major(found.st_dev) == 0};
    return true;
}

/* ---- Standard error ---- */

/* Written once, by the constructor. */
static struct {
    bool kept;
    int descriptor;
    struct os_file_identity file;
} kept_error;

void brkm__os_keep_error_open(void)
{
    int descriptor = descriptor_copy(STDERR_FILENO);
    if (descriptor >= 0 && descriptor_find(descriptor, &kept_error.file)) {
        kept_error.kept = true;
        kept_error.descriptor = descriptor;
    }
}

void brkm__os_write_error(const char *text, size_t length)
{
    bool still_there = kept_error.kept && descriptor_is(kept_error.descriptor, kept_error.file);
    brkm__os_write(still_there ? kept_error.descriptor : STDERR_FILENO, text, length);
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
