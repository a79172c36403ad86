/* SPDX-License-Identifier: MIT
 * kmalloc: a slab cache for each class of sizes, blocks of pages above. */
#ifndef BRKMALLOC_KERNEL_KMALLOC_H
#define BRKMALLOC_KERNEL_KMALLOC_H

#include "base/base.h"
#include "kernel/gfp.h"
#include "malloc/foreign.h"

/* An object for the reserve, whose bytes are resident. */
void *brkm__kmalloc_for_reserve(size_t size);

/* What malloc's functions do with memory of this family's. */
extern const struct neighbour brkm__kernel_neighbour BRKM_HIDDEN;

/* The caches' magazines for allocations have others. */
void brkm__kmalloc_take_magazines(void);

/* Bytes, the largest request: option kmalloc_limit. */
size_t brkm__kmalloc_largest(void);

#endif
