/* SPDX-License-Identifier: MIT
 * Memory that is cleared, or seen to be clear, in words of two registers: blocks are too
 * small for the calls and the choice of a method that memset and memcmp come with. */
#ifndef BRKMALLOC_BASE_CLEAR_H
#define BRKMALLOC_BASE_CLEAR_H

#include <string.h>

#include "base/base.h"

/* Sixteen bytes, which every machine we build for reads and writes at once. */
typedef uint64_t clear_word __attribute__((vector_size(16), may_alias));

#define CLEAR_WORD sizeof(clear_word)

/* Bytes from which memset is faster. */
#define CLEAR_INLINE_MAX ((size_t)256)

/* Both: `start` is a payload, and `size` a multiple of 8. */
static BRKM_ALWAYS_INLINE bool is_clear(const void *start, size_t size)
{
    const clear_word *word = start;
    const clear_word *end = (const clear_word *)((uintptr_t)start + align_down(size, CLEAR_WORD));
    clear_word bits = {0, 0};
    for (; end - word >= 4; word += 4) {
        bits |= (word[0] | word[1]) | (word[2] | word[3]);
    }
    for (; word != end; word++) {
        bits |= *word;
    }
    uint64_t rest = 0;
    if (size % CLEAR_WORD != 0) {
        memcpy(&rest, word, sizeof(rest));
    }
    return (bits[0] | bits[1] | rest) == 0;
}

static BRKM_ALWAYS_INLINE void clear(void *start, size_t size)
{
    if (unlikely(size > CLEAR_INLINE_MAX)) {
        memset(start, 0, size);
        return;
    }
    clear_word *word = start;
    clear_word *end = (clear_word *)((uintptr_t)start + align_down(size, CLEAR_WORD));
    for (; word != end; word++) {
        *word = (clear_word){0, 0};
        /* Or the compiler makes a call of it. */
        forget_value(word);
    }
    if (size % CLEAR_WORD != 0) {
        memset(word, 0, sizeof(uint64_t));
    }
}

#endif
