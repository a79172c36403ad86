/* SPDX-License-Identifier: MIT
 * The block, its header and everything that may touch the header's fields.
 *
 *   in use or cached                         free
 *   +---------------+ block (8 mod 16)       +---------------+ block
 *   | seal          | 4 bytes                | seal          |
 *   | flags, size   | 4 bytes                | flags, size   |
 *   +---------------+ payload (0 mod 16)     +---------------+ payload
 *   |               |                        | next link     | 8 bytes
 *   | payload:      |                        | previous link | 8 bytes
 *   | size - 8      |                        | long size     | 16 bytes, blocks of 4 GiB and more
 *   | bytes         |                        | clean pages   | 24 bytes, with the flag PURGED
 *   |               |                        | ...           |
 *   |               |                        | boundary tag  | 8 bytes: the block's size
 *   +---------------+ next block's header    +---------------+ next block's header
 *
 * Blocks tile a region: the header of the next block follows each payload directly. The last header
 * of a region is the top's or a fencepost's; both have size 0 and nothing behind them.
 *
 * The seal makes every header verifiable. Its low half, the guard, depends on the address alone:
 * the owner of the block in front can verify it with one addition, and so finds a write past its
 * end without knowing anything of its neighbour. Its high half mixes address, size and state, so
 * that a changed size, a copied header, an address inside a block and a second free all differ. */
#ifndef BRKMALLOC_HEAP_BLOCK_H
#define BRKMALLOC_HEAP_BLOCK_H

#include <string.h>

#include "base/base.h"
#include "base/config.h"
#include "base/valgrind.h"
#include "kit/report.h"

struct mem_control_block {
    /* Written by whoever owns the block: the thread that has it in use, the cache that holds it,
     * or the heap under its lock. The owner of the block in front reads the low half at any time;
     * that half never changes while the boundary exists: relaxed_load, relaxed_store. */
    uint32_t seal;
    /* Of enum block_flag, in the highest three bits; the others are the highest of the size. The
     * flags are written by the heap under its lock, also while somebody owns the block:
     * relaxed_load, relaxed_store. */
    uint8_t flags;
    /* The block's size in units of 8 bytes, with five more bits in `flags`, the most significant
     * byte first: the last byte of the header, which a write in front of the payload hits first, is
     * one that every free verifies. Written by the heap under its lock, never while somebody else
     * owns the block. */
    uint8_t units[3];
};

_Static_assert(sizeof(struct mem_control_block) == BRKM_HEADER_SIZE, "the header is 8 bytes");

/* Valid only while the block is free. */
struct free_block {
    struct mem_control_block header;
    struct free_block *next;
    struct free_block *previous;
};

_Static_assert(sizeof(struct free_block) + sizeof(size_t) == BRKM_MIN_BLOCK,
               "header, links and boundary tag fit in the smallest block");

/* The size of a free block that the header's 24 bits cannot tell. It lies in the payload, where a
 * program that writes to a freed block may change it: hence the check. */
struct long_size {
    size_t bytes;
    uint64_t check; /* of the size, the address and the secret */
};

/* What is added to the high half of the seal. The values are arbitrary but far from each other and
 * from small differences in size. */
enum block_state {
    BLOCK_IN_USE = 0,
    BLOCK_CACHED = 0x5ac30000,
    BLOCK_FREE = 0x2f6b0000,
    /* Was free and became part of the free block or the block in front: says to whoever frees it
     * again that it was freed before. Such headers stay inside payloads, where a program may find
     * them: nothing takes them for those of free blocks. The boundary exists no more, so the guard
     * is wrong, too: whoever writes back the header of the block in front will not get it past a
     * free. */
    BLOCK_GONE = 0x1c876b17,
    BLOCK_TOP = 0x71950000,
    BLOCK_FENCEPOST = 0x43de0000,
    /* In use and noted by somebody who wants to know when it is freed (malloc/watcher.h): the fast
     * path of free does not take it for its own, nor the next two. */
    BLOCK_NOTED = 0x657a0000,
    /* In use and watched: with a trailer, or tight. A tight block has so few bytes more than were
     * asked for, its slack, that the state tells how many: each adds BLOCK_TIGHT_STEP. */
    BLOCK_WATCHED = 0x0e350000,
    BLOCK_TIGHT = 0x36280000,
    /* In use by rows.h, which cuts it into places without headers: its payload is the first. */
    BLOCK_ROW = 0x11d30000,
    /* An end of a chunk (chunks.h): neither free nor anybody's. */
    BLOCK_CHUNK_EDGE = 0x68a40000,
    /* Never stored: what block_state says of a header with a wrong seal. */
    BLOCK_DAMAGED = 1,
};

/* Odd times 2^16, 2^32 divided by the golden ratio: no two states differ in one byte alone. And
 * what gives 2^16 times it. */
#define BLOCK_TIGHT_STEP UINT32_C(0x9e370000)
#define BLOCK_TIGHT_INVERSE UINT32_C(0x7787)

/* Bytes. What the smallest block has too many for a request of one byte; of larger blocks a request
 * leaves less, so that each block as small as its request allows can be tight. */
#define BLOCK_SLACK_MAX 23u

enum block_flag {
    /* The block in front is free, and its boundary tag lies right before this header. */
    BLOCK_FLAG_PREVIOUS_FREE = 0x80,
    /* The first block of a fallback region, or of a chunk. */
    BLOCK_FLAG_REGION_START = 0x40,
    /* Of free blocks only: some pages were given back since they were last used, those that
     * block_clean_pages tells. */
    BLOCK_FLAG_PURGED = 0x20,
    BLOCK_FLAGS_ALL = 0xe0,
};

/* Secret of the process, random but for its low nibble. Drawn before the first block; whoever draws
 * it again stores the same value (relaxed_load, relaxed_store). */
extern uint32_t brkm__block_secret BRKM_HIDDEN;

/* Payloads lie at 0 mod 16, so this is the low nibble of every guard: a string's terminator, a
 * minus one, or any byte whose low nibble differs is told from a guard for certain. Of the letters
 * only k and K have this one. */
#define BLOCK_SECRET_NIBBLE 0xbu

/* What sizes are multiplied by in seals: odd for a size in units of 16, and moved so that the
 * product leaves the guard alone. Drawn with the secret: without it, whoever knows how far a size
 * is to be changed would know how the seal changes. */
extern uint32_t brkm__block_multiplier BRKM_HIDDEN;

/* Draws the secrets unless that is done. Called before a header is written into new memory; draws
 * the same values each time, so that it needs no lock. */
void brkm__block_draw_secret(void);

/* ---- Addresses ---- */

static inline struct mem_control_block *block_from_payload(const void *payload)
{
    return (struct mem_control_block *)((uintptr_t)payload - BRKM_HEADER_SIZE);
}

static inline void *block_payload(const struct mem_control_block *block)
{
    return (void *)((uintptr_t)block + BRKM_HEADER_SIZE);
}

static inline struct mem_control_block *block_at_offset(const struct mem_control_block *block,
                                                        size_t offset)
{
    return (struct mem_control_block *)((uintptr_t)block + offset);
}

/* The block's size for a request of `size` bytes, which is at most PTRDIFF_MAX. */
static inline size_t block_size_for_request(size_t size)
{
    size_t total = align_up(size + BRKM_HEADER_SIZE, BRKM_ALIGNMENT);
    return max_size(total, BRKM_MIN_BLOCK);
}

/* ---- Seal ---- */

/* Bytes. The multiplication keeps every bit of a size up to this one. */
#define BLOCK_SMALL_SEAL_MAX (BRKM_MIB - BRKM_ALIGNMENT)

/* For sizes up to BLOCK_SMALL_SEAL_MAX. */
static inline uint32_t block_small_seal_for(const struct mem_control_block *block, size_t size,
                                            enum block_state state)
{
    uint32_t seal = (uint32_t)size * relaxed_load(brkm__block_multiplier);
    seal += (uint32_t)(uintptr_t)block_payload(block);
    /* Keeps the order of the sum, in which the secret needs no register. */
    forget_value(seal);
    return seal + relaxed_load(brkm__block_secret) + (uint32_t)state;
}

/* For every size that the header can tell. */
static inline uint32_t block_seal_for(const struct mem_control_block *block, size_t size,
                                      enum block_state state)
{
    /* Sizes from 1 MiB on have bits that the multiplication would push out: fold them in. */
    return block_small_seal_for(block, size ^ (size >> 16 & ~(size_t)15), state);
}

/* The half that the owner of the block in front reads is always stored as it was. */
static inline uint32_t block_load_seal(const struct mem_control_block *block)
{
    return relaxed_load(block->seal);
}

static inline void block_store_seal(struct mem_control_block *block, uint32_t seal)
{
    relaxed_store(block->seal, seal);
}

/* True when `seal` at the end of a block with the (verified) seal `front` and `size` has its guard.
 */
static inline bool block_guard_follows(uint32_t front, size_t size, uint32_t seal)
{
    return (uint16_t)(front + (uint32_t)size) == (uint16_t)seal;
}

/* ---- Size and flags ---- */

#define BLOCK_UNIT ((size_t)8)

/* Stands in the header of a free block whose size needs more than 29 bits of units. */
#define BLOCK_LONG_SIZE ((size_t)0x1ffffffe * BLOCK_UNIT)

_Static_assert(BLOCK_LONG_SIZE % BRKM_ALIGNMENT == 0 && BRKM_MAX_BLOCK < BLOCK_LONG_SIZE,
               "no block that can be in use looks like a long one");

/* Up to this size the low 8 bits of the units are the whole size. */
#define BLOCK_BYTE_SIZE_MAX ((size_t)254 * BLOCK_UNIT)

/* The size of a block that is at most BLOCK_BYTE_SIZE_MAX large. Of a larger one it is wrong, which
 * the seal shows: the seal mixes the whole size. */
static inline size_t block_byte_size(const struct mem_control_block *block)
{
    return block->units[2] * BLOCK_UNIT;
}

static inline struct long_size *block_long_size(const struct mem_control_block *block)
{
    return (struct long_size *)((uintptr_t)block + sizeof(struct free_block));
}

/* Stores the size where block_long_size says, and reads it; reading ends the program when it was
 * overwritten. */
void brkm__block_store_long_size(struct mem_control_block *block, size_t size);
size_t brkm__block_load_long_size(const struct mem_control_block *block);

/* The upper half of a header read as one word, with the flags on top once its bytes are turned
 * round; all machines we build for are little-endian. */
typedef uint32_t block_half __attribute__((may_alias));
#define BLOCK_UNITS_MASK UINT32_C(0x1fffffff)

_Static_assert(BLOCK_LONG_SIZE / BLOCK_UNIT <= BLOCK_UNITS_MASK &&
                   (BLOCK_UNITS_MASK >> 24 & (unsigned)BLOCK_FLAGS_ALL) == 0,
               "flags and units share a half of the header");

/* The size as the header tells it; for blocks that can be in use that is the size. */
static inline size_t block_short_size(const struct mem_control_block *block)
{
    const block_half *flags_and_units = (const block_half *)&block->flags;
    uint32_t units = __builtin_bswap32(relaxed_load(*flags_and_units)) & BLOCK_UNITS_MASK;
    return units * BLOCK_UNIT;
}

static inline size_t block_size(const struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    return likely(size != BLOCK_LONG_SIZE) ? size : brkm__block_load_long_size(block);
}

/* Bytes that the program may use in a block of the heap. */
static inline size_t block_usable_size(const struct mem_control_block *block)
{
    return block_short_size(block) - BRKM_HEADER_SIZE;
}

static inline bool block_has_flag(const struct mem_control_block *block, enum block_flag flag)
{
    return (relaxed_load(block->flags) & (unsigned)flag) != 0;
}

static inline void block_change_flag(struct mem_control_block *block, enum block_flag flag, bool on)
{
    unsigned old = relaxed_load(block->flags);
    unsigned changed = on ? old | (unsigned)flag : old & ~(unsigned)flag;
    relaxed_store(block->flags, (uint8_t)changed);
}

static inline struct mem_control_block *block_next(const struct mem_control_block *block)
{
    return block_at_offset(block, block_size(block));
}

/* ---- State ---- */

/* The slack of a tight block whose seal is by `difference` above that of one in use; more than
 * BLOCK_SLACK_MAX when that is no tight block's. */
static inline uint32_t slack_told_by(uint32_t difference)
{
    uint32_t steps = (difference - BLOCK_TIGHT) * BLOCK_TIGHT_INVERSE;
    /* What a wrong guard leaves comes out on top. */
    return steps >> 16 | steps << 16;
}

/* Verifies the header and says what the block is. Reads nothing but the header. */
static inline enum block_state block_state(const struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    uint32_t difference = block_load_seal(block) - block_seal_for(block, size, BLOCK_IN_USE);
    switch (difference) {
    case BLOCK_IN_USE:
    case BLOCK_CACHED:
    case BLOCK_FREE:
    case BLOCK_GONE:
    case BLOCK_TOP:
    case BLOCK_FENCEPOST:
    case BLOCK_NOTED:
    case BLOCK_WATCHED:
    case BLOCK_ROW:
    case BLOCK_CHUNK_EDGE:
        return (enum block_state)difference;
    default:
        return slack_told_by(difference) <= BLOCK_SLACK_MAX ? BLOCK_TIGHT : BLOCK_DAMAGED;
    }
}

static inline bool block_state_is_watched(enum block_state state)
{
    return state == BLOCK_WATCHED || state == BLOCK_TIGHT;
}

/* True for a block that the program has, whoever sees it besides. */
static inline bool block_state_is_in_use(enum block_state state)
{
    return state == BLOCK_IN_USE || state == BLOCK_NOTED || block_state_is_watched(state);
}

/* The slack of a block that is tight, as block_state says. */
static inline size_t block_slack(const struct mem_control_block *block)
{
    size_t size = block_short_size(block);
    return slack_told_by(block_load_seal(block) - block_seal_for(block, size, BLOCK_IN_USE));
}

/* The state of a tight block. */
static inline enum block_state block_tight_state(size_t slack)
{
    return (enum block_state)(BLOCK_TIGHT + (uint32_t)slack * BLOCK_TIGHT_STEP);
}

/* True when the header is good and its block is in `state`. Reads nothing but the header. */
static inline bool block_is(const struct mem_control_block *block, enum block_state state)
{
    return block_load_seal(block) == block_seal_for(block, block_short_size(block), state);
}

/* A header read as one word; all machines we build for are little-endian. */
typedef uint64_t block_word __attribute__((may_alias));

/* The header but for the known flags, which the heap changes while somebody owns the block. */
static BRKM_ALWAYS_INLINE uint64_t block_header_word(const struct mem_control_block *block)
{
    return relaxed_load(*(const block_word *)block) & ~((uint64_t)BLOCK_FLAGS_ALL << 32);
}

/* block_is for a `size` that is known, up to BLOCK_BYTE_SIZE_MAX: one comparison finds another size
 * as well. */
static BRKM_ALWAYS_INLINE bool block_is_of(const struct mem_control_block *block, size_t size,
                                           enum block_state state)
{
    uint64_t expected = block_small_seal_for(block, size, state) | (uint64_t)size / BLOCK_UNIT
                                                                       << 56;
    return block_header_word(block) == expected;
}

/* The slack of a tight block whose `size` is known, up to BLOCK_BYTE_SIZE_MAX; more than
 * BLOCK_SLACK_MAX when the header is not that of one: whatever else is wrong in it comes out above
 * 32 bits. */
static BRKM_ALWAYS_INLINE uint64_t block_slack_of(const struct mem_control_block *block,
                                                  size_t size)
{
    uint64_t word = block_header_word(block) ^ (uint64_t)size / BLOCK_UNIT << 56;
    uint32_t difference = (uint32_t)word - block_small_seal_for(block, size, BLOCK_IN_USE);
    return (word & ~(uint64_t)UINT32_MAX) | slack_told_by(difference);
}

/* Writes a whole header, under the heap's lock as all of it but the seal is. The flags are kept
 * when `block` was a header before; a new boundary is made by block_create. */
static inline void block_set(struct mem_control_block *block, size_t size, enum block_state state)
{
    if (unlikely(size > BRKM_MAX_BLOCK)) {
        brkm__block_store_long_size(block, size);
        size = BLOCK_LONG_SIZE;
    }
    uint32_t units = __builtin_bswap32((uint32_t)(size / BLOCK_UNIT));
    relaxed_store(*(block_half *)&block->flags,
                  units | (relaxed_load(block->flags) & (uint32_t)BLOCK_FLAGS_ALL));
    block_store_seal(block, block_seal_for(block, size, state));
}

/* Writes a header where there was none; no flag is set. */
static inline void block_create(struct mem_control_block *block, size_t size,
                                enum block_state state)
{
    annotate_ours(block, BRKM_HEADER_SIZE);
    relaxed_store(block->flags, (uint8_t)0);
    block_set(block, size, state);
}

/* True when `block`, which tells `size`, has the `seal` of that size and the header behind it has
 * its guard. The address is known to be inside the heap. */
static BRKM_ALWAYS_INLINE bool block_is_sound(const struct mem_control_block *block, size_t size,
                                              uint32_t seal)
{
    return likely(block_load_seal(block) == seal) &&
           likely(block_guard_follows(seal, size, block_load_seal(block_at_offset(block, size))));
}

/* True when the header behind says that `block` is free. That of the block itself, once somebody
 * wrote it back, is as good as it ever was. */
static BRKM_ALWAYS_INLINE bool block_is_known_free(const struct mem_control_block *block,
                                                   size_t size)
{
    return block_has_flag(block_at_offset(block, size), BLOCK_FLAG_PREVIOUS_FREE);
}

/* Writes a header where there was none, `size` bytes behind `front` and like it: both are of that
 * size and in the same state. */
static inline void block_create_behind(const struct mem_control_block *front, size_t size)
{
    struct mem_control_block *block = block_at_offset(front, size);
    annotate_ours(block, BRKM_HEADER_SIZE);
    *block = (struct mem_control_block){
        .seal = block_load_seal(front) + (uint32_t)size,
        .units = {front->units[0], front->units[1], front->units[2]},
    };
}

/* Changes the state of a block that is known to be in state `from`. */
static BRKM_ALWAYS_INLINE void block_change_state(struct mem_control_block *block,
                                                  enum block_state from, enum block_state to)
{
    forget_word(block->seal);
    block_store_seal(block, block_load_seal(block) + ((uint32_t)to - (uint32_t)from));
}

/* The same for a block that another thread may free at the same time, by mistake: false when it was
 * first. */
static inline bool block_try_change_state(struct mem_control_block *block, enum block_state from,
                                          enum block_state to)
{
    size_t size = block_short_size(block);
    uint32_t seal = block_seal_for(block, size, from);
    return __atomic_compare_exchange_n(&block->seal, &seal, block_seal_for(block, size, to), false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Changes the state of a block whose header is known to be good and whose size can be in use. */
static inline void block_set_state(struct mem_control_block *block, enum block_state state)
{
    block_store_seal(block, block_seal_for(block, block_short_size(block), state));
}

/* ---- Free blocks ---- */

static inline size_t *block_boundary_tag_before(const struct mem_control_block *block)
{
    return (size_t *)((uintptr_t)block - sizeof(size_t));
}

/* Makes `block` one free block of `size` bytes: header and boundary tag. Of the flags only that of
 * a region's or chunk's first block stays: what is in front is not free, or it would be part of
 * this block. The flag in the next header is the caller's to set. */
static inline void block_make_free(struct mem_control_block *block, size_t size, unsigned flags)
{
    annotate_ours(block, sizeof(struct free_block));
    relaxed_store(block->flags, (uint8_t)(flags & BLOCK_FLAG_REGION_START));
    block_set(block, size, BLOCK_FREE);
    size_t *tag = block_boundary_tag_before(block_at_offset(block, size));
    annotate_ours(tag, sizeof(*tag));
    *tag = size;
}

/* True when the end of a free block of `size` bytes is as block_make_free left it: what the header
 * in front says of the size is told once more there, and the next header knows of a free block. */
static inline bool block_free_end_is_sound(const struct mem_control_block *block, size_t size)
{
    const struct mem_control_block *next = block_at_offset(block, size);
    return *block_boundary_tag_before(next) == size &&
           block_has_flag(next, BLOCK_FLAG_PREVIOUS_FREE);
}

/* ---- Pages inside free blocks ---- */

/* Whole pages, [start, end); none when start == end. */
struct page_range {
    uintptr_t start;
    uintptr_t end;
};

static inline size_t page_range_bytes(struct page_range range)
{
    return range.end - range.start;
}

static inline struct page_range page_range_common(struct page_range a, struct page_range b)
{
    uintptr_t start = max_size(a.start, b.start);
    uintptr_t end = min_size(a.end, b.end);
    return start < end ? (struct page_range){start, end} : (struct page_range){0, 0};
}

/* Which pages of a free block were given back and read as zero. It lies in the payload, where a
 * program that writes to a freed block may change it: hence the check. */
struct clean_note {
    struct page_range pages;
    uint64_t check; /* of the range, the block's address and the secret */
};

/* Where a free block that was purged has its note. */
static inline struct clean_note *block_clean_note(const struct mem_control_block *block)
{
    return (struct clean_note *)(block_long_size(block) + 1);
}

/* Stores the note and reads it; reading ends the program when it was overwritten. */
void brkm__block_store_clean_pages(struct mem_control_block *block, struct page_range clean);
struct page_range brkm__block_load_clean_pages(const struct mem_control_block *block);

/* The pages inside a free block of `size` bytes that hold nothing which the heap needs. */
static inline struct page_range block_inner_pages(const struct mem_control_block *block,
                                                  size_t size, size_t page)
{
    uintptr_t start = align_up((uintptr_t)(block_clean_note(block) + 1), page);
    uintptr_t end = align_down((uintptr_t)block + size - sizeof(size_t), page);
    return start < end ? (struct page_range){start, end} : (struct page_range){0, 0};
}

/* The pages of a free block that were given back. */
static inline struct page_range block_clean_pages(const struct mem_control_block *block)
{
    return likely(!block_has_flag(block, BLOCK_FLAG_PURGED)) ? (struct page_range){0, 0}
                                                             : brkm__block_load_clean_pages(block);
}

/* Bytes of the pages inside a free block that were not given back. */
static inline size_t block_dirty_bytes(const struct mem_control_block *block, size_t size,
                                       size_t page)
{
    struct page_range inner = block_inner_pages(block, size, page);
    return page_range_bytes(inner) -
           page_range_bytes(page_range_common(inner, block_clean_pages(block)));
}

static inline void block_set_clean_pages(struct mem_control_block *block, struct page_range clean)
{
    bool some = page_range_bytes(clean) != 0;
    if (some) {
        brkm__block_store_clean_pages(block, clean);
    }
    block_change_flag(block, BLOCK_FLAG_PURGED, some);
}

/* The first place in `block` where a header can stand whose payload is aligned, either at the
 * block's start or far enough behind it to leave a free block in front. */
static inline struct mem_control_block *block_aligned_place(const struct mem_control_block *block,
                                                            size_t alignment)
{
    uintptr_t payload = (uintptr_t)block_payload(block);
    uintptr_t aligned = align_up(payload, alignment);
    if (aligned != payload) {
        aligned = align_up(payload + BRKM_MIN_BLOCK, alignment);
    }
    return block_from_payload((void *)aligned);
}

#endif
