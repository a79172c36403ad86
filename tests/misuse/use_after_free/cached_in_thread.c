/* SPDX-License-Identifier: MIT
 * A block that a thread has in its cache is written to, found when the thread ends.
 * Sizes: small medium
 * Found: by libc's destructors, as the thread ends
 * Says: write after free, links of a free block overwritten at ADDRESS (called from a thread's end)
 */
#include "../misuse.h"

static void *write_late(void *block)
{
    free(block);
    memset(block, 'A', 16);
    return NULL;
}

void misuse(size_t size)
{
    in_thread(write_late, neighbours(size).front);
}
