/* SPDX-License-Identifier: MIT
 * Layer 14: mallopt, glibc's way to the options, and the version. */
#include "base.h"
#include "brkmalloc/brkmalloc.h"
#include "options.h"

/* glibc's parameter numbers, as in its <malloc.h>; other libcs do not have that header's names. */
enum mallopt_parameter {
    MALLOPT_MXFAST = 1,
    MALLOPT_TRIM_THRESHOLD = -1,
    MALLOPT_TOP_PAD = -2,
    MALLOPT_MMAP_THRESHOLD = -3,
    MALLOPT_MMAP_MAX = -4,
};

/* glibc's bound on M_MXFAST: 80 * sizeof(size_t) / 4 bytes. */
#define MXFAST_MAX (80 * (int)sizeof(size_t) / 4)

int brkm_mallopt(int parameter, int value)
{
    switch (parameter) {
    case MALLOPT_MXFAST:
        return value >= 0 && value <= MXFAST_MAX;
    case MALLOPT_TRIM_THRESHOLD:
        /* -1 means never. */
        return brkm__option_set(OPTION_trim_threshold, value < 0 ? PTRDIFF_MAX : (size_t)value);
    case MALLOPT_TOP_PAD:
        return brkm__option_set(OPTION_top_pad, (size_t)value);
    case MALLOPT_MMAP_THRESHOLD:
        return brkm__option_set(OPTION_mapped_threshold, (size_t)value);
    case MALLOPT_MMAP_MAX:
        return brkm__option_set(OPTION_mapped_count_max, (size_t)value);
    default:
        return 1; /* as glibc: a parameter that it does not know is not an error */
    }
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *brkm_version(void)
{
    return VERSION_TEXT(BRKM_VERSION_MAJOR, BRKM_VERSION_MINOR, BRKM_VERSION_PATCH);
}
