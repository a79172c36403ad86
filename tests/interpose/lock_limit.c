/* SPDX-License-Identifier: MIT
 *
 * mlockall(MCL_FUTURE) with a small limit: the kernel answers EAGAIN where it has no more locked
 * memory to give, and the program sees NULL and ENOMEM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"
#include "limits.h"

int main(int argc, char **argv)
{
    struct rlimit limit;
    void *list = NULL;
    door_require(argc, argv);
    CHECK_EQ_INT(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
    if (limit.rlim_max > 24u << 20)
        limit.rlim_max = 24u << 20;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < 4u << 20 || setrlimit(RLIMIT_MEMLOCK, &limit) != 0) {
        puts("too little memory may be locked here");
        return CHECK_SKIPPED;
    }
    /* Root's locked memory has no limit. */
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        puts("the user cannot be changed here");
        return CHECK_SKIPPED;
    }
    CHECK_EQ_INT(mlockall(MCL_FUTURE), 0);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1u << 20; size >= 16; size /= 4) {
            size_t got = exhaust(&list, size);
            check_note("size", size);
            if (size == 1u << 20)
                CHECK_GE_UINT(got, 2);
        }
        release_all(&list);
    }
    CHECK_EQ_INT(munlockall(), 0);
    churn(1, 5000);
    return door_done();
}
