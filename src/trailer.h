/* SPDX-License-Identifier: MIT
 * Layer 5: the trailer of a watched block: how many bytes the program asked for, and a canary right
 * behind them.
 *
 *   payload                  requested           room - 8      room
 *   | the program's bytes    | canary bytes      | trailer     | next header, or the fencepost
 *
 * `room` is what the block has for a payload. The trailer's lowest byte is a canary byte, so that
 * there is always one behind the last requested byte. The other seven tell the request and the
 * marks, mixed with the address and a secret: a change of any bit makes another request of it, and
 * nearly always an impossible one. */
#ifndef BRKMALLOC_TRAILER_H
#define BRKMALLOC_TRAILER_H

#include <string.h>

#include "annotate.h"
#include "base.h"

#define TRAILER_SIZE ((size_t)8)

/* What else is known of a watched block. */
enum trailer_mark {
    /* The heap profile has a record of it. */
    TRAILER_MARK_SAMPLED = 1,
    TRAILER_MARKS_ALL = 1,
};

struct trailer {
    size_t requested; /* bytes */
    unsigned marks;   /* of enum trailer_mark */
};

/* Draws the secret unless that is done. */
void brkm__trailer_draw_secret(void);

/* Writes canary and trailer. `room` is a multiple of 8, and trailer.requested at most
 * room - TRAILER_SIZE and less than TRAILER_REQUEST_MAX. */
void brkm__trailer_write(void *payload, size_t room, struct trailer trailer);

/* False when the trailer or a byte of the canary was overwritten. */
bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer);

/* Bytes. The trailer has 40 bits for the request. */
#define TRAILER_REQUEST_BITS 40
#define TRAILER_REQUEST_MAX ((size_t)1 << TRAILER_REQUEST_BITS)

/* ---- The words of a trailer ---- */

/* Secret of the process, never 0 once drawn. Whoever draws it again stores the same value
 * (relaxed_load, relaxed_store). */
extern uint64_t brkm__trailer_secret BRKM_HIDDEN;

#define TRAILER_CANARY_MASK ((uint64_t)UINT8_MAX)

/* What the trailer of the block at `payload` is mixed with. Its lowest byte is the canary byte,
 * which is none of those that go over an end most often, so that these are told for certain: no
 * letter of text, no terminator, not the 255 of a small negative number. */
static BRKM_ALWAYS_INLINE uint64_t trailer_key(const void *payload)
{
    uint64_t key = ((uintptr_t)payload ^ relaxed_load(brkm__trailer_secret)) * 0xe7037ed1a0b428dbu;
    key ^= key >> 32;
    uint64_t byte = (key & TRAILER_CANARY_MASK) | 0x80;
    byte = byte != UINT8_MAX ? byte : 0xb5;
    return (key & ~TRAILER_CANARY_MASK) | byte;
}

/* Eight canary bytes. */
static BRKM_ALWAYS_INLINE uint64_t trailer_pattern(uint64_t key)
{
    return (key & TRAILER_CANARY_MASK) * UINT64_C(0x0101010101010101);
}

/* Odd, 2^56 divided by the golden ratio; and its inverse modulo 2^56. */
#define TRAILER_MULTIPLIER ((uint64_t)0x9e3779b97f4a7d)
#define TRAILER_INVERSE ((uint64_t)0x3142d32a1bfed5)

/* The value, request and marks, is a number of 56 bits that stands above the canary byte: what the
 * multiplications push out is what modulo 2^56 takes away. */
#define TRAILER_VALUE_SHIFT 8

/* A bijection in which every bit of the result depends on low and on high bits: half of the value
 * is folded into the other half between two multiplications. */
static BRKM_ALWAYS_INLINE uint64_t trailer_fold(uint64_t value)
{
    return value ^ (value >> (TRAILER_VALUE_SHIFT + 28) << TRAILER_VALUE_SHIFT);
}

/* The trailer for a value of 56 bits, and back. */
static BRKM_ALWAYS_INLINE uint64_t trailer_word(uint64_t key, uint64_t value)
{
    uint64_t mixed = trailer_fold((value << TRAILER_VALUE_SHIFT) * TRAILER_MULTIPLIER);
    return mixed * TRAILER_MULTIPLIER ^ key;
}

static BRKM_ALWAYS_INLINE uint64_t trailer_value(uint64_t key, uint64_t word)
{
    uint64_t mixed = trailer_fold(((word ^ key) & ~TRAILER_CANARY_MASK) * TRAILER_INVERSE);
    return mixed * TRAILER_INVERSE >> TRAILER_VALUE_SHIFT;
}

/* ---- Blocks whose room is what the request was rounded to ---- */

/* Bytes of canary in front of the trailer, at most, of a block that is as small as its request
 * allows. */
#define TRAILER_TIGHT_SLACK ((size_t)15)

/* At `slack`: which of the last 16 bytes in front of a trailer are canary. */
extern const uint8_t brkm__trailer_masks[2 * (TRAILER_TIGHT_SLACK + 1)] BRKM_HIDDEN;

struct trailer_canary {
    uint64_t words[2];
};

/* What the last 16 bytes in front of the trailer are to be, apart from the program's bytes, which
 * count as 0. */
static BRKM_ALWAYS_INLINE struct trailer_canary trailer_tight_canary(uint64_t key, size_t slack)
{
    struct trailer_canary mask;
    memcpy(&mask, brkm__trailer_masks + slack, sizeof(mask));
    uint64_t pattern = trailer_pattern(key);
    return (struct trailer_canary){{pattern & mask.words[0], pattern & mask.words[1]}};
}

/* What is at the end of a block. */
struct trailer_image {
    const char *end; /* where the trailer begins */
    uint64_t word;
    size_t slack;
    struct trailer_canary canary;
};

/* brkm__trailer_write without marks into a block whose bytes are not the program's yet; there are
 * at most TRAILER_TIGHT_SLACK bytes too many, and the room is at least 24 bytes. */
static BRKM_ALWAYS_INLINE struct trailer_image trailer_write_tight(void *payload, size_t room,
                                                                   size_t requested)
{
    uint64_t key = trailer_key(payload);
    char *end = (char *)payload + room - TRAILER_SIZE;
    struct trailer_image image = {
        .end = end, .word = trailer_word(key, requested), .slack = room - TRAILER_SIZE - requested};
    image.canary = trailer_tight_canary(key, image.slack);
    annotate_ours(end - sizeof(image.canary), sizeof(image.canary) + TRAILER_SIZE);
    memcpy(end - sizeof(image.canary), &image.canary, sizeof(image.canary));
    memcpy(end, &image.word, sizeof(image.word));
    return image;
}

/* True when that is there still. */
static BRKM_ALWAYS_INLINE bool trailer_is_as(const struct trailer_image *image)
{
    struct trailer_canary mask, found;
    uint64_t word;
    annotate_readable(image->end - image->slack, image->slack + TRAILER_SIZE);
    memcpy(&word, image->end, sizeof(word));
    memcpy(&found, image->end - sizeof(found), sizeof(found));
    memcpy(&mask, brkm__trailer_masks + image->slack, sizeof(mask));
    annotate_forgotten(image->end - image->slack, image->slack + TRAILER_SIZE);
    return ((word ^ image->word) | ((found.words[0] & mask.words[0]) ^ image->canary.words[0]) |
            ((found.words[1] & mask.words[1]) ^ image->canary.words[1])) == 0;
}

/* True when the block has such a trailer, without marks, and nothing was overwritten. */
static BRKM_ALWAYS_INLINE bool trailer_is_tight(const void *payload, size_t room)
{
    const char *end = (const char *)payload + room - TRAILER_SIZE;
    uint64_t key = trailer_key(payload);
    struct trailer_canary mask, found;
    uint64_t word;
    annotate_readable(end, TRAILER_SIZE);
    memcpy(&word, end, sizeof(word));
    annotate_forgotten(end, TRAILER_SIZE);
    size_t slack = room - TRAILER_SIZE - trailer_value(key, word);
    if (unlikely(slack > TRAILER_TIGHT_SLACK || ((word ^ key) & TRAILER_CANARY_MASK) != 0)) {
        return false;
    }
    annotate_readable(end - slack, slack);
    memcpy(&found, end - sizeof(found), sizeof(found));
    memcpy(&mask, brkm__trailer_masks + slack, sizeof(mask));
    annotate_forgotten(end - slack, slack);
    uint64_t pattern = trailer_pattern(key);
    return (((found.words[0] ^ pattern) & mask.words[0]) |
            ((found.words[1] ^ pattern) & mask.words[1])) == 0;
}

#endif
