/* SPDX-License-Identifier: MIT
 * Filling of new and of freed memory, mallopt's M_PERTURB, which shows a program that
 * reads what it must not. While the option is 0 nothing happens here, and while it is not the
 * thread caches are closed (brkm__cache_close), so that no call passes this by on the fast path. */
#ifndef BRKMALLOC_MALLOC_PERTURB_H
#define BRKMALLOC_MALLOC_PERTURB_H

#include "base/base.h"

/* True when memory is filled. */
bool brkm__perturb_is_on(void);

/* Fills memory that the program is about to get. */
void brkm__perturb_new(void *start, size_t size);

/* Fills memory that the program has freed. */
void brkm__perturb_freed(void *start, size_t size);

#endif
