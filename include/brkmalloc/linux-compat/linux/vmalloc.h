/* SPDX-License-Identifier: MIT
 * vmalloc by the kernel's names. */
#ifndef BRKMALLOC_LINUX_VMALLOC_H
#define BRKMALLOC_LINUX_VMALLOC_H

#include <linux/gfp_types.h>

#define vmalloc(size) brkm_vmalloc(size)
#define vzalloc(size) brkm_vzalloc(size)
#define vmalloc_user(size) brkm_vzalloc(size)
#define __vmalloc(size, flags) brkm_vmalloc_with((size), (flags))
#define vmalloc_node(size, node) ((void)(node), brkm_vmalloc(size))
#define vzalloc_node(size, node) ((void)(node), brkm_vzalloc(size))
#define vrealloc(address, size, flags) brkm_vrealloc((address), (size), (flags))
#define is_vmalloc_addr(address) brkm_is_vmalloc_addr(address)
#define vmalloc_huge(size, flags) brkm_vmalloc_huge((size), (flags))
#define vmalloc_array(count, size) brkm_vmalloc(brkm_compat_mul((count), (size)))
#define vcalloc(count, size) brkm_vzalloc(brkm_compat_mul((count), (size)))
#define vfree(address) brkm_vfree(address)

#endif
