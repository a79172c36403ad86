/* SPDX-License-Identifier: MIT
 * See canary.h. */
#include "guard/canary.h"

#include <string.h>

#include "base/valgrind.h"
#include "system/os.h"

_Static_assert((TRAILER_MULTIPLIER * TRAILER_INVERSE << TRAILER_VALUE_SHIFT) ==
                   (uint64_t)1 << TRAILER_VALUE_SHIFT,
               "one undoes the other");

uint64_t brkm__trailer_secret;

const uint8_t brkm__trailer_masks[] = {
    [sizeof(struct trailer_canary)... sizeof(struct trailer_canary) + BLOCK_SLACK_MAX - 1] =
        UINT8_MAX};

void brkm__trailer_draw_secret(void)
{
    if (relaxed_load(brkm__trailer_secret) == 0) {
        /* Another multiple of the entropy than seals and links use. */
        relaxed_store(brkm__trailer_secret, (brkm__os_entropy() * 0xa0761d6478bd642fu) | 1);
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

void brkm__trailer_write(void *payload, size_t room, struct trailer trailer)
{
    uint64_t key = trailer_key(payload);
    bool is_needless = trailer_is_needless(room, trailer);
    unsigned char *end = (unsigned char *)payload + room - (is_needless ? 0 : TRAILER_SIZE);
    size_t slack = (size_t)(end - ((unsigned char *)payload + trailer.requested));
    annotate_ours((unsigned char *)payload + trailer.requested, room - trailer.requested);
    write_canary(end, slack, trailer_pattern(key));
    if (!is_needless) {
        uint64_t value = (uint64_t)trailer.marks << TRAILER_REQUEST_BITS | trailer.requested;
        store_word(end, trailer_word(key, value));
    }
    annotate_forgotten((unsigned char *)payload + trailer.requested, room - trailer.requested);
}

static bool read_tight(const void *payload, size_t room, struct trailer *trailer)
{
    size_t slack = block_slack(block_from_payload(payload));
    *trailer = (struct trailer){.requested = room - slack};
    return trailer_is_tight(payload, room, slack);
}

bool brkm__trailer_read(const void *payload, size_t room, struct trailer *trailer)
{
    enum block_state state = block_state(block_from_payload(payload));
    if (state == BLOCK_TIGHT) {
        return read_tight(payload, room, trailer);
    }
    if (state != BLOCK_WATCHED) {
        return false;
    }
    const unsigned char *end = (const unsigned char *)payload + room - TRAILER_SIZE;
    uint64_t key = trailer_key(payload);
    annotate_readable(end, TRAILER_SIZE);
    uint64_t word = load_word(end);
    annotate_forgotten(end, TRAILER_SIZE);
    uint64_t value = trailer_value(key, word);
    trailer->requested = value & (TRAILER_REQUEST_MAX - 1);
    trailer->marks = (unsigned)(value >> TRAILER_REQUEST_BITS);
    return ((word ^ key) & TRAILER_CANARY_MASK) == 0 &&
           (trailer->marks & ~(unsigned)TRAILER_MARKS_ALL) == 0 &&
           trailer->requested <= room - TRAILER_SIZE &&
           canary_is_whole(end, room - TRAILER_SIZE - trailer->requested, trailer_pattern(key));
}
