/* SPDX-License-Identifier: MIT
 * A mapping of the program is given to realloc.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from realloc) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *mine = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    realloc(mine + 16, 2 * size);
}
