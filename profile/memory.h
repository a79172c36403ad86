/* SPDX-License-Identifier: MIT
 * Memory that is there or ends the program with a message: what reads a profile can do nothing with
 * a part of it. */
#ifndef PROFILE_MEMORY_H
#define PROFILE_MEMORY_H

#include <stddef.h>

/* How the program calls itself in messages; each program that uses this has one. */
extern const char program_name[];

/* `count` zeroed elements of `size` bytes. */
void *memory_zeroed(size_t count, size_t size);

/* The array `elements`, moved if need be, so that it has room for `count` + 1 elements of `size`
 * bytes; `capacity` is how many it has room for. */
void *memory_grow(void *elements, size_t count, size_t *capacity, size_t size);

char *memory_copy_text(const char *text);

#endif
