/* SPDX-License-Identifier: MIT
 * The emergency reserve: objects of kmalloc's that were set aside for requests which must not wait.
 * Each place holds one, and is emptied by an atomic exchange: no lock, no loop, any context. */
#ifndef BRKMALLOC_KERNEL_RESERVE_H
#define BRKMALLOC_KERNEL_RESERVE_H

#include "base/base.h"
#include "kernel/gfp.h"

/* An object, in use, of at least `size` bytes; NULL when there is none. Never waits. */
void *brkm__reserve_take(size_t size);

/* Fills what was emptied. Waits; costs a look at a word when nothing is missing. */
void brkm__reserve_refill(void);

/* For fork. */
void brkm__reserve_lock(void);
void brkm__reserve_open(void);

#endif
