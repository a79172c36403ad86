/* SPDX-License-Identifier: MIT
 * A copy of a string, which libc allocates, is freed twice.
 * Ways: preload static
 * Says: double free at ADDRESS (block of NUMBER bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *text = strdup("sixteen and more bytes");
    free(text);
    free(text);
}
