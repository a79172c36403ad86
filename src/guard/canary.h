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

#define CANARY_TRAILER_SIZE ((size_t)8)

/* What else is known of a watched block. */
enum canary_mark {
    /* The recorder has a note of it. */
    CANARY_MARK_NOTED = 1,
    CANARY_MARKS_ALL = 1,
};

struct canary {
    size_t requested; /* bytes */
    unsigned marks;   /* of enum canary_mark */
};

/* Draws the secret unless that is done. */
void brkm__canary_draw_secret(void);

/* True when a block of `room` bytes is tight, once it is watched; others need CANARY_TRAILER_SIZE
 * bytes behind those requested. */
static inline bool canary_needs_no_trailer(size_t room, struct canary canary)
{
    return canary.marks == 0 && room - canary.requested <= BLOCK_SLACK_MAX;
}

/* The state of a watched block of which that is known. */
static inline enum block_state canary_state(size_t room, struct canary canary)
{
    return canary_needs_no_trailer(room, canary) ? block_tight_state(room - canary.requested)
                                                 : BLOCK_WATCHED;
}

/* Writes canary and trailer; the state is the caller's to change. `room` is a multiple of 8, at
 * least 24, and trailer.requested less than CANARY_REQUEST_MAX. */
void brkm__canary_write(void *payload, size_t room, struct canary canary);

/* False when the block is not watched, or the trailer or a byte of the canary was overwritten. */
bool brkm__canary_read(const void *payload, size_t room, struct canary *canary);

/* Bytes. The trailer has 40 bits for the request. */
#define CANARY_REQUEST_BITS 40
#define CANARY_REQUEST_MAX ((size_t)1 << CANARY_REQUEST_BITS)

/* ---- The words of a trailer ---- */

/* Secret of the process, never 0 once drawn. Whoever draws it again stores the same value
 * (relaxed_load, relaxed_store). */
extern uint64_t brkm__canary_secret BRKM_HIDDEN;

/* False as long as no block was ever watched. */
static inline bool canary_is_in_use(void)
{
    return relaxed_load(brkm__canary_secret) != 0;
}

#define CANARY_BYTE_MASK ((uint64_t)UINT8_MAX)

/* What the trailer of the block at `payload` is mixed with. Its lowest byte is the canary byte,
 * which is none of those that go over an end most often, so that these are told for certain: no
 * letter of text, no terminator, not the 255 of a small negative number. */
static BRKM_ALWAYS_INLINE uint64_t canary_key(const void *payload)
{
    uint64_t key = ((uintptr_t)payload ^ relaxed_load(brkm__canary_secret)) * 0xe7037ed1a0b428dbu;
    key ^= key >> 32;
    uint64_t byte = (key & CANARY_BYTE_MASK) | 0x80;
    byte = byte != UINT8_MAX ? byte : 0xb5;
    return (key & ~CANARY_BYTE_MASK) | byte;
}

/* Eight canary bytes. */
static BRKM_ALWAYS_INLINE uint64_t canary_pattern(uint64_t key)
{
    return (key & CANARY_BYTE_MASK) * UINT64_C(0x0101010101010101);
}

/* Odd, 2^56 divided by the golden ratio; and its inverse modulo 2^56. */
#define CANARY_MULTIPLIER ((uint64_t)0x9e3779b97f4a7d)
#define CANARY_INVERSE ((uint64_t)0x3142d32a1bfed5)

/* The value, request and marks, is a number of 56 bits that stands above the canary byte: what the
 * multiplications push out is what modulo 2^56 takes away. */
#define CANARY_VALUE_SHIFT 8

/* A bijection in which every bit of the result depends on low and on high bits: half of the value
 * is folded into the other half between two multiplications. */
static BRKM_ALWAYS_INLINE uint64_t canary_fold(uint64_t value)
{
    return value ^ (value >> (CANARY_VALUE_SHIFT + 28) << CANARY_VALUE_SHIFT);
}

/* The trailer for a value of 56 bits, and back. */
static BRKM_ALWAYS_INLINE uint64_t canary_word(uint64_t key, uint64_t value)
{
    uint64_t mixed = canary_fold((value << CANARY_VALUE_SHIFT) * CANARY_MULTIPLIER);
    return mixed * CANARY_MULTIPLIER ^ key;
}

static BRKM_ALWAYS_INLINE uint64_t canary_value(uint64_t key, uint64_t word)
{
    uint64_t mixed = canary_fold(((word ^ key) & ~CANARY_BYTE_MASK) * CANARY_INVERSE);
    return mixed * CANARY_INVERSE >> CANARY_VALUE_SHIFT;
}

/* ---- Tight blocks, of any slack in the same steps ---- */

/* The last bytes of a tight block, as many as it can have too many. */
struct canary_bytes {
    uint64_t words[3];
};

_Static_assert(sizeof(struct canary_bytes) > BLOCK_SLACK_MAX &&
                   sizeof(struct canary_bytes) <= BRKM_MIN_BLOCK - BRKM_HEADER_SIZE,
               "each block has them, and any slack is among them");

/* At `slack`: which of them are canary. */
extern const uint8_t brkm__canary_masks[BLOCK_SLACK_MAX + sizeof(struct canary_bytes)] BRKM_HIDDEN;

static BRKM_ALWAYS_INLINE struct canary_bytes canary_mask(size_t slack)
{
    struct canary_bytes mask;
    memcpy(&mask, brkm__canary_masks + slack, sizeof(mask));
    return mask;
}

/* What is at the end of a tight block. */
struct canary_image {
    const char *last; /* the bytes that `canary` tells; those that are the program's count as 0 */
    size_t slack;
    struct canary_bytes canary;
};

/* brkm__canary_write into a block whose bytes are not the program's yet. */
static BRKM_ALWAYS_INLINE struct canary_image canary_write_tight(void *payload, size_t room,
                                                                 size_t requested)
{
    struct canary_image image = {.slack = room - requested};
    char *last = (char *)payload + room - sizeof(image.canary);
    struct canary_bytes mask = canary_mask(image.slack);
    uint64_t pattern = canary_pattern(canary_key(payload));
    for (unsigned i = 0; i < 3; i++) {
        image.canary.words[i] = pattern & mask.words[i];
    }
    annotate_ours(last, sizeof(image.canary));
    memcpy(last, &image.canary, sizeof(image.canary));
    image.last = last;
    return image;
}

static BRKM_ALWAYS_INLINE struct canary_bytes canary_load_last(const char *last, size_t slack)
{
    struct canary_bytes found;
    const char *start = last + sizeof(found) - slack;
    annotate_readable(start, slack);
    memcpy(&found, last, sizeof(found));
    annotate_forgotten(start, slack);
    return found;
}

/* True when that is there still. */
static BRKM_ALWAYS_INLINE bool canary_is_as(const struct canary_image *image)
{
    struct canary_bytes mask = canary_mask(image->slack);
    struct canary_bytes found = canary_load_last(image->last, image->slack);
    uint64_t difference = 0;
    for (unsigned i = 0; i < 3; i++) {
        difference |= (found.words[i] & mask.words[i]) ^ image->canary.words[i];
    }
    return difference == 0;
}

/* True when the canary of a tight block is whole. */
static BRKM_ALWAYS_INLINE bool canary_tight_is_whole(const void *payload, size_t room, size_t slack)
{
    struct canary_bytes mask = canary_mask(slack);
    struct canary_bytes found =
        canary_load_last((const char *)payload + room - sizeof(found), slack);
    uint64_t pattern = canary_pattern(canary_key(payload));
    uint64_t difference = 0;
    for (unsigned i = 0; i < 3; i++) {
        difference |= (found.words[i] ^ pattern) & mask.words[i];
    }
    return difference == 0;
}

#endif
