/* SPDX-License-Identifier: MIT
 * Layer 3: run-time options. One row per option; the environment variable
 * BRKMALLOC="key:value,key:value" sets them once, when the library's constructor runs. */
#ifndef BRKMALLOC_OPTIONS_H
#define BRKMALLOC_OPTIONS_H

#include <stdatomic.h>

#include "base.h"
#include "config.h"

/* X(name, type, default, largest value, meaning). Types: FLAG takes true or false, SIZE takes bytes
 * with an optional k, m or g. */
#define BRKM_OPTIONS(X)                                                                            \
    X(stats_at_exit, FLAG, 0, 1, "print statistics to standard error when the process exits")      \
    X(mapped_threshold, SIZE, BRKM_MAPPED_THRESHOLD_DEFAULT, BRKM_MAPPED_THRESHOLD_MAX,            \
      "blocks of at least this many bytes are mapped; setting it stops the automatic rise")        \
    X(mapped_count_max, SIZE, BRKM_MAPPED_COUNT_MAX, UINT32_MAX, "mapped blocks at one time")      \
    X(trim_threshold, SIZE, BRKM_TRIM_THRESHOLD_DEFAULT, PTRDIFF_MAX,                              \
      "free bytes at the heap's end that are given back; setting it stops the automatic rise")     \
    X(top_pad, SIZE, BRKM_TOP_PAD_DEFAULT, BRKM_GIB, "bytes kept free when the end is given back") \
    X(purge_threshold, SIZE, BRKM_PURGE_THRESHOLD_DEFAULT, PTRDIFF_MAX,                            \
      "free bytes inside the heap that stay resident at least")

enum option {
#define BRKM_OPTION_NAME(name, type, standard, largest, meaning) OPTION_##name,
    BRKM_OPTIONS(BRKM_OPTION_NAME)
#undef BRKM_OPTION_NAME
        OPTION_COUNT
};

/* Reads the environment; bad keys and values are named on standard error and have no effect.
 * Nothing is read in a set-user-id program. */
void brkm__options_read_environment(void);

size_t brkm__option_get(enum option option);

/* False when the value is out of range. The option then counts as set by the user. */
bool brkm__option_set(enum option option, size_t value);

/* True when the environment or mallopt has set the option. */
bool brkm__option_is_set(enum option option);

/* Raises an option that the user has not set. */
void brkm__option_raise(enum option option, size_t value);

#endif
