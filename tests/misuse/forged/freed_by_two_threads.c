/* SPDX-License-Identifier: MIT
 * A block is freed, its header written back, and another thread frees it; both allocate.
 * Sizes: small
 * Says: write after free, links of a free block overwritten at ADDRESS (called from malloc) */
#include "../misuse.h"

static void *free_it(void *block)
{
    free(block);
    return malloc(24);
}

void misuse(size_t size)
{
    struct pair pair = neighbours(size);
    char header[8];
    memcpy(header, header_of(pair.front), 8);
    free(pair.front);
    memcpy(header_of(pair.front), header, 8);
    in_thread(free_it, pair.front);
    malloc(size);
    expect_never_given(pair.behind, size, size);
}
