/* SPDX-License-Identifier: MIT
 * Past the request, but not past what malloc_usable_size tells.
 * Sizes: small medium large
 * Not caught: the bytes up to the usable size are the program's, as glibc has it; a mark behind
 * each request would cost a store and a comparison per call. */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size - 4);
    memset(block, 'A', size);
    free(block);
}
