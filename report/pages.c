/* SPDX-License-Identifier: MIT
 * See pages.h. A block's first and last page may hold others, too, and are counted one by one;
 * those between are its own. */
#include "pages.h"

#include <stdlib.h>

#include "../profile/memory.h"

#define CAPACITY_MIN 1024

static size_t place_of(const struct pages *pages, uint64_t key)
{
    uint64_t mixed = key * 0x9e3779b97f4a7c15u;
    size_t place = (size_t)(mixed ^ mixed >> 32) & (pages->capacity - 1);
    while (pages->counts[place].page != 0 && pages->counts[place].page != key) {
        place = (place + 1) & (pages->capacity - 1);
    }
    return place;
}

static void grow(struct pages *pages)
{
    struct pages old = *pages;
    pages->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    pages->counts = memory_zeroed(pages->capacity, sizeof(*pages->counts));
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.counts[i].page != 0) {
            pages->counts[place_of(pages, old.counts[i].page)] = old.counts[i];
        }
    }
    free(old.counts);
}

static void add_page(struct pages *pages, uint64_t page)
{
    if (pages->used * 2 >= pages->capacity) {
        grow(pages);
    }
    struct page_count *count = &pages->counts[place_of(pages, page + 1)];
    if (count->page == 0) {
        count->page = page + 1;
        pages->used++;
        pages->held++;
    }
    count->blocks++;
}

/* What follows a place without a gap is put in anew, so that no search ends there. */
static void empty_place(struct pages *pages, size_t hole)
{
    pages->counts[hole].page = 0;
    pages->used--;
    pages->held--;
    size_t place = (hole + 1) & (pages->capacity - 1);
    while (pages->counts[place].page != 0) {
        struct page_count count = pages->counts[place];
        pages->counts[place] = (struct page_count){0, 0};
        pages->counts[place_of(pages, count.page)] = count;
        place = (place + 1) & (pages->capacity - 1);
    }
}

static void remove_page(struct pages *pages, uint64_t page)
{
    size_t place = place_of(pages, page + 1);
    if (pages->counts[place].page != 0 && --pages->counts[place].blocks == 0) {
        empty_place(pages, place);
    }
}

/* The numbers of the first page and the last one. A block of no bytes lies on its first. */
static void range_of(uint64_t address, uint64_t bytes, uint64_t *first, uint64_t *last)
{
    uint64_t end;
    if (__builtin_add_overflow(address, bytes == 0 ? 0 : bytes - 1, &end)) {
        end = UINT64_MAX;
    }
    *first = address / PAGE_BYTES;
    *last = end / PAGE_BYTES;
}

void pages_free(struct pages *pages)
{
    free(pages->counts);
}

void pages_add(struct pages *pages, uint64_t address, uint64_t bytes)
{
    uint64_t first, last;
    range_of(address, bytes, &first, &last);
    add_page(pages, first);
    if (last > first) {
        add_page(pages, last);
        pages->held += last - first - 1;
    }
}

void pages_remove(struct pages *pages, uint64_t address, uint64_t bytes)
{
    uint64_t first, last;
    range_of(address, bytes, &first, &last);
    remove_page(pages, first);
    if (last > first) {
        remove_page(pages, last);
        pages->held -= last - first - 1;
    }
}
