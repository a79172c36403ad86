/* SPDX-License-Identifier: MIT
 * kmalloc: a slab cache for each class of sizes, blocks of pages above. */
#ifndef BRKMALLOC_KERNEL_KMALLOC_H
#define BRKMALLOC_KERNEL_KMALLOC_H

#include "base/base.h"
#include "kernel/gfp.h"

/* An object for the reserve, whose bytes are resident. */
void *brkm__kmalloc_for_reserve(size_t size);

/* What malloc's functions do with memory of this family's. */
bool brkm__neighbour_has(const void *memory);
void brkm__neighbour_free(void *memory, const char *caller);
void *brkm__neighbour_realloc(void *memory, size_t size);
size_t brkm__neighbour_usable_size(const void *memory);

/* The caches' magazines for allocations have others. */
void brkm__kmalloc_take_magazines(void);

/* Bytes, the largest request: option kmalloc_limit. */
size_t brkm__kmalloc_largest(void);

#endif
