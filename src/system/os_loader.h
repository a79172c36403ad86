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

/* From now on the loader finds `replacement` where it would find the function `name` of the library
 * that `function`, found by brkm__os_next_symbol, lies in: also libraries with RTLD_DEEPBIND, which
 * look there first. Those that are bound already stay so. For the constructor alone. */
void brkm__os_replace_symbol(const char *name, void *function, void *replacement);

/* An object in memory. */
struct os_object {
    uintptr_t start, end;
    const void *loaded; /* the loader's note of it, NULL where there is none */
    const char *name;   /* the loader's, as long as it is loaded; "" for the program */
    bool is_program;
};

/* The object that an address lies in; false when there is none. Takes no lock: only for who keeps
 * the object from being unloaded, as code does that runs in it. */
bool brkm__os_find_object(const void *address, struct os_object *object);

/* False where the system has nothing like that. */
bool brkm__os_can_find_objects(void);

/* Calls `see` with an address in each object that is loaded. For the constructor alone. */
void brkm__os_each_object(void (*see)(const void *address));

/* The function that an address lies in. */
struct os_symbol {
    const char *function; /* NULL when the object does not tell others */
    uintptr_t start;
};

/* Waits for the loader's lock. */
struct os_symbol brkm__os_find_symbol(const void *address);

#endif
