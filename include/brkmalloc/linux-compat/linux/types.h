/* SPDX-License-Identifier: MIT
 * The names of types that code which allocates in the kernel's style uses, on top of the system's
 * linux/types.h. With BRKM_COMPAT_NO_SHORT_TYPES without u8 to s64, for code that has its own. */
#ifndef BRKMALLOC_LINUX_TYPES_H
#define BRKMALLOC_LINUX_TYPES_H

#include_next <linux/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "brkmalloc/kernel.h"

typedef brkm_gfp_t gfp_t;
typedef unsigned int slab_flags_t;
typedef uint64_t phys_addr_t;

#ifndef BRKM_COMPAT_NO_SHORT_TYPES
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
#endif

/* Sizes that are SIZE_MAX, which no request is served for, when they overflow. */
static inline size_t brkm_compat_mul(size_t a, size_t b)
{
    size_t bytes;
    return __builtin_mul_overflow(a, b, &bytes) ? SIZE_MAX : bytes;
}
static inline size_t brkm_compat_add(size_t a, size_t b)
{
    size_t bytes;
    return __builtin_add_overflow(a, b, &bytes) ? SIZE_MAX : bytes;
}

#ifndef __force
#define __force
#endif
#ifndef __bitwise
#define __bitwise
#endif

#endif
