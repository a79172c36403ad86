/* SPDX-License-Identifier: MIT
 *
 * The bytes above the break need not be zero: the program used them and gave them back, and the
 * kernel clears whole pages only. calloc must not trust them.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

enum { kept = 2000 };

static void dirty_and_return(intptr_t size)
{
    char *start = sbrk(size);
    CHECK_NE_PTR(start, (void *)-1);
    memset(start, 0xff, (size_t)size);
    CHECK_NE_PTR(sbrk(-size), (void *)-1);
}

static void check_zero(const char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK_EQ_INT(block[i], 0);
}

int main(int argc, char **argv)
{
    static const intptr_t amounts[] = {1, 100, 1000, 4096, 5000, 200000, 1 << 20};
    static void *blocks[kept];
    door_require(argc, argv);
    for (size_t i = 0; i < kept; i++) {
        size_t size = 1 + i * 131 % 9000;
        if (i % 40 == 0) {
            /* An odd step first, so that the break stands inside a page. */
            CHECK_NE_PTR(sbrk(1 + (intptr_t)(i % 1000)), (void *)-1);
            dirty_and_return(amounts[i / 40 % 7]);
        }
        blocks[i] = calloc(1, size);
        check_note("size", size);
        CHECK_NOT_NULL(blocks[i]);
        check_zero(blocks[i], size);
        memset(blocks[i], 0xee, size);
    }
    for (size_t i = 0; i < kept; i++)
        free(blocks[i]);
    /* Shrink and grow again within a page. */
    for (int i = 0; i < 50; i++) {
        size_t size = 300000 + (size_t)i * 1001;
        char *block;
        malloc_trim(0);
        dirty_and_return(3000 + i);
        block = calloc(size, 1);
        CHECK_NOT_NULL(block);
        check_zero(block, size);
        memset(block, 0xee, size);
        free(block);
    }
    return door_done();
}
