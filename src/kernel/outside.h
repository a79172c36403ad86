/* SPDX-License-Identifier: MIT
 * What the family has, for the picture of the heap: kit/outside.h. */
#ifndef BRKMALLOC_KERNEL_OUTSIDE_H
#define BRKMALLOC_KERNEL_OUTSIDE_H

/* From now on the picture has sections and areas. */
void brkm__kernel_tell_outside(void);

#endif
