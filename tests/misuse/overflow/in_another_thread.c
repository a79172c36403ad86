/* SPDX-License-Identifier: MIT
 * Past the end, by another thread than the one that frees.
 * Sizes: small medium large
 * Says: write past the end, next header overwritten at ADDRESS (block of N bytes, called from free)
 */
#include "../misuse.h"

static void *write_past(void *end)
{
    return memset(end, 'A', 8);
}

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    in_thread(write_past, block + size);
    free(block);
}
