/* SPDX-License-Identifier: MIT
 * A program whose malloc is brkmalloc, because it is linked with it. */
#include <brkmalloc/brkmalloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t before = brkm_mallinfo2().uordblks;
    void *memory = malloc(100000);
    printf("malloc(100000) took %zu bytes from brkmalloc's heap\n",
           brkm_mallinfo2().uordblks - before);
    free(memory);
    return 0;
}
