/* SPDX-License-Identifier: MIT
 * Past the end of a page behind which another follows.
 * Sizes: page
 * Not caught: there is no header between them, as there is none between the pages of a mapping */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = aligned_alloc(size, size);
    char *behind = aligned_alloc(size, size);
    memset(page + size, 'A', 16);
    free(page);
    free(behind);
}
