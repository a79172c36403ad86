/* SPDX-License-Identifier: MIT
 * What the loader knows: which objects (programs and libraries) lie in memory, and their names. As
 * in os.h, no function changes errno, and tests replace os_loader_linux.c by a fake. */
#ifndef BRKMALLOC_SYSTEM_OS_LOADER_H
#define BRKMALLOC_SYSTEM_OS_LOADER_H

#include "base/base.h"

/* True when the object that `code` lies in tells the loader where its tables for unwinding are.
 * Static programs that are linked without --eh-frame-hdr do not. */
bool brkm__os_has_unwind_tables(const void *code);

/* The function of that name in the libraries behind this one, which takes the place of libc's; NULL
 * where there is none, as in static programs. May allocate. */
void *brkm__os_next_symbol(const char *name);

/* Where an address in code belongs. */
struct os_symbol {
    const char *object;   /* file of the program or library, NULL when not known */
    uintptr_t bias;       /* address minus what the object's own tables call it */
    const char *function; /* NULL when the object does not tell others */
    uintptr_t start;      /* of the function */
    bool is_program;      /* the object is the program itself */
};

/* Waits for the loader's lock. */
struct os_symbol brkm__os_find_symbol(const void *address);

#endif
