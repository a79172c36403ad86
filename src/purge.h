/* SPDX-License-Identifier: MIT
 * Layer 6: giving back pages that lie inside free blocks. The heap's lock is held by the caller. */
#ifndef BRKMALLOC_PURGE_H
#define BRKMALLOC_PURGE_H

#include "base.h"
#include "block.h"

/* Gives the whole pages inside a free block back, but for what the heap keeps there: header, links,
 * boundary tag. Does nothing when that was done since the block became free. Returns the bytes that
 * went back. */
size_t brkm__purge_block(struct mem_control_block *block);

#endif
