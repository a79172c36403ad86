/* SPDX-License-Identifier: MIT
 * See bins.h. */
#include "heap/bins.h"

#include "base/facts.h"
#include "heap/regions.h"
#include "heap/size_class.h"
#include "kit/report.h"
#include "system/os.h"

static void mark_used(struct bins *bins, unsigned bin)
{
    unsigned word = bin / BINS_WORD_BITS;
    bins->words[word] |= (uint64_t)1 << bin % BINS_WORD_BITS;
    bins->summary |= (uint32_t)1 << word;
}

static void mark_empty(struct bins *bins, unsigned bin)
{
    unsigned word = bin / BINS_WORD_BITS;
    bins->words[word] &= ~((uint64_t)1 << bin % BINS_WORD_BITS);
    if (bins->words[word] == 0) {
        bins->summary &= ~((uint32_t)1 << word);
    }
}

unsigned brkm__bins_next_used(const struct bins *bins, unsigned bin)
{
    if (bin >= BRKM_BIN_COUNT) {
        return BRKM_BIN_COUNT;
    }
    unsigned word = bin / BINS_WORD_BITS;
    uint64_t here = bins->words[word] & ~(uint64_t)0 << bin % BINS_WORD_BITS;
    if (here == 0) {
        uint32_t above = bins->summary & ~(uint32_t)1 << word;
        if (above == 0) {
            return BRKM_BIN_COUNT;
        }
        word = (unsigned)__builtin_ctz(above);
        here = bins->words[word];
    }
    return word * BINS_WORD_BITS + (unsigned)__builtin_ctzll(here);
}

/* ---- Links: they lie in memory that a program may write to by mistake ---- */

static _Noreturn void end_program(enum fault fault, const struct free_block *block)
{
    brkm__fatal(fault, (struct fault_place){.address = block_payload(&block->header)});
}

/* True when `link` leads to a free block; looks before it reads. */
static BRKM_ALWAYS_INLINE bool link_is_sound(const struct free_block *link)
{
    const void *payload = block_payload(&link->header);
    return (likely(regions_window_contains(payload)) || brkm__regions_contain_payload(payload)) &&
           block_is(&link->header, BLOCK_FREE);
}

static void verify_links(const struct bins *bins, unsigned bin, const struct free_block *block)
{
    const struct free_block *next = block->next;
    const struct free_block *previous = block->previous;
    bool next_sound = next == NULL || (link_is_sound(next) && next->previous == block);
    bool previous_sound = previous == NULL ? bins->heads[bin] == block
                                           : link_is_sound(previous) && previous->next == block;
    if (unlikely(!next_sound || !previous_sound)) {
        end_program(FAULT_FREE_LIST_OVERWRITTEN, block);
    }
}

/* `link` was found in `holder`, or in the bin itself, which no program writes to by mistake. */
static void verify_link(const struct free_block *link, const struct free_block *holder)
{
    if (unlikely(!link_is_sound(link))) {
        bool link_is_plausible =
            holder == NULL || brkm__regions_contain_payload(block_payload(&link->header));
        end_program(link_is_plausible ? FAULT_HEADER_OVERWRITTEN : FAULT_FREE_LIST_OVERWRITTEN,
                    link_is_plausible ? link : holder);
    }
}

/* What is about to be written behind `link`, found in `holder`, must be a link to that. */
static void verify_leads_back(const struct free_block *link, const struct free_block *holder)
{
    bool readable =
        likely(regions_window_contains(block_payload(&link->header))) || link_is_sound(link);
    if (unlikely(!readable || link->previous != holder)) {
        end_program(FAULT_FREE_LIST_OVERWRITTEN, holder);
    }
}

/* ---- Pages that were not given back ---- */

/* The smallest block that can have a whole page, of the smallest size that there is, inside. */
#define DIRTY_SIZE_MIN                                                                         \
    (sizeof(struct free_block) + sizeof(struct long_size) + sizeof(struct clean_note) + 4096 + \
     sizeof(size_t))

void brkm__bins_note_purged(struct bins *bins, struct mem_control_block *block, size_t size,
                            struct page_range clean)
{
    bins->dirty -= min_size(bins->dirty, block_dirty_bytes(block, size, brkm__os_page_size()));
    block_set_clean_pages(block, clean);
    bins->dirty += block_dirty_bytes(block, size, brkm__os_page_size());
}

/* ---- Insert and remove ---- */

void brkm__bins_insert(struct bins *bins, struct mem_control_block *block, size_t size)
{
    struct free_block *free = (struct free_block *)block;
    unsigned bin = size_class_bin(size);
    struct free_block *head = bins->heads[bin];
    brkm_assert(head == NULL || link_is_sound(head), "I6: a list holds free blocks only");
    bool is_second = head != NULL && head < free;
    if (is_second && head->next != NULL) {
        verify_leads_back(head->next, head);
    }
    free->previous = is_second ? head : NULL;
    free->next = is_second ? head->next : head;
    if (free->next != NULL) {
        free->next->previous = free;
    }
    if (is_second) {
        head->next = free;
    } else {
        bins->heads[bin] = free;
    }
    mark_used(bins, bin);
    bins->blocks++;
    relaxed_store(bins->bytes, bins->bytes + size);
    if (size >= DIRTY_SIZE_MIN) {
        bins->dirty += block_dirty_bytes(block, size, brkm__os_page_size());
    }
}

static void unlink_from(struct bins *bins, unsigned bin, struct free_block *block, size_t size)
{
    struct free_block *next = block->next;
    struct free_block *previous = block->previous;
    verify_links(bins, bin, block);
    if (next != NULL) {
        next->previous = previous;
    }
    if (previous != NULL) {
        previous->next = next;
    } else {
        bins->heads[bin] = next;
        if (next == NULL) {
            mark_empty(bins, bin);
        }
    }
    /* Addresses, of which a program may read no more than it wrote (cached_link_clear). */
    block->next = block->previous = NULL;
    bins->blocks--;
    relaxed_store(bins->bytes, bins->bytes - size);
    if (size >= DIRTY_SIZE_MIN) {
        bins->dirty -=
            min_size(bins->dirty, block_dirty_bytes(&block->header, size, brkm__os_page_size()));
    }
}

void brkm__bins_remove(struct bins *bins, struct mem_control_block *block, size_t size)
{
    unlink_from(bins, size_class_bin(size), (struct free_block *)block, size);
}

/* ---- Search ---- */

/* Smaller is better; among equals the lower address, which leaves the heap's end free. */
static bool fits_better(const struct free_block *block, const struct free_block *best)
{
    if (best == NULL) {
        return true;
    }
    size_t size = block_size(&block->header);
    size_t best_size = block_size(&best->header);
    return size < best_size || (size == best_size && block < best);
}

/* The size of the largest block that could be cut out of `block` for the alignment. */
static size_t size_at_aligned_place(const struct free_block *block, size_t alignment)
{
    uintptr_t place = (uintptr_t)block_aligned_place(&block->header, alignment);
    uintptr_t end = (uintptr_t)block_next(&block->header);
    return place < end ? end - place : 0;
}

/* The best of the first blocks in the bin; NULL when none of them has room. */
static struct free_block *best_in_bin(const struct bins *bins, unsigned bin, size_t size,
                                      size_t alignment)
{
    struct free_block *best = NULL;
    struct free_block *holder = NULL;
    struct free_block *block = bins->heads[bin];
    for (unsigned seen = 0; block != NULL && seen < BRKM_BIN_SCAN; seen++) {
        verify_link(block, holder);
        size_t room = alignment <= BRKM_ALIGNMENT ? block_size(&block->header)
                                                  : size_at_aligned_place(block, alignment);
        if (room >= size && fits_better(block, best)) {
            best = block;
        }
        if (best != NULL && block_size(&best->header) == size) {
            break;
        }
        holder = block;
        block = block->next;
    }
    return best;
}

/* The first block of a bin that is not empty. */
static struct free_block *first_in_bin(const struct bins *bins, unsigned bin)
{
    verify_link(bins->heads[bin], NULL);
    return bins->heads[bin];
}

struct free_block *brkm__bins_step(const struct bins *bins, unsigned bin,
                                   const struct free_block *block)
{
    struct free_block *next = block == NULL ? bins->heads[bin] : block->next;
    if (next != NULL) {
        verify_link(next, block);
    }
    return next;
}

struct mem_control_block *brkm__bins_take(struct bins *bins, size_t size)
{
    unsigned bin = size_class_bin(size);
    struct free_block *found = best_in_bin(bins, bin, size, BRKM_ALIGNMENT);
    if (found == NULL) {
        /* Every block of a higher bin is large enough, and the first has a low address. */
        bin = brkm__bins_next_used(bins, bin + 1);
        if (bin == BRKM_BIN_COUNT) {
            return NULL;
        }
        found = first_in_bin(bins, bin);
    }
    size_t found_size = block_size(&found->header);
    if (unlikely(size_class_bin(found_size) != bin)) {
        end_program(FAULT_HEADER_OVERWRITTEN, found);
    }
    unlink_from(bins, bin, found, found_size);
    return &found->header;
}

/* Bins that are searched for a block that is aligned as it stands: mostly one that was cut for the
 * same purpose. Beyond, a larger block that is cut is found faster. */
#define ALIGNED_BINS 2

struct mem_control_block *brkm__bins_take_aligned(struct bins *bins, size_t size, size_t alignment)
{
    unsigned bin = brkm__bins_next_used(bins, size_class_bin(size));
    for (unsigned seen = 0; bin < BRKM_BIN_COUNT && seen < ALIGNED_BINS; seen++) {
        struct free_block *best = best_in_bin(bins, bin, size, alignment);
        if (best != NULL) {
            unlink_from(bins, bin, best, block_size(&best->header));
            return &best->header;
        }
        bin = brkm__bins_next_used(bins, bin + 1);
    }
    return NULL;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT("bins", BRKM_BIN_COUNT),
    FACT("exact limit", BRKM_EXACT_LIMIT),
    FACT("subdivision bits", BRKM_SUBDIVISION_BITS),
    FACT("bins in a word", BINS_WORD_BITS),
    FACT_OFFSET(bins, summary),
    FACT_OFFSET(bins, words),
    FACT_OFFSET(bins, heads),
    FACT_OFFSET(bins, blocks),
    FACT_OFFSET(bins, bytes),
};
