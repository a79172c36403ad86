/* SPDX-License-Identifier: MIT
 * From a block of no bytes.
 * Options: hardened:true
 * Sizes: small
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    (void)size;
    char *block = malloc(0);
    char byte = *(volatile char *)block;
    free(block - byte);
}
