/* SPDX-License-Identifier: MIT
 * How many bytes the program asked for, of a watched block, and a canary right behind
 * them.
 *
 *   tight:         payload               requested        room
 *                  | the program's bytes | canary bytes   | next header, or the fencepost
 *
 *   with trailer:  payload               requested        room - 8    room
 *                  | the program's bytes | canary bytes   | trailer   | next header, ...
 *
 * `room` is what the block has for a payload. Of a tight block the state tells the request
 * (block.h): the mode costs it no memory. Where it has no byte too many, the canary is the guard of
 * the next header. The trailer is for blocks with more room, and with marks. Its lowest byte is a
 * canary byte; the other seven tell the request and the marks, mixed with the address and a secret:
 * a change of any bit makes another request of it, and nearly always an impossible one. */
#ifndef BRKMALLOC_GUARD_CANARY_H
#define BRKMALLOC_GUARD_CANARY_H

#include <string.h>

#include "base/base.h"
#include "base/valgrind.h"
#include "heap/block.h"

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

/* True when a block of `room` bytes is tight, once it is watched; others need TRAILER_SIZE bytes
 * behind those requested. */
static inline bool trailer_is_needless(size_t room, struct trailer trailer)
{
    return trailer.marks == 0 && room - trailer.requested <= BLOCK_SLACK_MAX;
}

/* The state of a watched block of which that is known. */
static inline enum block_state trailer_state(size_t room, struct trailer trailer)
{
    return trailer_is_needless(room, trailer) ? block_tight_state(room - trailer.requested)
                                              : BLOCK_WATCHED;
}

/* Writes canary and trailer; the state is the caller's to change. `room` is a multiple of 8, at
 * least 24, and trailer.requested less than TRAILER_REQUEST_MAX. */
void brkm__trailer_write(void *payload, size_t room, struct trailer trailer);

/* False when the block is not watched, or the trailer or a byte of the canary was overwritten. */
bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer);

/* Bytes. The trailer has 40 bits for the request. */
#define TRAILER_REQUEST_BITS 40
#define TRAILER_REQUEST_MAX ((size_t)1 << TRAILER_REQUEST_BITS)

/* ---- The words of a trailer ---- */

/* Secret of the process, never 0 once drawn. Whoever draws it again stores the same value
 * (relaxed_load, relaxed_store). */
extern uint64_t brkm__trailer_secret BRKM_HIDDEN;

/* False as long as no block was ever watched. */
static inline bool trailer_is_in_use(void)
{
    return relaxed_load(brkm__trailer_secret) != 0;
}

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

/* ---- Tight blocks, of any slack in the same steps ---- */

/* The last bytes of a tight block, as many as it can have too many. */
struct trailer_canary {
    uint64_t words[3];
};

_Static_assert(sizeof(struct trailer_canary) > BLOCK_SLACK_MAX &&
                   sizeof(struct trailer_canary) <= BRKM_MIN_BLOCK - BRKM_HEADER_SIZE,
               "each block has them, and any slack is among them");

/* At `slack`: which of them are canary. */
extern const uint8_t
    brkm__trailer_masks[BLOCK_SLACK_MAX + sizeof(struct trailer_canary)] BRKM_HIDDEN;

static BRKM_ALWAYS_INLINE struct trailer_canary trailer_mask(size_t slack)
{
    struct trailer_canary mask;
    memcpy(&mask, brkm__trailer_masks + slack, sizeof(mask));
    return mask;
}

/* What is at the end of a tight block. */
struct trailer_image {
    const char *last; /* the bytes that `canary` tells; those that are the program's count as 0 */
    size_t slack;
    struct trailer_canary canary;
};

/* brkm__trailer_write into a block whose bytes are not the program's yet. */
static BRKM_ALWAYS_INLINE struct trailer_image trailer_write_tight(void *payload, size_t room,
                                                                   size_t requested)
{
    struct trailer_image image = {.slack = room - requested};
    char *last = (char *)payload + room - sizeof(image.canary);
    struct trailer_canary mask = trailer_mask(image.slack);
    uint64_t pattern = trailer_pattern(trailer_key(payload));
    for (unsigned i = 0; i < 3; i++) {
        image.canary.words[i] = pattern & mask.words[i];
    }
    annotate_ours(last, sizeof(image.canary));
    memcpy(last, &image.canary, sizeof(image.canary));
    image.last = last;
    return image;
}

static BRKM_ALWAYS_INLINE struct trailer_canary trailer_load_last(const char *last, size_t slack)
{
    struct trailer_canary found;
    const char *start = last + sizeof(found) - slack;
    annotate_readable(start, slack);
    memcpy(&found, last, sizeof(found));
    annotate_forgotten(start, slack);
    return found;
}

/* True when that is there still. */
static BRKM_ALWAYS_INLINE bool trailer_is_as(const struct trailer_image *image)
{
    struct trailer_canary mask = trailer_mask(image->slack);
    struct trailer_canary found = trailer_load_last(image->last, image->slack);
    uint64_t difference = 0;
    for (unsigned i = 0; i < 3; i++) {
        difference |= (found.words[i] & mask.words[i]) ^ image->canary.words[i];
    }
    return difference == 0;
}

/* True when the canary of a tight block is whole. */
static BRKM_ALWAYS_INLINE bool trailer_is_tight(const void *payload, size_t room, size_t slack)
{
    struct trailer_canary mask = trailer_mask(slack);
    struct trailer_canary found =
        trailer_load_last((const char *)payload + room - sizeof(found), slack);
    uint64_t pattern = trailer_pattern(trailer_key(payload));
    uint64_t difference = 0;
    for (unsigned i = 0; i < 3; i++) {
        difference |= (found.words[i] ^ pattern) & mask.words[i];
    }
    return difference == 0;
}

#endif
