/* SPDX-License-Identifier: MIT
 * A mapping of the program is freed.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from free) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *mine = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(mine + 16);
}
