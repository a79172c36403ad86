/* SPDX-License-Identifier: MIT
 * A mapped block is freed; the program maps memory at its address, writes the header back and
 * frees it again.
 * Sizes: mapped
 * Says: double free at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *block = malloc(size);
    unsigned char header[8];
    memcpy(header, header_of(block), 8);
    free(block);
    mmap(block - 16, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy(header_of(block), header, 8);
    free(block);
}
