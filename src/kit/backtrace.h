/* SPDX-License-Identifier: MIT
 * Who called: the return addresses on the calling thread's stack.
 *
 * They come from libgcc's unwinder, which reads the tables that compilers write for exceptions,
 * where it takes no lock: with a libgcc that uses glibc's _dl_find_object (gcc 12, glibc 2.35; the
 * build finds out and defines BRKM_UNWINDER). Elsewhere it would wait inside dl_iterate_phdr for a
 * lock that a thread inside dlopen may hold while that waits for us. There, in static
 * programs that are linked without --eh-frame-hdr, and by choice, they come from the chain of frame
 * pointers, of which each link is tested before it is followed: it ends where a function was
 * compiled without. Files of src/ through which the way leads are
 * compiled with them (cmake/libraries.cmake). */
#ifndef BRKMALLOC_KIT_BACKTRACE_H
#define BRKMALLOC_KIT_BACKTRACE_H

#include "base/base.h"

/* Stores at most `most` return addresses, the innermost first, beginning with that into the code
 * which called a function marked BRKM_ENTRY: the allocator's own frames are left out. Without such
 * a function on the stack it begins with the caller of this one. Returns how many.
 *
 * Takes no lock and nothing from the heap. 0 when a signal handler interrupted the same thread in
 * here, or where there is no way. */
size_t brkm__backtrace(void **frames, size_t most);

/* The same, with the function marked BRKM_ENTRY in front where there is one. */
size_t brkm__backtrace_with_entry(void **frames, size_t most);

/* What of ours the program called that is on its way now, in words; "?" where that cannot be told.
 * It looks no further than to the program's first frame. */
const char *brkm__backtrace_called(void);

/* From now on frame pointers are followed. Called by the constructor. */
void brkm__backtrace_use_frame_pointers(void);

#endif
