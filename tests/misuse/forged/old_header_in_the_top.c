/* SPDX-License-Identifier: MIT
 * Two blocks became part of the unused end of the heap; the header that the second had in use is
 * written back, and it is freed again.
 * Sizes: large
 * Says: double free at ADDRESS (block of N bytes, called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    neighbours(size);
    char *first = malloc(size), *second = malloc(size);
    unsigned char header[8];
    memcpy(header, header_of(second), 8);
    free(second);
    free(first);
    memcpy(header_of(second), header, 8);
    free(second);
}
