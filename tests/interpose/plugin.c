/* SPDX-License-Identifier: MIT
 *
 * A library that allocates when it is loaded and unloaded, and for a thread's first use of its
 * thread-local array.
 */
#include <stdlib.h>
#include <string.h>

enum { kept = 200 };

static char *blocks[kept];
static _Thread_local char scratch[3000];

int plugin_use(char letter);

__attribute__((constructor)) static void load(void)
{
    for (size_t i = 0; i < kept; i++) {
        blocks[i] = malloc(i * 9 + 1);
        if (blocks[i] == NULL)
            abort();
        blocks[i][i * 9] = (char)i;
    }
}

__attribute__((destructor)) static void unload(void)
{
    for (size_t i = 0; i < kept; i++) {
        if (blocks[i][i * 9] != (char)i)
            abort();
        free(blocks[i]);
    }
}

int plugin_use(char letter)
{
    memset(scratch, letter, sizeof scratch);
    free(blocks[7]);
    blocks[7] =
        strdup("seven is replaced: a text of more than 63 bytes, so that index 63 is in it");
    if (blocks[7] == NULL)
        abort();
    blocks[7][63] = 7;
    return scratch[sizeof scratch - 1];
}
