/* SPDX-License-Identifier: MIT
 * See page_map.h. */
#include "kernel/page_map.h"

#include "base/facts.h"
#include "kernel/own.h"
#include "system/os.h"

#ifdef __x86_64__

struct page_map brkm__page_map;

static void note_section_size(void)
{
}

#else

#define SHIFT_UNKNOWN 63u

struct page_map brkm__page_map = {.section_shift = SHIFT_UNKNOWN};

static void note_section_size(void)
{
    relaxed_store(brkm__page_map.section_shift, brkm__page_shift() + BRKM_MAX_ORDER);
}

unsigned brkm__page_shift(void)
{
    static unsigned shift;
    unsigned known = __atomic_load_n(&shift, __ATOMIC_RELAXED);
    if (unlikely(known == 0)) {
        known = log2_floor(brkm__os_page_size());
        __atomic_store_n(&shift, known, __ATOMIC_RELAXED);
    }
    return known;
}

#endif

static struct section **leaf_of(size_t number)
{
    size_t at = number >> MAP_LEAF_BITS;
    return at < MAP_ROOT_SIZE ? __atomic_load_n(&brkm__page_map.root[at], __ATOMIC_ACQUIRE) : NULL;
}

static struct section **make_leaf(size_t number)
{
    size_t at = number >> MAP_LEAF_BITS;
    if (at >= MAP_ROOT_SIZE) {
        return NULL;
    }
    struct section **made = kernel_own_map(MAP_LEAF_SIZE * sizeof(*made));
    struct section **there = NULL;
    if (made != NULL && !__atomic_compare_exchange_n(&brkm__page_map.root[at], &there, made, false,
                                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        kernel_own_unmap(made, MAP_LEAF_SIZE * sizeof(*made));
        return there;
    }
    return made;
}

struct section *brkm__page_map_next(size_t *number)
{
    while (*number < MAP_ROOT_SIZE * MAP_LEAF_SIZE) {
        struct section **leaf = leaf_of(*number);
        size_t at = *number % MAP_LEAF_SIZE;
        struct section *section =
            leaf != NULL ? __atomic_load_n(&leaf[at], __ATOMIC_ACQUIRE) : NULL;
        if (section != NULL) {
            return section;
        }
        *number += leaf != NULL ? 1 : MAP_LEAF_SIZE - at;
    }
    return NULL;
}

void *brkm__page_start(const struct brkm_page *page)
{
    return (void *)(page_section(page)->start + ((uintptr_t)page->index << brkm__page_shift()));
}

static void put(struct section *section, struct section *value)
{
    size_t number = section->start / section_bytes();
    struct section **leaf = leaf_of(number);
    __atomic_store_n(&leaf[number % MAP_LEAF_SIZE], value, __ATOMIC_RELEASE);
}

bool brkm__page_map_enter(struct section *section)
{
    size_t number = section->start / section_bytes();
    note_section_size();
    if (leaf_of(number) == NULL && make_leaf(number) == NULL) {
        return false;
    }
    put(section, section);
    return true;
}

void brkm__page_map_leave(struct section *section)
{
    put(section, NULL);
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("page map", brkm__page_map.root),
    FACT("page map leaves", MAP_ROOT_SIZE),
    FACT("page map leaf sections", MAP_LEAF_SIZE),
    FACT("section pages", SECTION_PAGES),
    FACT_OFFSET(section, start),
    FACT_OFFSET(section, pages),
    FACT_SIZE(brkm_page),
    FACT_OFFSET(brkm_page, kind),
    FACT_OFFSET(brkm_page, order),
    FACT_OFFSET(brkm_page, is_clean),
    FACT_OFFSET(brkm_page, u.slab),
    FACT("page free", PAGE_FREE),
    FACT("page kept", PAGE_KEPT),
    FACT("page in use", PAGE_IN_USE),
    FACT("page noted", PAGE_NOTED),
    FACT("page slab", PAGE_SLAB),
    FACT("page large", PAGE_LARGE),
};
