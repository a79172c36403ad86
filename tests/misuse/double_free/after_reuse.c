/* SPDX-License-Identifier: MIT
 * The cache gives a freed block to somebody else, whose block is freed by the first owner; then the
 * new owner frees it.
 * Sizes: small medium large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    char *reused = malloc(size);
    free(block);
    free(reused);
}
