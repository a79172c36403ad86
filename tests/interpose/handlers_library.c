/* SPDX-License-Identifier: MIT
 *
 * A library whose constructor registers fork handlers that allocate.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int handlers_library_runs(void);

static int runs;

static void allocate(void)
{
    char *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        blocks[i] = malloc(i * i * 3 + 1);
        if (blocks[i] == NULL)
            abort();
        memset(blocks[i], (int)i, i * i * 3 + 1);
    }
    for (size_t i = 0; i < 100; i++)
        free(blocks[i]);
    runs++;
}

__attribute__((constructor)) static void load(void)
{
    if (pthread_atfork(allocate, allocate, allocate) != 0)
        abort();
}

int handlers_library_runs(void)
{
    return runs;
}
