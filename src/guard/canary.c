/* SPDX-License-Identifier: MIT
 * See canary.h. */
#include "guard/canary.h"

#include <string.h>

#include "base/valgrind.h"
#include "kit/secret.h"

_Static_assert((CANARY_MULTIPLIER * CANARY_INVERSE << CANARY_VALUE_SHIFT) ==
                   (uint64_t)1 << CANARY_VALUE_SHIFT,
               "one undoes the other");

uint64_t brkm__canary_secret;

const uint8_t brkm__canary_masks[] = {
    [sizeof(struct canary_bytes)... sizeof(struct canary_bytes) + BLOCK_SLACK_MAX - 1] = UINT8_MAX};

void brkm__canary_draw_secret(void)
{
    if (relaxed_load(brkm__canary_secret) == 0) {
        relaxed_store(brkm__canary_secret, brkm__secret(SECRET_CANARY, 0) | 1);
    }
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

void brkm__canary_write(void *payload, size_t room, struct canary canary)
{
    uint64_t key = canary_key(payload);
    bool is_needless = canary_needs_no_trailer(room, canary);
    unsigned char *end = (unsigned char *)payload + room - (is_needless ? 0 : CANARY_TRAILER_SIZE);
    size_t slack = (size_t)(end - ((unsigned char *)payload + canary.requested));
    annotate_ours((unsigned char *)payload + canary.requested, room - canary.requested);
    write_canary(end, slack, canary_pattern(key));
    if (!is_needless) {
        uint64_t value = (uint64_t)canary.marks << CANARY_REQUEST_BITS | canary.requested;
        store_word(end, canary_word(key, value));
    }
    annotate_forgotten((unsigned char *)payload + canary.requested, room - canary.requested);
}

static bool read_tight(const void *payload, size_t room, struct canary *canary)
{
    size_t slack = block_slack(block_from_payload(payload));
    *canary = (struct canary){.requested = room - slack};
    return canary_tight_is_whole(payload, room, slack);
}

bool brkm__canary_read(const void *payload, size_t room, struct canary *canary)
{
    enum block_state state = block_state(block_from_payload(payload));
    if (state == BLOCK_TIGHT) {
        return read_tight(payload, room, canary);
    }
    if (state != BLOCK_WATCHED) {
        return false;
    }
    const unsigned char *end = (const unsigned char *)payload + room - CANARY_TRAILER_SIZE;
    uint64_t key = canary_key(payload);
    annotate_readable(end, CANARY_TRAILER_SIZE);
    uint64_t word = load_word(end);
    annotate_forgotten(end, CANARY_TRAILER_SIZE);
    uint64_t value = canary_value(key, word);
    canary->requested = value & (CANARY_REQUEST_MAX - 1);
    canary->marks = (unsigned)(value >> CANARY_REQUEST_BITS);
    return ((word ^ key) & CANARY_BYTE_MASK) == 0 &&
           (canary->marks & ~(unsigned)CANARY_MARKS_ALL) == 0 &&
           canary->requested <= room - CANARY_TRAILER_SIZE &&
           canary_is_whole(end, room - CANARY_TRAILER_SIZE - canary->requested,
                           canary_pattern(key));
}
