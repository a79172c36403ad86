/* SPDX-License-Identifier: MIT
 * A cached block gets the header back that it had in use, and realloc leaves it where it is. Then
 * an aligned block of that size is asked for.
 * Says: write after free, links of a free block overwritten at ADDRESS (called from aligned_alloc)
 */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = aligned_alloc(64, 120);
    unsigned char header[8];
    memcpy(header, header_of(block), 8);
    free(block);
    memcpy(header_of(block), header, 8);
    realloc(block, 100);
    aligned_alloc(64, 120);
}
