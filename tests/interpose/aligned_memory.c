/* SPDX-License-Identifier: MIT
 * Blocks whose size is their alignment have little more resident than their own bytes; they are
 * resized, freed and given back as others are, by other threads and in the child of a fork, too.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "../support/resident.h"

#define MIB ((size_t)1 << 20)

/* Bytes of all blocks of one size. */
#define LIVE (20 * MIB)

static void *place(size_t alignment, size_t size)
{
    void *block = NULL;
    CHECK_EQ_INT(posix_memalign(&block, alignment, size), 0);
    CHECK_EQ_UINT((uintptr_t)block % alignment, 0);
    CHECK_GE_UINT(malloc_usable_size(block), size);
    return block;
}

static void *free_half(void *argument)
{
    char **blocks = argument;
    for (size_t i = 1; blocks[i] != NULL; i += 2) {
        free(blocks[i]);
    }
    return NULL;
}

/* An even number of blocks, and two NULLs behind them; another thread frees every second one. */
static void free_all(char **blocks, size_t count)
{
    pthread_t thread;
    CHECK_EQ_INT(pthread_create(&thread, NULL, free_half, blocks), 0);
    for (size_t i = 0; i < count; i += 2) {
        free(blocks[i]);
    }
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
}

/* Resident bytes are at most `percent` of the live ones. */
static void costs_little(size_t size, size_t percent)
{
    size_t count = LIVE / size / 2 * 2;
    char **blocks = malloc((count + 2) * sizeof(*blocks));
    check_note("size", size);
    memset(blocks, 1, (count + 2) * sizeof(*blocks));
    size_t before = resident();
    for (size_t i = 0; i < count; i++) {
        blocks[i] = place(size, size);
        memset(blocks[i], 1, size);
    }
    CHECK_LE_UINT((resident() - before) / (LIVE / 100), percent);
    blocks[count] = blocks[count + 1] = NULL;
    free_all(blocks, count);
    free(blocks);
    malloc_trim(0);
    CHECK_LE_UINT(resident(), before + MIB);
}

static void can_be_resized(void)
{
    for (size_t alignment = 64; alignment <= 16384; alignment *= 2) {
        char *block = place(alignment, 2 * alignment);
        check_note("alignment", alignment);
        memset(block, 7, 2 * alignment);
        CHECK_EQ_PTR(realloc(block, 2 * alignment - 7), block);
        block = realloc(block, 5 * alignment);
        CHECK_NOT_NULL(block);
        for (size_t i = 0; i < 2 * alignment - 7; i++) {
            CHECK_EQ_INT(block[i], 7);
        }
        free(block);
        block = realloc(memset(place(alignment, alignment), 9, alignment), 10);
        CHECK_EQ_INT(block[9], 9);
        CHECK_EQ_PTR(realloc(block, 0), NULL);
    }
}

static void child_goes_on(void)
{
    enum { count = 40 };
    char *blocks[count];
    for (size_t i = 0; i < count; i++) {
        blocks[i] = memset(place(4096, 4096), (int)i, 4096);
    }
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < count; i++) {
            if (blocks[i][4095] != (char)i) {
                _exit(1);
            }
            free(blocks[i]);
            free(place(4096, 4096));
        }
        _exit(0);
    }
    int status;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
    for (size_t i = 0; i < count; i++) {
        free(blocks[i]);
    }
}

static void figures_agree(void)
{
    struct mallinfo2 before = mallinfo2();
    void *block = place(4096, 8192);
    struct mallinfo2 during = mallinfo2();
    CHECK_GE_UINT(during.uordblks, before.uordblks + 8192);
    CHECK_LE_UINT(during.uordblks, before.uordblks + 2 * 8192);
    CHECK_EQ_UINT(during.uordblks + during.fordblks, during.arena);
    free(block);
    CHECK_LE_UINT(mallinfo2().uordblks, before.uordblks);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    figures_agree();
    can_be_resized();
    child_goes_on();
    costs_little(64, 125);
    costs_little(128, 125);
    costs_little(256, 125);
    costs_little(1024, 125);
    costs_little(4096, 102);
    costs_little(8192, 102);
    return door_done();
}
