/* SPDX-License-Identifier: MIT
 *
 * Out of memory under RLIMIT_AS or RLIMIT_DATA, again and again with blocks of other sizes: always
 * NULL and ENOMEM, nothing damaged, and after freeing there is as much to be had as before.
 */
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"
#include "limits.h"

static const size_t room = 64u << 20;

/* Bytes that were to be had in blocks of this size. */
static size_t fill_and_empty(size_t size)
{
    void *list = NULL;
    size_t count = exhaust(&list, size);
    release_all(&list);
    return count * size;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {24, 100, 1000, 10000, 100000, 1000000};
    enum { size_count = sizeof sizes / sizeof sizes[0] };
    size_t first[size_count] = {0};
    const char *what = argc > 2 ? argv[2] : "";
    door_require(argc, argv);
    churn(1, 5000);
    limit_memory(what, room);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < size_count; i++) {
            size_t once = fill_and_empty(sizes[i]);
            size_t again = fill_and_empty(sizes[i]);
            check_note("size", sizes[i]);
            /* A header costs a 24-byte block at most half. */
            CHECK_GE_UINT(once, sizes[i] < 100 ? room / 2 : room / 4 * 3);
            CHECK_GE_UINT(again, once / 10 * 9);
            if (round == 0)
                first[i] = once;
            CHECK_GE_UINT(once, first[i] / 10 * 9);
            churn((unsigned)i, 2000);
        }
    unlimit_memory(what);
    churn(2, 5000);
    return door_done();
}
