/* SPDX-License-Identifier: MIT
 *
 * The program moves the break itself, up by odd amounts and back down, between allocations. Neither
 * side may touch the other's bytes.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { rounds = 400, kept = 64 };

struct range {
    unsigned char *start;
    size_t size;
};

static struct range foreign[rounds];

static void check_foreign(int count)
{
    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < foreign[i].size; j++)
            CHECK_EQ_UINT(foreign[i].start[j], (unsigned char)(i + 3));
}

static void take(int i, size_t size)
{
    foreign[i].start = sbrk((intptr_t)size);
    CHECK_NE_PTR(foreign[i].start, (void *)-1);
    foreign[i].size = size;
    memset(foreign[i].start, i + 3, size);
}

/* Gives the newest range back when nobody has moved the break since. */
static void give_back(int i)
{
    if (sbrk(0) != foreign[i].start + foreign[i].size)
        return;
    CHECK_NE_PTR(sbrk(-(intptr_t)foreign[i].size), (void *)-1);
    foreign[i].size = 0;
}

int main(int argc, char **argv)
{
    static const size_t odd[] = {1, 3, 15, 17, 100, 4095, 4097, 12345, 70001};
    void *blocks[kept] = {NULL};
    door_require(argc, argv);
    for (int i = 0; i < rounds; i++) {
        size_t size = 1000 + (size_t)i * 997 % 120000;
        take(i, odd[i % 9]);
        churn((unsigned)i, 100);
        free(blocks[i % kept]);
        blocks[i % kept] = malloc(size);
        CHECK_NOT_NULL(blocks[i % kept]);
        CHECK_EQ_UINT((uintptr_t)blocks[i % kept] % 16, 0);
        memset(blocks[i % kept], 0xee, size);
        if (i % 3 == 0)
            give_back(i);
        if (i % 7 == 0)
            malloc_trim(0);
        if (i % 20 == 0)
            check_foreign(i + 1);
    }
    /* The break stands above the heap's end: freeing must not trim over the program's range. */
    take(rounds - 1, 100000);
    for (int i = 0; i < kept; i++)
        free(blocks[i]);
    malloc_trim(0);
    check_foreign(rounds);
    give_back(rounds - 1);
    churn(1, 5000);
    check_foreign(rounds);
    return door_done();
}
