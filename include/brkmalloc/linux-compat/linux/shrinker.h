/* SPDX-License-Identifier: MIT
 * Shrinkers by the kernel's names. */
#ifndef BRKMALLOC_LINUX_SHRINKER_H
#define BRKMALLOC_LINUX_SHRINKER_H

#include <linux/gfp_types.h>

#define shrinker brkm_shrinker
#define shrink_control brkm_shrink_control

#define SHRINK_STOP BRKM_SHRINK_STOP
#define SHRINK_EMPTY BRKM_SHRINK_EMPTY
#define DEFAULT_SEEKS 2
#define SHRINKER_NUMA_AWARE 2u
#define SHRINKER_MEMCG_AWARE 4u

#define shrinker_alloc(flags, ...) brkm_shrinker_alloc((flags), __VA_ARGS__)
#define shrinker_register(one) brkm_shrinker_register(one)
#define shrinker_free(one) brkm_shrinker_free(one)

#endif
