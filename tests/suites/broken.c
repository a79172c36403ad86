/* SPDX-License-Identifier: MIT
 *
 * A malloc with one fault, which the suites' driver must find: calloc does not clear. Nothing is
 * ever reused, so that everything else works.
 */
#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 16, CHUNK = 1 << 20, FILL = 0xa5 };

static char *next;
static char *end;

static int enlarge(size_t size)
{
    size_t length = size + CHUNK;
    char *chunk = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        return 0;
    memset(chunk, FILL, length);
    next = chunk;
    end = chunk + length;
    return 1;
}

/* The size lies before the block. */
static void *take(size_t alignment, size_t size)
{
    size_t needed = size + 2 * alignment;
    if (needed < size || (needed > (size_t)(end - next) && !enlarge(needed))) {
        errno = ENOMEM;
        return NULL;
    }
    uintptr_t start = ((uintptr_t)next + 2 * alignment - 1) & ~(uintptr_t)(alignment - 1);
    char *block = next + (start - (uintptr_t)next);
    next = block + ((size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
    memcpy(block - sizeof size, &size, sizeof size);
    return block;
}

size_t malloc_usable_size(void *block)
{
    size_t size = 0;
    if (block != NULL)
        memcpy(&size, (char *)block - sizeof size, sizeof size);
    return size;
}

void *malloc(size_t size)
{
    return take(ALIGNMENT, size);
}

void *calloc(size_t count, size_t size)
{
    return take(ALIGNMENT, count * size);
}

void *realloc(void *old, size_t size)
{
    void *block = take(ALIGNMENT, size);
    size_t kept = malloc_usable_size(old);
    if (block != NULL && old != NULL)
        memcpy(block, old, kept < size ? kept : size);
    return block;
}

void *memalign(size_t alignment, size_t size)
{
    return take(alignment < ALIGNMENT ? ALIGNMENT : alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = memalign(alignment, size);
    return *block == NULL ? ENOMEM : 0;
}

void free(void *block)
{
    (void)block;
}
