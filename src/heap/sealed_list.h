/* SPDX-License-Identifier: MIT
 * Lists of cached blocks, linked through the payloads.
 *
 * A program may write to a block after it freed it. Each link therefore comes with a check word
 * that only somebody who knows the secrets can make; it is verified before the link is followed. It
 * mixes in the block's seal, which tells address, size and state: a link that was right while the
 * block was cached is wrong once it is in use, and so is that of a block whose header changed. The
 * end of every list is the sentinel, whose check is wrong on purpose: one comparison finds an empty
 * list, an overwritten link and an overwritten header. */
#ifndef BRKMALLOC_HEAP_SEALED_LIST_H
#define BRKMALLOC_HEAP_SEALED_LIST_H

#include "base/base.h"
#include "heap/block.h"

/* The first words of a cached block's payload. */
struct cached_block {
    struct cached_block *next;
    uintptr_t check; /* (next + seal of this block) ^ secret */
};

/* The end of every list, with the header that each block has in front. Read by all threads, written
 * by none. */
struct cached_end {
    struct mem_control_block header;
    struct cached_block block;
};

_Static_assert(offsetof(struct cached_end, block) == BRKM_HEADER_SIZE,
               "the header of the end is where that of a block is");

extern const struct cached_end brkm__cached_sentinel BRKM_HIDDEN;

/* Secret of the process, top bit clear. Drawn before the first list; whoever draws it again stores
 * the same value (relaxed_load, relaxed_store). */
extern uintptr_t brkm__cached_secret BRKM_HIDDEN;

#define CACHED_END ((struct cached_block *)(uintptr_t)&brkm__cached_sentinel.block)

static inline uint32_t cached_seal(const struct cached_block *block)
{
    return block_load_seal(block_from_payload(block));
}

static inline uintptr_t cached_check_for(uint32_t seal, const struct cached_block *next)
{
    return ((uintptr_t)next + seal) ^ relaxed_load(brkm__cached_secret);
}

static inline bool cached_link_is_sound(const struct cached_block *block)
{
    return block->check == cached_check_for(cached_seal(block), block->next);
}

/* Links a block whose header has the `seal` of a cached block. */
static inline void cached_link_sealed(struct cached_block *block, uint32_t seal,
                                      struct cached_block *next)
{
    annotate_ours(block, sizeof(*block));
    block->next = next;
    block->check = cached_check_for(seal, next);
}

static inline void cached_link_set(struct cached_block *block, struct cached_block *next)
{
    cached_link_sealed(block, cached_seal(block), next);
}

/* Clears link and check word of a block that leaves its list: they would tell an address of the
 * heap and half of a secret to a program that reads memory which it did not write. Price: 2
 * instructions on x86-64. */
static BRKM_ALWAYS_INLINE void cached_link_clear(struct cached_block *block)
{
    *block = (struct cached_block){NULL, 0};
}

/* A list by itself, outside of a thread cache. */
struct cached_list {
    struct cached_block *first; /* CACHED_END when empty */
    unsigned count;
};

static inline struct cached_list cached_list_empty(void)
{
    return (struct cached_list){CACHED_END, 0};
}

/* Adds a block in use or cached; it is cached then. */
void brkm__cached_list_push(struct cached_list *list, struct mem_control_block *block);

/* Cuts the first `count` blocks off `list`, which has at least as many. */
struct cached_list brkm__cached_list_cut(struct cached_list *list, unsigned count);

_Noreturn void brkm__cached_link_is_bad(const struct cached_block *block);

/* The block behind, at last CACHED_END. Ends the program when the link was overwritten. */
static inline struct cached_block *cached_link_follow(struct cached_block *block)
{
    if (unlikely(!cached_link_is_sound(block))) {
        brkm__cached_link_is_bad(block);
    }
    return block->next;
}

/* Ends the program when a link of the list was overwritten. */
void brkm__cached_list_verify(struct cached_list list);

/* Takes the first block off a list that is not empty; it stays in state cached. Ends the program
 * when the link was overwritten. */
static inline struct mem_control_block *cached_list_pop(struct cached_list *list)
{
    struct cached_block *first = list->first;
    if (unlikely(!cached_link_is_sound(first))) {
        brkm__cached_link_is_bad(first);
    }
    list->first = first->next;
    list->count--;
    cached_link_clear(first);
    return block_from_payload(first);
}

/* Draws the secret unless that is done. */
void brkm__cached_draw_secret(void);

#endif
