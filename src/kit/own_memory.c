/* SPDX-License-Identifier: MIT
 * See own_memory.h. */
#include "kit/own_memory.h"

#include "kit/footprint.h"
#include "system/os.h"

size_t brkm__own_bytes(size_t size)
{
    return align_up(size, brkm__os_page_size()) + 2 * brkm__os_page_size();
}

void *brkm__own_map(size_t size)
{
    char *start = brkm__footprint_map_between_guards(brkm__own_bytes(size));
    return start == NULL ? NULL : start + brkm__os_page_size();
}

void brkm__own_unmap(void *memory, size_t size)
{
    brkm__footprint_abandon((char *)memory - brkm__os_page_size(), brkm__own_bytes(size));
}
