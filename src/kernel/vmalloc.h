/* SPDX-License-Identifier: MIT
 * vmalloc's table, for fork. */
#ifndef BRKMALLOC_KERNEL_VMALLOC_H
#define BRKMALLOC_KERNEL_VMALLOC_H

void brkm__vmalloc_lock(void);
void brkm__vmalloc_open(void);

#endif
