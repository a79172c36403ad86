/* SPDX-License-Identifier: MIT
 * A program with two allocators: libc's malloc for everything, brkmalloc where it is asked for. */
#include <brkmalloc/brkmalloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t before = brkm_mallinfo2().uordblks;
    void *of_libc = malloc(100000);
    printf("malloc(100000) took %zu bytes from brkmalloc's heap, ",
           brkm_mallinfo2().uordblks - before);
    void *own = brkm_malloc(100000);
    printf("brkm_malloc(100000) took %zu\n", brkm_mallinfo2().uordblks - before);
    brkm_free(own);
    free(of_libc);
    return brkm_check_heap(); /* 0 when all is well */
}
