/* SPDX-License-Identifier: MIT
 * The hardened mode: malloc and free of blocks that all are watched, as far as its
 * options are on.
 *
 *   malloc: hardened_malloc: a block from the stock
 *           -> hardened_serve: the stock filled from the thread cache; guarded, large, aligned
 *   free:   hardened_free: verify, clear, into the quarantine
 *           -> hardened_take_back: what was verified elsewhere */
#ifndef BRKMALLOC_GUARD_HARDENED_H
#define BRKMALLOC_GUARD_HARDENED_H

#include "base/base.h"
#include "malloc/place.h"

/* Puts the options into force. Called by the constructor. */
void brkm__hardened_apply(void);

/* malloc and free where nothing special is due, in the same steps for each block: NULL, or false,
 * when it is, and nothing happened. */
void *brkm__hardened_malloc(size_t size);
bool brkm__hardened_free(void *memory);

/* serve and serve_aligned; `room` bytes, at least `size`, are what the block may grow to. False
 * when the mode has nothing to do with such a block. */
bool brkm__hardened_serve(size_t size, size_t room, size_t alignment, struct allocated *result);

/* take_back; false when the mode has nothing to do with the block. */
bool brkm__hardened_take_back(void *memory, struct held held, const char *caller);

/* True for a block that is not to be resized as others are. */
bool brkm__hardened_has(struct held held);

/* Gives a watched block another size where it stands; false when it has no room. */
bool brkm__hardened_resize(void *memory, struct held held, size_t size);

/* Gives back what is kept from being used again, but for what other threads keep. True when there
 * was something. */
bool brkm__hardened_drain(void);

/* Verifies every block, in use and kept. Called at exit. */
void brkm__hardened_check_all(void);

#endif
