/* SPDX-License-Identifier: MIT
 * See perturb.h. */
#include "malloc/perturb.h"

#include <string.h>

#include "base/valgrind.h"
#include "kit/options.h"

bool brkm__perturb_is_on(void)
{
    return brkm__option_get(OPTION_perturb) != 0;
}

static BRKM_COLD void fill(void *start, size_t size, size_t byte)
{
    annotate_ours(start, size);
    memset(start, (int)byte, size);
}

void brkm__perturb_new(void *start, size_t size)
{
    size_t byte = brkm__option_get(OPTION_perturb);
    if (unlikely(byte != 0)) {
        fill(start, size, byte ^ UINT8_MAX);
    }
}

void brkm__perturb_freed(void *start, size_t size)
{
    size_t byte = brkm__option_get(OPTION_perturb);
    if (unlikely(byte != 0)) {
        fill(start, size, byte);
        annotate_forgotten(start, size);
    }
}
