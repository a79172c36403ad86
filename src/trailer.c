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

/* None of the bytes that go over an end most often, so that these are told for certain: no letter
 * of text, no terminator, not the 255 of a small negative number. */
static uint8_t canary_byte(uint64_t key)
{
    uint8_t byte = (uint8_t)(key >> VALUE_BITS) | 0x80;
    return byte != UINT8_MAX ? byte : 0xb5;
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

#define WORD_SIZE sizeof(uint64_t)

static uint64_t load_word(const unsigned char *address)
{
    uint64_t word;
    memcpy(&word, address, sizeof(word));
    return word;
}

static void store_word(unsigned char *address, uint64_t word)
{
    memcpy(address, &word, sizeof(word));
}

static uint64_t pattern_of(uint8_t byte)
{
    return byte * UINT64_C(0x0101010101010101);
}

/* The bytes of a word that are canary when `slack` bytes, fewer than a word has, end with it. All
 * machines we build for are little-endian. */
static uint64_t mask_of(size_t slack)
{
    return ~(UINT64_MAX >> 8 * slack);
}

/* The canary is written and verified in whole words that end where the trailer begins, and part of
 * a word in front of them: every room is larger than a trailer and a word. */
static void write_canary(unsigned char *end, size_t slack, uint64_t pattern)
{
    for (; unlikely(slack >= WORD_SIZE); slack -= WORD_SIZE) {
        end -= WORD_SIZE;
        store_word(end, pattern);
    }
    memset(end - slack, (int)(pattern & UINT8_MAX), slack);
}

static bool canary_is_whole(const unsigned char *end, size_t slack, uint64_t pattern)
{
    uint64_t difference = 0;
    annotate_readable(end - slack, slack);
    const unsigned char *word = end;
    size_t left = slack;
    for (; unlikely(left >= WORD_SIZE); left -= WORD_SIZE) {
        word -= WORD_SIZE;
        difference |= load_word(word) ^ pattern;
    }
    if (left != 0) {
        difference |= (load_word(word - WORD_SIZE) ^ pattern) & mask_of(left);
    }
    annotate_forgotten(end - slack, slack);
    return difference == 0;
}

void brkm__trailer_write(void *payload, size_t room, struct trailer trailer)
{
    uint64_t key = key_for(payload);
    uint8_t byte = canary_byte(key);
    uint64_t value = (uint64_t)trailer.marks << REQUEST_BITS | trailer.requested;
    unsigned char *end = (unsigned char *)payload + room - TRAILER_SIZE;
    size_t slack = room - TRAILER_SIZE - trailer.requested;
    annotate_ours(end - slack, slack + TRAILER_SIZE);
    write_canary(end, slack, pattern_of(byte));
    store_word(end, mix(value ^ (key & VALUE_MASK)) << 8 | byte);
}

bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer)
{
    const unsigned char *end = (const unsigned char *)payload + room - TRAILER_SIZE;
    uint64_t key = key_for(payload);
    uint8_t byte = canary_byte(key);
    annotate_readable(end, TRAILER_SIZE);
    uint64_t word = load_word(end);
    annotate_forgotten(end, TRAILER_SIZE);
    uint64_t value = unmix(word >> 8) ^ (key & VALUE_MASK);
    trailer->requested = value & (TRAILER_REQUEST_MAX - 1);
    trailer->marks = (unsigned)(value >> REQUEST_BITS);
    return (uint8_t)word == byte && (trailer->marks & ~(unsigned)TRAILER_MARKS_ALL) == 0 &&
           trailer->requested <= room - TRAILER_SIZE &&
           canary_is_whole(end, room - TRAILER_SIZE - trailer->requested, pattern_of(byte));
}
