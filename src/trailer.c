/* SPDX-License-Identifier: MIT
 * Layer 5: see trailer.h. */
#include "trailer.h"

#include <string.h>

#include "annotate.h"
#include "os.h"

/* The value is a number of 56 bits: 40 of the request, 16 of marks. */
#define REQUEST_BITS 40
#define VALUE_BITS 56
#define VALUE_MASK (((uint64_t)1 << VALUE_BITS) - 1)

/* Odd, 2^56 divided by the golden ratio; and its inverse modulo 2^56. */
#define MULTIPLIER ((uint64_t)0x9e3779b97f4a7d)
#define INVERSE ((uint64_t)0x3142d32a1bfed5)

_Static_assert((MULTIPLIER * INVERSE & VALUE_MASK) == 1, "one undoes the other");
_Static_assert(TRAILER_REQUEST_MAX == (size_t)1 << REQUEST_BITS, "requests fit");

/* Secret of the process, never 0 once drawn. Whoever draws it again stores the same value
 * (relaxed_load, relaxed_store). */
static uint64_t secret;

void brkm__trailer_draw_secret(void)
{
    if (relaxed_load(secret) == 0) {
        /* Another multiple of the entropy than seals and links use. */
        relaxed_store(secret, (brkm__os_entropy() * 0xa0761d6478bd642fu) | 1);
    }
}

static uint64_t key_for(const void *payload)
{
    uint64_t key = ((uintptr_t)payload ^ relaxed_load(secret)) * 0xe7037ed1a0b428dbu;
    return key ^ key >> 32;
}

/* Never 0: the byte that goes over the end most often is a string's terminator. */
static uint8_t canary_byte(uint64_t key)
{
    uint8_t byte = (uint8_t)(key >> VALUE_BITS);
    return byte != 0 ? byte : 0xb5;
}

/* A bijection in which every bit of the result depends on low and on high bits. */
static uint64_t mix(uint64_t value)
{
    value = value * MULTIPLIER & VALUE_MASK;
    value ^= value >> VALUE_BITS / 2;
    return value * MULTIPLIER & VALUE_MASK;
}

static uint64_t unmix(uint64_t value)
{
    value = value * INVERSE & VALUE_MASK;
    value ^= value >> VALUE_BITS / 2;
    return value * INVERSE & VALUE_MASK;
}

void brkm__trailer_write(void *payload, size_t room, struct trailer trailer)
{
    uint64_t key = key_for(payload);
    uint8_t byte = canary_byte(key);
    uint64_t value = (uint64_t)trailer.marks << REQUEST_BITS | trailer.requested;
    uint64_t word = mix(value ^ (key & VALUE_MASK)) << 8 | byte;
    size_t slack = room - TRAILER_SIZE - trailer.requested;
    unsigned char *canary = (unsigned char *)payload + trailer.requested;
    annotate_ours(canary, slack + TRAILER_SIZE);
    memset(canary, byte, slack);
    memcpy(canary + slack, &word, sizeof(word));
}

/* True when `size` bytes are `byte` each. */
static bool is_filled(const unsigned char *start, size_t size, uint8_t byte)
{
    uint64_t pattern = byte * UINT64_C(0x0101010101010101);
    uint64_t difference = 0;
    size_t i = 0;
    for (; i + sizeof(pattern) <= size; i += sizeof(pattern)) {
        uint64_t word;
        memcpy(&word, start + i, sizeof(word));
        difference |= word ^ pattern;
    }
    for (; i < size; i++) {
        difference |= start[i] ^ byte;
    }
    return difference == 0;
}

bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer)
{
    const unsigned char *end = (const unsigned char *)payload + room - TRAILER_SIZE;
    uint64_t key = key_for(payload);
    uint8_t byte = canary_byte(key);
    uint64_t word;
    annotate_readable(end, TRAILER_SIZE);
    memcpy(&word, end, sizeof(word));
    annotate_forgotten(end, TRAILER_SIZE);
    uint64_t value = unmix(word >> 8) ^ (key & VALUE_MASK);
    trailer->requested = value & (TRAILER_REQUEST_MAX - 1);
    trailer->marks = (unsigned)(value >> REQUEST_BITS);
    if ((uint8_t)word != byte || (trailer->marks & ~(unsigned)TRAILER_MARKS_ALL) != 0 ||
        trailer->requested > room - TRAILER_SIZE) {
        return false;
    }
    const unsigned char *canary = (const unsigned char *)payload + trailer->requested;
    size_t slack = (size_t)(end - canary);
    annotate_readable(canary, slack);
    bool is_whole = is_filled(canary, slack, byte);
    annotate_forgotten(canary, slack);
    return is_whole;
}
