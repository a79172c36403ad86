/* SPDX-License-Identifier: MIT
 * vmalloc by the kernel's names. */
#ifndef BRKMALLOC_LINUX_VMALLOC_H
#define BRKMALLOC_LINUX_VMALLOC_H

#include <linux/gfp_types.h>

#define vmalloc(size) brkm_vmalloc(size)
#define vzalloc(size) brkm_vzalloc(size)
#define vmalloc_user(size) brkm_vzalloc(size)
#define vmalloc_huge(size, flags) brkm_vmalloc_huge((size), (flags))
#define vmalloc_array(count, size) brkm_kvmalloc_array((count), (size), GFP_KERNEL)
#define vcalloc(count, size) brkm_kvcalloc((count), (size), GFP_KERNEL)
#define vfree(address) brkm_kvfree(address)

#endif
