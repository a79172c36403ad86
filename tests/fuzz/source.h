/* SPDX-License-Identifier: MIT
 *
 * The bytes that a fuzzer, a file of the corpus or a random generator gives to a target. Behind the
 * last there are zeros. */
#ifndef BRKM_TESTS_FUZZ_SOURCE_H
#define BRKM_TESTS_FUZZ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
    const uint8_t *bytes;
    size_t length;
};

/* What each target defines, as libFuzzer and AFL++ call it. Ends the process with a message on
 * standard error when something is found. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static inline bool source_is_empty(const struct source *source)
{
    return source->length == 0;
}

static inline uint8_t source_byte(struct source *source)
{
    if (source->length == 0) {
        return 0;
    }
    source->length--;
    return *source->bytes++;
}

static inline uint32_t source_number(struct source *source, unsigned bytes)
{
    uint32_t number = 0;
    while (bytes-- > 0) {
        number = number << 8 | source_byte(source);
    }
    return number;
}

/* A number below `bound`, from as many bytes as it takes. */
static inline uint32_t source_below(struct source *source, uint32_t bound)
{
    return source_number(source, bound <= 256 ? 1 : bound <= 65536 ? 2 : 4) % bound;
}

#endif
