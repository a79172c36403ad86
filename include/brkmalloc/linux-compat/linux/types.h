/* SPDX-License-Identifier: MIT
 * The names of types that code which allocates in the kernel's style uses. */
#ifndef BRKMALLOC_LINUX_TYPES_H
#define BRKMALLOC_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "brkmalloc/kernel.h"

typedef brkm_gfp_t gfp_t;
typedef unsigned int slab_flags_t;
typedef uint64_t phys_addr_t;

#ifndef __force
#define __force
#endif
#ifndef __bitwise
#define __bitwise
#endif

#endif
