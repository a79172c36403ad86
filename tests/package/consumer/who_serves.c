/* SPDX-License-Identifier: MIT
 * Prints "malloc" when brkmalloc serves malloc, otherwise "brkm_malloc only". Exit status 1 when it
 * does not serve brkm_malloc. */
#include <brkmalloc/brkmalloc.h>
#include <stdio.h>
#include <stdlib.h>

#define SIZE ((size_t)100000)

static size_t in_use(void)
{
    return brkm_mallinfo2().uordblks;
}

int main(void)
{
    size_t before = in_use();
    void *volatile from_libc = malloc(SIZE);
    size_t by_malloc = in_use() - before;
    void *volatile prefixed = brkm_malloc(SIZE);
    size_t by_both = in_use() - before;
    puts(by_malloc >= SIZE ? "malloc" : "brkm_malloc only");
    free(from_libc);
    brkm_free(prefixed);
    return by_both - by_malloc < SIZE;
}
