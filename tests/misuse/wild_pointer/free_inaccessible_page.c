/* SPDX-License-Identifier: MIT
 * A page that nobody may read is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *page = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(page + 4096);
}
