/* SPDX-License-Identifier: MIT
 * The links of a free block are made so that taking it out would write to the program's pointer.
 * Sizes: small medium large
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

static void *unlink_target;

void misuse(size_t size)
{
    char *block = freed_to_heap(size);
    ((void **)block)[0] = &unlink_target - 2;
    ((void **)block)[1] = &unlink_target - 1;
    malloc(size);
}
