/* SPDX-License-Identifier: MIT
 * See outside.h. */
#include "kernel/outside.h"

#include "kernel/pages.h"
#include "kernel/slab.h"
#include "kernel/vmalloc.h"
#include "kit/outside.h"

/* Objects that a slab has at most, and what is left in front and behind. */
#define SLAB_RUNS (SLAB_BYTES_MAX / sizeof(void *) + 2)

static void see_object(void *context, enum object_state state, size_t bytes, bool is_rest)
{
    const struct outside_listener *listener = context;
    enum outside_run kind = is_rest || object_state_is_in_use((uint8_t)state) ? OUTSIDE_OBJECTS
                            : state == OBJECT_FREE                            ? OUTSIDE_FREE
                                                                              : OUTSIDE_CACHED;
    listener->run(listener->context,
                  &(struct outside_blocks){kind, bytes, !is_rest, state == OBJECT_NOTED});
}

static size_t page_bytes(size_t pages)
{
    return pages << brkm__page_shift();
}

/* Returns its pages; a page at a time of one that cannot be read, or goes at the moment. */
static size_t tell_slab(const struct outside_listener *listener, const struct brkm_page *page)
{
    size_t bytes = page_bytes(1);
    struct outside_listener copy = *listener;
    listener->prepare(listener->context, 0, SLAB_RUNS);
    enum slab_look found = brkm__slab_look(page, see_object, &copy, &bytes);
    if (found != SLAB_SEEN) {
        enum outside_run kind = found == SLAB_GONE ? OUTSIDE_CACHED : OUTSIDE_DAMAGED;
        listener->run(listener->context, &(struct outside_blocks){.kind = kind, .bytes = bytes});
    }
    return bytes >> brkm__page_shift();
}

static enum outside_run run_of(const struct page_sight *sight)
{
    switch (sight->kind) {
    case PAGE_KEPT:
        return OUTSIDE_CACHED;
    case PAGE_IN_USE:
    case PAGE_NOTED:
    case PAGE_LARGE:
        return OUTSIDE_PAGES;
    default:
        return sight->kind == PAGE_FREE && sight->is_clean ? OUTSIDE_PURGED : OUTSIDE_FREE;
    }
}

/* Pages of the block that begins there. What is no block's is on its way: a page at a time. */
static size_t pages_of(const struct page_sight *sight, size_t index)
{
    bool has_order =
        sight->kind != PAGE_TAIL && sight->kind != PAGE_KEPT && sight->order <= BRKM_MAX_ORDER;
    size_t pages = has_order ? (size_t)1 << sight->order : 1;
    return index % pages == 0 ? pages : 1;
}

static void tell_section(const struct outside_listener *listener, struct section *section,
                         uintptr_t start)
{
    struct page_sight sights[SECTION_PAGES];
    listener->prepare(listener->context, 1, SECTION_PAGES);
    if (!brkm__pages_look(section, start, sights)) {
        return;
    }
    listener->area(
        listener->context,
        &(struct outside_area){.start = start, .bytes = section_bytes(), .kind = AREA_SECTION});
    for (size_t i = 0, pages; i < SECTION_PAGES; i += pages) {
        if (sights[i].kind == PAGE_SLAB) {
            pages = tell_slab(listener, &section->pages[i]);
        } else {
            pages = pages_of(&sights[i], i);
            /* Of large objects the record does not say it by its kind. */
            bool is_noted = sights[i].kind == PAGE_NOTED || sights[i].kind == PAGE_LARGE;
            listener->run(
                listener->context,
                &(struct outside_blocks){run_of(&sights[i]), page_bytes(pages), 1, is_noted});
        }
    }
}

static void tell(const struct outside_listener *listener)
{
    struct section *section;
    for (size_t number = 0; (section = brkm__page_map_next(&number)) != NULL; number++) {
        tell_section(listener, section, number * section_bytes());
    }
    brkm__vmalloc_tell(listener);
}

static struct outside_source source = {.tell = tell};

void brkm__kernel_tell_outside(void)
{
    brkm__outside_add(&source);
}
