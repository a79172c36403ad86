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
    size_t page = brkm__os_page_size();
    size_t bytes = brkm__own_bytes(size);
    char *start = brkm__footprint_map(bytes);
    if (start == NULL) {
        return NULL;
    }
    /* Where the kernel has no room for more mappings the memory is as good without. */
    brkm__os_protect(start, page);
    brkm__os_protect(start + bytes - page, page);
    return start + page;
}

void brkm__own_unmap(void *memory, size_t size)
{
    brkm__footprint_abandon((char *)memory - brkm__os_page_size(), brkm__own_bytes(size));
}
