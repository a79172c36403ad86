/* SPDX-License-Identifier: MIT
 * Files, by descriptors. No function changes errno, is a cancellation point, or waits for others to
 * write. */
#ifndef BRKMALLOC_SYSTEM_OS_FILE_H
#define BRKMALLOC_SYSTEM_OS_FILE_H

#include "base/base.h"

/* What tells a file from any other, whatever descriptors it has. */
struct os_file_identity {
    uint64_t device, inode;
};

/* Creates a file for writing, which nobody but its owner may read. One that exists already, or a
 * link of that name, is left alone. Returns its descriptor, or an errno value below zero. */
int brkm__os_create_file(const char *path);

/* Writes all of it. Returns 0 or an errno value, as the next one does. */
int brkm__os_write(int file, const char *text, size_t length);
int brkm__os_close(int file);
void brkm__os_remove_file(const char *path);

/* Opens a file for reading; below zero when that fails. And reads what comes next: 0 at the end,
 * and when it cannot be read. */
int brkm__os_open_file(const char *path);
size_t brkm__os_read(int file, char *buffer, size_t size);

/* Reads at most `size` bytes of a file. Returns how many there were; -1 when it cannot be read. */
intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size);

/* Reads a file in pieces, each through the `size` bytes of `buffer`, until `take` returns false or
 * the file ends. False when it cannot be read. */
bool brkm__os_read_pieces(const char *path, char *buffer, size_t size,
                          bool (*take)(void *context, const char *piece, size_t length),
                          void *context);

/* The working directory, without a zero behind it; 0 when it is not known or does not fit. */
size_t brkm__os_working_directory(char *buffer, size_t size);

/* The program's file, likewise; cut where it does not fit. Without /proc it is what the program was
 * started as, perhaps relative to the directory of then. */
size_t brkm__os_program(char *buffer, size_t size);

/* What a path leads to. */
struct os_file_status {
    uint64_t inode, size;            /* bytes */
    uint64_t changed, changed_nanos; /* contents: seconds since 1970, and behind the point */
    bool is_on_no_device;            /* a file system of several, or of none */
};

/* False when there is nothing. */
bool brkm__os_file_status(const char *path, struct os_file_status *status);

/* Writes to standard error, all or as much as it takes. */
void brkm__os_write_error(const char *text, size_t length);

/* Keeps a second descriptor of standard error for what is written at exit: many programs close
 * theirs in an atexit handler. Used as long as nobody put another file in its place. */
void brkm__os_keep_error_open(void);

/* What an errno value means, in English. */
const char *brkm__os_error_text(int error);

#endif
