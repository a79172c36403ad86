/* SPDX-License-Identifier: MIT
 *
 * _Fork, which runs no atfork handlers. The child goes on allocating, with one thread or several,
 * or executes another program; the parent does not notice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

#if !__GLIBC_PREREQ(2, 34)
static pid_t _Fork(void)
{
    puts("libc has no _Fork");
    exit(CHECK_SKIPPED);
}
#endif

static void child_allocates(unsigned seed)
{
    void *block = malloc(5000);
    pid_t child = _Fork();
    if (child == 0) {
        free(block);
        churn(seed, 500);
        _exit(door_done());
    }
    CHECK_CHILD(child);
    free(block);
}

static void child_executes(void)
{
    pid_t child = _Fork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK_CHILD(child);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (unsigned i = 0; i < 40; i++)
        child_allocates(i);
    busy_start(4);
    for (unsigned i = 0; i < 200; i++) {
        if (i % 2 == 0)
            child_allocates(i);
        else
            child_executes();
        churn(i, 50);
    }
    busy_stop();
    return door_done();
}
