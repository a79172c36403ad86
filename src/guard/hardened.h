/* SPDX-License-Identifier: MIT
 * The hardened mode: malloc and free of blocks that all are watched, as far as its
 * options are on.
 *
 *   malloc: hardened_malloc: a block from the stock
 *           -> hardened_serve: the stock filled from the thread cache; guarded, large, aligned
 *   free:   hardened_free: verify, clear, into the quarantine
 *           -> hardened_release: what was verified elsewhere
 *
 * It is malloc's watcher (malloc/watcher.h). */
#ifndef BRKMALLOC_GUARD_HARDENED_H
#define BRKMALLOC_GUARD_HARDENED_H

#include "base/base.h"
#include "kit/optional_room.h"

/* Puts the options into force. Called by the constructor. */
void brkm__hardened_apply(void);

/* Verifies every block, in use and kept. Called at exit. */
void brkm__hardened_check_all(void);

extern const struct optional_room brkm__guard_room BRKM_HIDDEN;

#endif
