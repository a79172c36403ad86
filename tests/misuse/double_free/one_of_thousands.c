/* SPDX-License-Identifier: MIT
 * Of thousands of blocks that are freed in reverse, one is freed again.
 * Sizes: small
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    static char *blocks[5000];
    for (int i = 0; i < 5000; i++)
        blocks[i] = malloc(size);
    for (int i = 5000; i > 0; i--)
        free(blocks[i - 1]);
    free(blocks[4990]);
}
