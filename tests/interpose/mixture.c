/* SPDX-License-Identifier: MIT
 *
 * A bit of everything, for running under unusual circumstances: churn in one thread and in several,
 * large blocks, fork.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static void large_blocks(void)
{
    char *block = NULL;
    for (size_t size = 1000; size < 16u << 20; size *= 2) {
        block = realloc(block, size);
        CHECK_NOT_NULL(block);
        memset(block + size / 2, (int)(size >> 8), size / 2);
        CHECK_EQ_INT(block[size / 2], (char)(size >> 8));
    }
    free(block);
}

int main(int argc, char **argv)
{
    pid_t child;
    door_require(argc, argv);
    churn(1, 20000);
    large_blocks();
    busy_start(3);
    churn(2, 20000);
    child = fork();
    if (child == 0) {
        churn(3, 5000);
        _exit(door_done());
    }
    CHECK_CHILD(child);
    large_blocks();
    busy_stop();
    return door_done();
}
