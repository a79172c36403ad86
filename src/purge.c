/* SPDX-License-Identifier: MIT
 * Layer 6: see purge.h. */
#include "purge.h"

#include "os.h"

size_t brkm__purge_block(struct mem_control_block *block)
{
    size_t page = brkm__os_page_size();
    uintptr_t kept_front = (uintptr_t)block_long_size(block) + sizeof(struct long_size);
    uintptr_t kept_back = (uintptr_t)block_boundary_tag_before(block_next(block));
    uintptr_t start = align_up(kept_front, page);
    uintptr_t end = align_down(kept_back, page);
    if (block_has_flag(block, BLOCK_FLAG_PURGED) || start >= end ||
        !brkm__os_discard((void *)start, end - start)) {
        return 0;
    }
    block_change_flag(block, BLOCK_FLAG_PURGED, true);
    return end - start;
}
