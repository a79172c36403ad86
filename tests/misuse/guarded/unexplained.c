/* SPDX-License-Identifier: MIT
 * An option turns the explanation off.
 * Options: guard_sample:1,explain_faults:false
 * Sizes: guarded
 * Says: segmentation fault */
#include "../misuse.h"

void misuse(size_t size)
{
    volatile char *block = malloc(size);
    free((void *)block);
    block[0] = 'A';
}
