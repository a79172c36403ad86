/* SPDX-License-Identifier: MIT
 * See memory.h. */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_AT_FIRST 16

static void *or_end(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "%s: out of memory\n", program_name);
        exit(1);
    }
    return memory;
}

void *memory_zeroed(size_t count, size_t size)
{
    return or_end(calloc(count == 0 ? 1 : count, size));
}

void *memory_grow(void *elements, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return elements;
    }
    *capacity = *capacity == 0 ? CAPACITY_AT_FIRST : *capacity * 2;
    if (*capacity > SIZE_MAX / size) {
        return or_end(NULL);
    }
    return or_end(realloc(elements, *capacity * size));
}

char *memory_copy_text(const char *text)
{
    return or_end(strdup(text));
}
