/* SPDX-License-Identifier: MIT
 * Descriptors that we keep, in files and sockets of this folder. Programs close descriptors that
 * are not theirs and use the numbers again: each is known by its device and inode too. */
#ifndef BRKMALLOC_SYSTEM_DESCRIPTOR_H
#define BRKMALLOC_SYSTEM_DESCRIPTOR_H

#include <fcntl.h>
#include <sys/stat.h>

#include "system/os_file.h"
#include "system/syscall.h"

/* Lowest number of ours, out of the way of programs that count theirs, and of the standard streams
 * of one that closed them. */
#define DESCRIPTOR_MIN 200

static inline void descriptor_close(int descriptor)
{
    os_call1(SYS_close, descriptor);
}

/* A second descriptor of the same file, out of the way; below zero when that fails. */
static inline int descriptor_copy(int descriptor)
{
    return (int)os_call3(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
}

/* The same in its place; the descriptor itself where that fails. */
static inline int descriptor_move(int descriptor)
{
    int moved = descriptor_copy(descriptor);
    if (moved < 0) {
        return descriptor;
    }
    descriptor_close(descriptor);
    return moved;
}

static inline bool descriptor_find(int descriptor, struct os_file_identity *file)
{
    /* The kernel's structure is libc's where we build. */
    struct stat status;
    if (os_call2(SYS_fstat, descriptor, (long)&status) != 0) {
        return false;
    }
    *file = (struct os_file_identity){status.st_dev, status.st_ino};
    return true;
}

static inline bool descriptor_is(int descriptor, struct os_file_identity file)
{
    struct os_file_identity now;
    return descriptor_find(descriptor, &now) && now.device == file.device &&
           now.inode == file.inode;
}

#endif
