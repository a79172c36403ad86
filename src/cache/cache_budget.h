/* SPDX-License-Identifier: MIT
 * How much a thread cache may hold, and which of its slots: capacities are paid for from
 * a budget, which follows what the thread does. */
#ifndef BRKMALLOC_CACHE_CACHE_BUDGET_H
#define BRKMALLOC_CACHE_CACHE_BUDGET_H

#include "base/base.h"
#include "cache/thread_cache.h"

/* The least budget, for a cache that begins. */
void brkm__budget_begin(struct thread_cache *cache);

/* The slot had no block, or no room. The budget learns from that, and sometimes what another slot
 * did not use goes. */
void brkm__budget_note_refill(struct thread_cache *cache, unsigned slot);
void brkm__budget_note_flush(struct thread_cache *cache, unsigned slot);

/* Adds up to `blocks` to the capacity of an exact slot, as far as the budget goes. */
void brkm__budget_grow_slot(struct thread_cache *cache, unsigned slot, unsigned blocks);

/* Takes unused capacity of an exact slot away while the cache is over its budget. */
void brkm__budget_obey(struct thread_cache *cache, unsigned slot);

/* Takes all unused capacity of an exact slot away. */
void brkm__budget_take_room(struct thread_cache *cache, unsigned slot);

/* True in a phase of frees alone. */
bool brkm__budget_is_giving_back(const struct thread_cache *cache);

#endif
