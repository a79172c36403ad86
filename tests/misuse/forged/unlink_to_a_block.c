/* SPDX-License-Identifier: MIT
 * The links of a free block lead into a block in use that leads back.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *mine = calloc(1, 200);
    char *block = freed_to_heap(size);
    memcpy(mine + 8, header_of(block), 8);
    ((void **)mine)[2] = ((void **)mine)[3] = block - 8;
    ((void **)block)[0] = ((void **)block)[1] = mine + 8;
    expect_never_given(mine, 200, size);
}
