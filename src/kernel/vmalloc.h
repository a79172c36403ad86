/* SPDX-License-Identifier: MIT
 * vmalloc's table. */
#ifndef BRKMALLOC_KERNEL_VMALLOC_H
#define BRKMALLOC_KERNEL_VMALLOC_H

#include "base/base.h"
#include "kit/outside.h"

/* True when an area begins there. */
bool brkm__vmalloc_begins(const void *address);

/* Bytes of the area that begins there, which one does, without the inaccessible page. */
size_t brkm__vmalloc_size(const void *address);

/* Frees the area that begins there; false where none does. */
bool brkm__vmalloc_free(const void *address);

/* How many areas there are, and their bytes without the inaccessible pages. */
void brkm__vmalloc_count(size_t *areas, size_t *bytes);

/* Tells of all areas, under one lock: there are no more than the system has mappings for. */
void brkm__vmalloc_tell(const struct outside_listener *listener);

void brkm__vmalloc_lock(void);
void brkm__vmalloc_open(void);

#endif
