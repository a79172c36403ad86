/* SPDX-License-Identifier: MIT
 * Watches its own heap with the functions of glibc's <malloc.h>, which brkmalloc serves. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 1000

static void show(const char *when)
{
    struct mallinfo2 info = mallinfo2();
    printf("%-28s %8zu bytes in use, %8zu free, %8zu in caches, %8zu mapped\n", when, info.uordblks,
           info.fordblks, info.fsmblks, info.hblkhd);
}

int main(void)
{
    static char *blocks[BLOCKS];
    show("at the start");
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(100 + i);
        memset(blocks[i], 1, 100 + i);
    }
    show("1000 blocks");
    char *large = malloc(1 << 20);
    memset(large, 1, 1 << 20);
    show("and one of a megabyte");
    for (size_t i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    free(large);
    show("all freed");
    malloc_trim(0);
    show("after malloc_trim");

    puts("the same as XML:");
    return malloc_info(0, stdout);
}
