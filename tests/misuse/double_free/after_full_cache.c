/* SPDX-License-Identifier: MIT
 * So many blocks are freed that most leave the thread's cache; then the first again.
 * Sizes: small
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    static char *blocks[3000];
    for (int i = 0; i < 3000; i++)
        blocks[i] = malloc(size);
    for (int i = 0; i < 3000; i++)
        free(blocks[i]);
    free(blocks[0]);
}
