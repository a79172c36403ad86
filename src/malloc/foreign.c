/* SPDX-License-Identifier: MIT
 * See foreign.h. */
#include "malloc/foreign.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"
#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"
#include "system/os_loader.h"

const struct neighbour *brkm__neighbour;

/* Milliseconds between two warnings of ignored pointers: a program that does it does it often. */
#define WARNING_PAUSE 10000

typedef void free_function(void *memory);
typedef void *realloc_function(void *memory, size_t size);
typedef size_t usable_size_function(void *memory);

/* Looked up by whoever is first, or by several, who find the same; `looked_up` is stored last
 * (release, pairs with acquire). */
static struct {
    _Atomic(free_function *) free;
    _Atomic(realloc_function *) realloc;
    _Atomic(usable_size_function *) usable_size;
    atomic_bool looked_up;
} libc;

/* Relaxed: which of several threads warns is all the same. */
static struct {
    atomic_bool given;
    _Atomic(uint64_t) next_at;  /* milliseconds */
    _Atomic(uint64_t) unspoken; /* ignored since the last warning */
} warning;

static bool is_forwarded(void)
{
    return brkm__option_get(OPTION_foreign) == FOREIGN_FORWARD;
}

bool brkm__foreign_is_accepted(void)
{
    return brkm__option_get(OPTION_foreign) != FOREIGN_ABORT;
}

/* ---- libc's functions ---- */

/* Stores a symbol, which to C is an address of data, in a variable for a function's address. */
static void find(const char *name, void *variable)
{
    void *symbol = brkm__os_next_symbol(name);
    _Static_assert(sizeof(symbol) == sizeof(free_function *), "both addresses are of one size");
    memcpy(variable, &symbol, sizeof(symbol));
}

static void look_up(void)
{
    free_function *free_found;
    realloc_function *realloc_found;
    usable_size_function *usable_size_found;
    /* May allocate, from us, and free. */
    find("free", &free_found);
    find("realloc", &realloc_found);
    find("malloc_usable_size", &usable_size_found);
    atomic_store_explicit(&libc.free, free_found, memory_order_relaxed);
    atomic_store_explicit(&libc.realloc, realloc_found, memory_order_relaxed);
    atomic_store_explicit(&libc.usable_size, usable_size_found, memory_order_relaxed);
    atomic_store_explicit(&libc.looked_up, true, memory_order_release);
}

void brkm__foreign_prepare(void)
{
    if (is_forwarded() && !atomic_load_explicit(&libc.looked_up, memory_order_acquire)) {
        look_up();
    }
}

/* True when pointers are to be handed on, and there is somebody to take them. */
static bool has_taker(void)
{
    brkm__foreign_prepare();
    return is_forwarded() && atomic_load_explicit(&libc.free, memory_order_relaxed) != NULL &&
           atomic_load_explicit(&libc.realloc, memory_order_relaxed) != NULL;
}

/* ---- What a library with RTLD_DEEPBIND calls ---- */

static void replace(const char *name, uintptr_t replacement)
{
    void *function = brkm__os_next_symbol(name);
    if (function != NULL) {
        brkm__os_replace_symbol(name, function, (void *)replacement);
    }
}

void brkm__foreign_take_over(void)
{
    if (has_taker()) {
        replace("free", (uintptr_t)brkm_free);
        replace("realloc", (uintptr_t)brkm_realloc);
        replace("malloc_usable_size", (uintptr_t)brkm_malloc_usable_size);
    }
}

/* ---- Warnings ---- */

static void warn(const void *memory, const char *what, const char *caller, uint64_t unspoken)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: foreign pointer at ");
    brkm__line_add_pointer(&line, memory);
    brkm__line_add_text(&line, what);
    brkm__line_add_text(&line, " (called from ");
    brkm__line_add_text(&line, caller);
    brkm__line_add_text(&line, ")");
    if (unspoken != 0) {
        brkm__line_add_text(&line, ", and ");
        brkm__line_add_number(&line, unspoken);
        brkm__line_add_text(&line, " more since the last warning");
    }
    brkm__line_write(&line);
}

static void warn_of_forwarded(const void *memory, const char *caller)
{
    if (!atomic_exchange_explicit(&warning.given, true, memory_order_relaxed)) {
        warn(memory, " handed on to libc, as later ones without a word", caller, 0);
    }
}

static void warn_of_ignored(const void *memory, const char *caller)
{
    uint64_t now = brkm__os_milliseconds();
    uint64_t next = atomic_load_explicit(&warning.next_at, memory_order_relaxed);
    if (now < next ||
        !atomic_compare_exchange_strong_explicit(&warning.next_at, &next, now + WARNING_PAUSE,
                                                 memory_order_relaxed, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&warning.unspoken, 1, memory_order_relaxed);
        return;
    }
    warn(memory, " ignored", caller,
         atomic_exchange_explicit(&warning.unspoken, 0, memory_order_relaxed));
}

/* ---- What comes in ---- */

void brkm__foreign_free(void *memory, const char *caller)
{
    if (neighbour_has(memory)) {
        brkm__neighbour->free(memory, caller);
    } else if (has_taker()) {
        warn_of_forwarded(memory, caller);
        atomic_load_explicit(&libc.free, memory_order_relaxed)(memory);
    } else {
        warn_of_ignored(memory, caller);
    }
}

void *brkm__foreign_realloc(void *memory, size_t size)
{
    if (neighbour_has(memory)) {
        return brkm__neighbour->realloc(memory, size);
    }
    if (has_taker()) {
        warn_of_forwarded(memory, "realloc");
        return atomic_load_explicit(&libc.realloc, memory_order_relaxed)(memory, size);
    }
    warn_of_ignored(memory, "realloc");
    if (size != 0) {
        errno = ENOMEM;
    }
    return NULL;
}

size_t brkm__foreign_usable_size(void *memory)
{
    if (neighbour_has(memory)) {
        return brkm__neighbour->usable_size(memory);
    }
    if (has_taker()) {
        warn_of_forwarded(memory, "malloc_usable_size");
        usable_size_function *usable_size =
            atomic_load_explicit(&libc.usable_size, memory_order_relaxed);
        return usable_size == NULL ? 0 : usable_size(memory);
    }
    warn_of_ignored(memory, "malloc_usable_size");
    return 0;
}
