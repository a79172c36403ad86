/* SPDX-License-Identifier: MIT
 * From addresses to functions, files and lines, through elfutils: symbol tables (those of stripped
 * libraries too), debugging information and separate files with it. */
#ifndef PROFILE_SYMBOLS_H
#define PROFILE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raw_profile.h"

/* A function that an address lies in. The texts live as long as the symbols. */
struct symbol_frame {
    const char *linkage_name; /* as the linker knows it, perhaps mangled */
    const char *file;         /* "" when unknown */
    int line;                 /* 0 when unknown */
    int first_line;           /* of the function; 0 when unknown */
};

struct symbols;

/* Finds functions in the objects of the profile, which must live longer. A file is believed only
 * when it is the one that the program ran: by its build id, or where it has none by inode, size and
 * time. Such a file is looked for at its path; then in `folder`, unless that is NULL, by the path
 * below it and by the build id, as .build-id/ab/cdef (.debug), abcdef/executable or
 * abcdef/debuginfo; then where elfutils looks. When an address is looked up in an object without
 * such a file, that is told on standard error. */
struct symbols *symbols_open(const struct raw_profile *profile, const char *folder);
void symbols_close(struct symbols *symbols);

/* Who is given functions, one after the other. */
struct symbol_receiver {
    void (*receive)(void *context, const struct symbol_frame *frame);
    void *context;
};

/* Gives each function that the instruction at the address, in that object, lies in: first the
 * innermost of those that the compiler inlined there, last the one that has code of its own. False
 * when that one is not known; then functions that were given before it mean nothing. */
bool symbols_find(struct symbols *symbols, size_t object, uint64_t address,
                  const struct symbol_receiver *receiver);

#endif
