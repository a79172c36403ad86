/* SPDX-License-Identifier: MIT
 * Past the end, and neither block is freed.
 * Sizes: small medium large
 * Not caught: nothing looks at a block that is not handed in; brkm_check_heap() finds it. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    memset(block + size, 'A', 32);
}
