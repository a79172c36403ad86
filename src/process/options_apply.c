/* SPDX-License-Identifier: MIT
 * See options_apply.h; the program's ways to the options: by name, and mallopt, glibc's; and the
 * version. */
#include "process/options_apply.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "brkmalloc/brkmalloc.h"
#include "cache/cache_life.h"
#include "heap/heap.h"
#include "kit/huge_pages.h"
#include "kit/options.h"
#include "malloc/perturb.h"

/* glibc's parameter numbers, as in its <malloc.h>; other libcs do not have that header's names. */
enum mallopt_parameter {
    MALLOPT_MXFAST = 1,
    MALLOPT_TRIM_THRESHOLD = -1,
    MALLOPT_TOP_PAD = -2,
    MALLOPT_MMAP_THRESHOLD = -3,
    MALLOPT_MMAP_MAX = -4,
    MALLOPT_PERTURB = -6,
};

/* glibc's bound on M_MXFAST: 80 * sizeof(size_t) / 4 bytes. */
#define MXFAST_MAX (80 * (int)sizeof(size_t) / 4)

void brkm__tune_apply(void)
{
    brkm__cache_close(brkm__perturb_is_on());
    brkm__perturb_drain();
    if (brkm__huge_pages_changed()) {
        brkm__heap_advise(&brkm__main_heap);
    }
}

static int set(enum option option, size_t value)
{
    return brkm__option_change(option, value, "the program");
}

/* ---- By name ---- */

int brkm_option_get(const char *name, size_t *value)
{
    enum option option = brkm__option_find(name, strlen(name));
    if (option == OPTION_COUNT) {
        return ENOENT;
    }
    *value = brkm__option_get(option);
    return 0;
}

BRKM_ENTRY_OF(option_set) int brkm_option_set(const char *name, size_t value)
{
    enum option option = brkm__option_find(name, strlen(name));
    return option == OPTION_COUNT ? ENOENT : set(option, value);
}

/* ---- As in glibc ---- */

BRKM_ENTRY_OF(mallopt) int brkm_mallopt(int parameter, int value)
{
    switch (parameter) {
    case MALLOPT_MXFAST:
        return value >= 0 && value <= MXFAST_MAX;
    case MALLOPT_TRIM_THRESHOLD:
        /* -1 means never. */
        return set(OPTION_trim_threshold, value < 0 ? PTRDIFF_MAX : (size_t)value) == 0;
    case MALLOPT_TOP_PAD:
        return set(OPTION_top_pad, (size_t)value) == 0;
    case MALLOPT_MMAP_THRESHOLD:
        return set(OPTION_mapped_threshold, (size_t)value) == 0;
    case MALLOPT_MMAP_MAX:
        return set(OPTION_mapped_count_max, (size_t)value) == 0;
    case MALLOPT_PERTURB:
        return set(OPTION_perturb, (size_t)value & UINT8_MAX) == 0;
    default:
        return 1; /* as glibc: a parameter that it does not know is not an error */
    }
}

/* ---- Version ---- */

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *brkm_version(void)
{
    return VERSION_TEXT(BRKM_VERSION_MAJOR, BRKM_VERSION_MINOR, BRKM_VERSION_PATCH);
}
