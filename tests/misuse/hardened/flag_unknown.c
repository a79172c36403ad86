/* SPDX-License-Identifier: MIT
 * A flag that there is not appears in the header of a block, of whatever slack, and it is freed.
 * Options: hardened:true,guard_sample:0
 * Sizes: small medium large
 * Says: header overwritten at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size - (size_t)getpid() % 16);
    header_of(block)[4] ^= (unsigned char)(1u << (size_t)getpid() / 16 % 5);
    free(block);
}
