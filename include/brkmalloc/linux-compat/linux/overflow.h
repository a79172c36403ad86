/* SPDX-License-Identifier: MIT
 * Sizes that are SIZE_MAX, which no request is served for, when they overflow. */
#ifndef BRKMALLOC_LINUX_OVERFLOW_H
#define BRKMALLOC_LINUX_OVERFLOW_H

#include <linux/types.h>

#define check_add_overflow(a, b, result) __builtin_add_overflow((a), (b), (result))
#define check_sub_overflow(a, b, result) __builtin_sub_overflow((a), (b), (result))
#define check_mul_overflow(a, b, result) __builtin_mul_overflow((a), (b), (result))

static inline size_t size_mul(size_t a, size_t b)
{
    return brkm_compat_mul(a, b);
}
static inline size_t size_add(size_t a, size_t b)
{
    return brkm_compat_add(a, b);
}
#define array_size(a, b) size_mul((a), (b))
#define array3_size(a, b, c) size_mul(size_mul((a), (b)), (c))
#define flex_array_size(pointer, member, count) size_mul((count), sizeof((pointer)->member[0]))

/* Of a structure whose last member is an array of `count` elements. */
#define struct_size_t(type, member, count) \
    size_add(offsetof(type, member), size_mul(sizeof(((type *)0)->member[0]), (count)))
#ifndef struct_size
#define struct_size(pointer, member, count) struct_size_t(__typeof__(*(pointer)), member, count)
#endif

#endif
