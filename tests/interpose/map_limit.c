/* SPDX-License-Identifier: MIT
 *
 * The process has as many mappings as the kernel grants. Small blocks go on coming from the break,
 * large ones are given or refused cleanly, and free keeps errno although munmap cannot split a
 * mapping any more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { most = 1100000, large_count = 64, large_size = 300000, small_count = 20000 };

static char *mapped[most];
static char *large[large_count];

static void free_large(int parity)
{
    for (int i = parity; i < large_count; i += 2) {
        errno = EBADMSG;
        free(large[i]);
        CHECK_EQ_INT(errno, EBADMSG);
        large[i] = NULL;
    }
}

/* Every second page has another protection, so that no two mappings become one. */
static int use_up(void)
{
    int count = 0;
    while (count < most) {
        int protection = count % 2 == 0 ? PROT_NONE : PROT_READ;
        char *page = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            break;
        mapped[count++] = page;
    }
    return count;
}

static void small_blocks(int may_fail)
{
    static char *blocks[small_count];
    for (int i = 0; i < small_count; i++) {
        errno = 0;
        blocks[i] = malloc(1000);
        if (may_fail && blocks[i] == NULL) {
            CHECK_EQ_INT(errno, ENOMEM);
            continue;
        }
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], i, 1000);
    }
    for (int i = 0; i < small_count; i++) {
        if (blocks[i] != NULL)
            CHECK_EQ_INT(blocks[i][999], (char)i);
        errno = EBADMSG;
        free(blocks[i]);
        CHECK_EQ_INT(errno, EBADMSG);
    }
}

int main(int argc, char **argv)
{
    int count;
    door_require(argc, argv);
    for (int i = 0; i < large_count; i++) {
        large[i] = malloc(large_size);
        CHECK_NOT_NULL(large[i]);
        memset(large[i], i, large_size);
    }
    count = use_up();
    if (count == most) {
        puts("the kernel grants more mappings than this test can use up");
        return CHECK_SKIPPED;
    }
    free_large(1);
    small_blocks(1);
    free(realloc(malloc(10), 5000000));
    /* The kernel counts one too many before it refuses; at the bound itself the break can grow. */
    for (int i = 0; i < 8; i++)
        CHECK_EQ_INT(munmap(mapped[--count], 4096), 0);
    small_blocks(0);
    for (int i = 0; i < large_count; i += 2)
        CHECK_EQ_INT(large[i][large_size - 1], (char)i);
    free_large(0);
    while (count > 0)
        CHECK_EQ_INT(munmap(mapped[--count], 4096), 0);
    small_blocks(0);
    churn(1, 20000);
    return door_done();
}
