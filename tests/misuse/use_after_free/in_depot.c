/* SPDX-License-Identifier: MIT
 * A block that went from a thread that ended to the others is written to.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

static void *release(void *block)
{
    free(block);
    return NULL;
}

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    in_thread(release, block);
    memset(block, 'A', 16);
    for (int i = 0; i < 5000; i++)
        malloc(size);
}
