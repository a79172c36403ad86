/* SPDX-License-Identifier: MIT
 * What the allocator keeps outside of the heap and believes unseen: thread caches, the
 * table of mapped blocks. It lies between two pages that cannot be touched, so that no program
 * which writes past the end of a block, or before its start, gets there.
 *
 * Takes no lock. */
#ifndef BRKMALLOC_KIT_OWN_MEMORY_H
#define BRKMALLOC_KIT_OWN_MEMORY_H

#include "base/base.h"

/* At least `size` zero bytes, on the account; NULL when the system has none. */
void *brkm__own_map(size_t size);

/* Gives back what brkm__own_map gave for the same size. */
void brkm__own_unmap(void *memory, size_t size);

/* Bytes from the system for brkm__own_map of that size. */
size_t brkm__own_bytes(size_t size);

#endif
