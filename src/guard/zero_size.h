/* SPDX-License-Identifier: MIT
 * Blocks of zero bytes on pages that nobody may touch (option guard_zero_size). Each has
 * an address of its own, as C wants; reading or writing there faults at the instruction. */
#ifndef BRKMALLOC_GUARD_ZERO_SIZE_H
#define BRKMALLOC_GUARD_ZERO_SIZE_H

#include "base/base.h"
#include "kit/lock.h"

extern struct lock brkm__zero_size_lock;

/* An address aligned to BRKM_ALIGNMENT; NULL when all are taken or there is no memory. An address
 * that was freed comes again as late as possible. */
void *brkm__zero_size_allocate(void);

/* True when `address` lies among those that zero_size_allocate gives. */
bool brkm__zero_size_contains(const void *address);

/* True when `address`, which lies among them, is in use; when it was once, and is not. */
bool brkm__zero_size_is_in_use(const void *address);
bool brkm__zero_size_was_in_use(const void *address);

/* False when `address` was not in use any more. */
bool brkm__zero_size_free(void *address);

#endif
