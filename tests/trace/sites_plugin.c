/* SPDX-License-Identifier: MIT
 * A plug-in of sites.c: 7 blocks of PLUGIN_SIZE bytes from the function PLUGIN_SITE, which stay. */
#include <stdlib.h>

void *PLUGIN_SITE(void);
void *plugin_run(void);

__attribute__((noinline)) void *PLUGIN_SITE(void)
{
    void *block = NULL;
    for (int i = 0; i < 7; i++) {
        block = malloc(PLUGIN_SIZE);
        __asm__ volatile("" : "+r"(block));
    }
    return block;
}

void *plugin_run(void)
{
    void *block = PLUGIN_SITE();
    __asm__ volatile("" : "+r"(block));
    return block;
}
