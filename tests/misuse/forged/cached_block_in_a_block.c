/* SPDX-License-Identifier: MIT
 * A cached block's links and header are copied into a block in use, and the list led there.
 * Sizes: small medium
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *target = malloc(9000);
    char *block = neighbours(size).front;
    free(block);
    memcpy(target + 8, header_of(block), 24);
    *(void **)block = target + 16;
    expect_never_given(target, 9000, size);
}
