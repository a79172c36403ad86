/* SPDX-License-Identifier: MIT
 *
 * Another thread than those that allocate moves the break up and down, in turn with them, since
 * libc's sbrk itself is not for several threads at a time.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { rounds = 500, kept = 100 };

static pthread_barrier_t turn;

static void *move_break(void *unused)
{
    unsigned char *mine = NULL;
    size_t size = 0;
    (void)unused;
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&turn);
        for (size_t i = 0; i < size; i++)
            CHECK_EQ_UINT(mine[i], 0xa5);
        if (size != 0 && sbrk(0) == mine + size)
            CHECK_NE_PTR(sbrk(-(intptr_t)size), (void *)-1);
        size = (size_t)round * 977 % 30000;
        mine = sbrk((intptr_t)size);
        CHECK_NE_PTR(mine, (void *)-1);
        memset(mine, 0xa5, size);
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static char *blocks[kept];
    pthread_t mover;
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_barrier_init(&turn, NULL, 2), 0);
    CHECK_EQ_INT(pthread_create(&mover, NULL, move_break, NULL), 0);
    for (int round = 0; round < rounds; round++) {
        size_t size = 1000 + (size_t)round * 4099 % 200000;
        char **block = &blocks[round % kept];
        free(*block);
        *block = malloc(size);
        CHECK_NOT_NULL(*block);
        memset(*block, round, size);
        churn((unsigned)round, 30);
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        CHECK_EQ_INT((*block)[size - 1], (char)round);
    }
    CHECK_EQ_INT(pthread_join(mover, NULL), 0);
    return door_done();
}
