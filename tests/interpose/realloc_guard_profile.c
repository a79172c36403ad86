/* SPDX-License-Identifier: MIT
 * A program whose blocks grow and shrink with realloc, and that makes no mistake: contents stay and
 * all can be freed, also where one block is to be a sample of the heap profile and to be guarded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 200
#define LARGEST ((size_t)3000000)

/* C23's, which not every libc has. */
extern void free_sized(void *memory, size_t size) __attribute__((weak));

static int failures;

static void *resize(unsigned char *block, size_t old_size, size_t new_size, unsigned char byte)
{
    block = realloc(block, new_size);
    if (block == NULL) {
        perror("realloc");
        exit(1);
    }
    size_t kept = old_size < new_size ? old_size : new_size;
    if (kept != 0 && (block[0] != byte || block[kept / 2] != byte || block[kept - 1] != byte)) {
        failures++;
    }
    memset(block, byte, new_size);
    return block;
}

/* Also by steps so small that a block has room for several. */
static void grow_and_shrink(size_t size, size_t divisor)
{
    unsigned char byte = (unsigned char)size;
    unsigned char *block = NULL;
    size_t old_size = 0;
    for (; size < LARGEST; size += size / divisor) {
        block = resize(block, old_size, size, byte);
        old_size = size;
    }
    for (size = old_size / 3; size > 0; size /= 3) {
        block = resize(block, old_size, size, byte);
        old_size = size;
    }
    free(block);
}

/* The size that is told is the one that was asked for. */
static void free_with_size(void)
{
    for (size_t size = 1; size < LARGEST && free_sized != NULL; size += 1 + size / 100) {
        free_sized(malloc(size), size);
    }
}

int main(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        grow_and_shrink(64 + i % 100, i % 10 == 0 ? 16 : 2);
        free_with_size();
    }
    if (failures != 0) {
        fprintf(stderr, "%d blocks lost their contents\n", failures);
    }
    return failures == 0 ? 0 : 1;
}
