/* SPDX-License-Identifier: MIT
 * A pointer into a freed block: no other comes to its place soon.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large mapped
 * Not caught: it is harmless there. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    free(block);
    expect_never_given(block, size, size);
}
