/* SPDX-License-Identifier: MIT
 * From addresses to functions, files and lines, through elfutils: symbol tables (those of stripped
 * libraries too), debugging information and separate files with it. */
#ifndef PROFILE_SYMBOLS_H
#define PROFILE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "raw_profile.h"

/* One file in the program's memory. */
struct symbol_object {
    const char *path;
    uint64_t start; /* of its first mapping; what lies between that and `end` is its */
    uint64_t end;
    uint64_t code_start; /* its executable mapping; of several the first */
    uint64_t code_end;
    uint64_t code_offset;
    const char *build_id; /* hexadecimal, "" when it has none or is not there */
};

/* A function that an address lies in. The texts live as long as the symbols. */
struct symbol_frame {
    const char *linkage_name; /* as the linker knows it, perhaps mangled */
    const char *file;         /* "" when unknown */
    int line;                 /* 0 when unknown */
    int first_line;           /* of the function; 0 when unknown */
};

struct symbols;

/* Opens the files that are mapped in the profile, which must live longer. Where an address is
 * looked up in one that is not there, or that was changed since, that is told on standard error. */
struct symbols *symbols_open(const struct raw_profile *profile);
void symbols_close(struct symbols *symbols);

size_t symbols_object_count(const struct symbols *symbols);
const struct symbol_object *symbols_object(const struct symbols *symbols, size_t index);

/* The index of the object at the address, or the number of objects when there is none. */
size_t symbols_object_at(const struct symbols *symbols, uint64_t address);

/* Who is given functions, one after the other. */
struct symbol_receiver {
    void (*receive)(void *context, const struct symbol_frame *frame);
    void *context;
};

/* Gives each function that the instruction at the address lies in: first the innermost of those
 * that the compiler inlined there, last the one that has code of its own. False when that one is
 * not known; then functions that were given before it mean nothing. */
bool symbols_find(struct symbols *symbols, uint64_t address,
                  const struct symbol_receiver *receiver);

#endif
