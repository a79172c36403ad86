/* SPDX-License-Identifier: MIT
 * A mapping of the program is given to malloc_usable_size.
 * Says: invalid pointer, not the start of a block in use at ADDRESS (called from
 * malloc_usable_size) */
#include "../misuse.h"

void misuse(size_t size)
{
    char *mine = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    malloc_usable_size(mine + 16);
}
