/* SPDX-License-Identifier: MIT
 * The shared library of sites.c. */
#include <stdlib.h>

#include "sites.h"

__attribute__((noinline)) void *library_site(size_t size)
{
    void *block = malloc(size);
    __asm__ volatile("" : "+r"(block));
    return block;
}

__attribute__((noinline)) void short_site_of_library(void)
{
    free(malloc(24));
    __asm__ volatile("");
}
