/* SPDX-License-Identifier: MIT
 * A block that the program made up in global memory.
 * Sizes: small medium
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

static char memory[8192] __attribute__((aligned(16)));

void misuse(size_t size)
{
    memcpy(memory + 8, header_of(malloc(size)), 8);
    free(memory + 16);
}
