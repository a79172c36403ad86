/* SPDX-License-Identifier: MIT
 * A block that the program made up on the stack, with a plausible header, is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    size_t block[20] __attribute__((aligned(16))) = {0};
    block[1] = block[9] = 64;
    free(&block[2]);
}
