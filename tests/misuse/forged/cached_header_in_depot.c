/* SPDX-License-Identifier: MIT
 * The blocks that a thread left behind when it ended get the headers back that they had in use.
 * Then others ask for blocks.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

enum { row = 100 };

static char *blocks[row];

static void *free_all(void *none)
{
    for (int i = 0; i < row; i++)
        free(blocks[i]);
    return none;
}

void misuse(size_t size)
{
    unsigned char headers[row][8];
    for (int i = 0; i < row; i++) {
        blocks[i] = malloc(size);
        memcpy(headers[i], header_of(blocks[i]), 8);
    }
    in_thread(free_all, NULL);
    for (int i = 0; i < row; i++)
        memcpy(header_of(blocks[i]), headers[i], 8);
    for (int i = 0; i < 10 * row; i++)
        malloc(size);
}
