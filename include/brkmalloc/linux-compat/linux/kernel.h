/* SPDX-License-Identifier: MIT
 * What small modules use of the kernel's linux/kernel.h, on top of the system's. */
#ifndef BRKMALLOC_LINUX_KERNEL_H
#define BRKMALLOC_LINUX_KERNEL_H

#include_next <linux/kernel.h>

#include <errno.h>
#include <linux/printk.h>
#include <linux/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef container_of
#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#endif

#endif
