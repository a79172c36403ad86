/* SPDX-License-Identifier: MIT
 *
 * Runs one misuse: program NAME BYTES. */
#include "misuse.h"

#include <stdio.h>

/* ---- What the misuses share ---- */

enum { row = 64, given = 200 };

/* Bytes between one block's end and the next one's start, at the most. */
enum { between_blocks = 24 };

static _Noreturn void give_up(const char *why)
{
    puts(why);
    fflush(stdout);
    _exit(2);
}

struct pair neighbours(size_t size)
{
    char *blocks[row];
    for (int i = 0; i < row; i++)
        blocks[i] = malloc(size);
    for (int i = 1; i < row - 1; i++)
        for (int j = 1; j < row - 1; j++)
            if (blocks[j] > blocks[i] && blocks[j] <= blocks[i] + size + between_blocks)
                return (struct pair){blocks[i], blocks[j]};
    give_up("no two blocks are neighbours");
}

char *guarded_block(size_t size, enum border border)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < given; i++) {
        char *block = malloc(size);
        if (((size_t)block + (border == BORDER_AT_END ? size : 0)) % page == 0)
            return block;
        free(block);
    }
    give_up("no block borders a guard");
}

void empty_caches(void)
{
    malloc_trim(0);
}

char *freed_to_heap(size_t size)
{
    char *block = neighbours(size).front;
    free(block);
    empty_caches();
    return block;
}

void expect_never_given(const void *start, size_t length, size_t size)
{
    char *blocks[given];
    for (int i = 0; i < given; i++) {
        blocks[i] = malloc(size);
        if (blocks[i] + size > (const char *)start && blocks[i] < (const char *)start + length)
            give_up("memory in use was handed out");
    }
    for (int i = 0; i < given; i++)
        free(blocks[i]);
}

void in_thread(void *(*work)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, argument) != 0 || pthread_join(thread, NULL) != 0)
        give_up("no thread");
}

/* ---- The misuses by name ---- */

#define MISUSE(name) void name(size_t size);
#include "misuse_list.h"
#undef MISUSE

static const struct {
    const char *name;
    void (*commit)(size_t size);
} misuses[] = {
#define MISUSE(name) {#name, name},
#include "misuse_list.h"
#undef MISUSE
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: misuse NAME BYTES\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
        if (strcmp(misuses[i].name, argv[1]) == 0) {
            misuses[i].commit(strtoul(argv[2], NULL, 10));
            return 0;
        }
    fprintf(stderr, "there is no misuse %s\n", argv[1]);
    return 2;
}
