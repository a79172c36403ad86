/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "../support/door.h"

int api_is_ours(void)
{
#ifdef API_PREFIXED
    return 1;
#else
    return door_is_ours();
#endif
}

int api_has_no_options(void)
{
    const char *options = getenv("BRKMALLOC");
    return options == NULL || options[0] == '\0';
}

size_t api_sizes(size_t sizes[API_ROOM], size_t limit)
{
    static const int around[] = {-17, -16, -9, -8, -7, -1, 0, 1, 7, 8, 9, 16, 17};
    size_t count = 0;
    size_t power;
    sizes[count++] = 0;
    for (power = 1; power <= limit; power *= 2)
        for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
            size_t size = power + (size_t)around[i];
            if (size - 1 < limit && count < API_ROOM)
                sizes[count++] = size;
        }
    return count;
}

size_t api_impossible_sizes(size_t sizes[API_ROOM])
{
    static const size_t steps[] = {0,    1,    2,    7,     8,     9,     15,     16,   17,
                                   24,   31,   32,   33,    47,    48,    63,     64,   65,
                                   127,  128,  129,  511,   512,   513,   999,    1024, 4095,
                                   4096, 4097, 8191, 65535, 65536, 65537, 1 << 20};
    size_t count = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sizes[count++] = SIZE_MAX - steps[i];
        sizes[count++] = (size_t)PTRDIFF_MAX - steps[i];
        sizes[count++] = (size_t)PTRDIFF_MAX + 1 + steps[i];
    }
    /* Above every address space that user programs have. */
    for (unsigned bit = 57; bit < 64; bit++) {
        sizes[count++] = (size_t)1 << bit;
        sizes[count++] = ((size_t)1 << bit) - 1;
        sizes[count++] = ((size_t)1 << bit) + 1;
    }
    return count;
}

static const size_t dense_end = 8192;
static const size_t stride = 1021;

/* The offset after `offset` that a pattern covers. */
static size_t next_offset(size_t offset, size_t size)
{
    if (offset + 1 < dense_end || offset + dense_end >= size)
        return offset + 1;
    return offset + stride < size - dense_end ? offset + stride : size - dense_end;
}

static unsigned char pattern(size_t offset, unsigned seed)
{
    return (unsigned char)(offset * 7 + (offset >> 8) * 13 + seed * 31 + 1);
}

void api_fill(void *memory, size_t size, unsigned seed)
{
    unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i = next_offset(i, size))
        bytes[i] = pattern(i, seed);
}

int api_matches(const void *memory, size_t size, unsigned seed)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i = next_offset(i, size))
        if (bytes[i] != pattern(i, seed))
            return 0;
    return 1;
}

int api_is_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

unsigned api_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
