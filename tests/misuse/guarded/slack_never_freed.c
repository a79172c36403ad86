/* SPDX-License-Identifier: MIT
 * As slack_past_end, of a block that is never freed; found at exit.
 * Options: guard_sample:1,check_at_exit:true
 * Sizes: small
 * Says: write past the end, canary overwritten at ADDRESS (block of N bytes, called from exit)
 * Stacks: allocated */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    block[size] = 0;
}
