/* SPDX-License-Identifier: MIT
 * See page_alloc.h. */
#include "kernel/page_alloc.h"

#include <string.h>

#include "kernel/failslab.h"
#include "kernel/note.h"
#include "kernel/pages.h"
#include "kernel/shrink.h"
#include "kit/report.h"

/* Blocks that were freed by who could not have the zone's lock, linked through their records:
 * pushed by compare-and-exchange, taken as a whole. */
static struct brkm_page *deferred;

static size_t bytes_of(unsigned order)
{
    return (size_t)1 << (brkm__page_shift() + order);
}

/* ---- Blocks that wait for the lock ---- */

static void defer(struct brkm_page *page, unsigned order)
{
    page->order = (uint8_t)order;
    relaxed_store(page->kind, PAGE_BUSY);
    struct brkm_page *first = __atomic_load_n(&deferred, __ATOMIC_RELAXED);
    do {
        page->u.list.next = first;
    } while (!__atomic_compare_exchange_n(&deferred, &first, page, true, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

static void collect_deferred(void)
{
    if (likely(__atomic_load_n(&deferred, __ATOMIC_RELAXED) == NULL)) {
        return;
    }
    struct brkm_page *page = __atomic_exchange_n(&deferred, NULL, __ATOMIC_ACQUIRE);
    while (page != NULL) {
        struct brkm_page *next = page->u.list.next;
        if (page->is_noted) {
            page->is_noted = false;
            kernel_forget(brkm__page_start(page));
        }
        brkm__pages_give(page, page->order, PAGES_MAY_WAIT);
        page = next;
    }
}

/* ---- The thread's magazine ---- */

static BRKM_ALWAYS_INLINE bool pop(struct magazine_entry *entry)
{
    return magazine_pop(brkm__kernel_thread->magazines[MAGAZINE_PAGES], PAGE_IN_USE, entry);
}

static BRKM_ALWAYS_INLINE bool push(struct brkm_page *page, void *start)
{
    page->is_clean = false;
    return magazine_push(brkm__kernel_thread->magazines[MAGAZINE_PAGES], PAGE_KEPT,
                         (struct magazine_entry){start, &page->kind});
}

/* Makes room in a full magazine, if that can be had without waiting. */
static void make_room(struct magazine *magazine)
{
    size_t count = magazine_open(magazine);
    if (count == MAGAZINE_BUSY) {
        return;
    }
    unsigned from = THREAD_PAGES - THREAD_PAGE_BATCH;
    if (count > from) {
        struct magazine_entry *first = magazine->entries + from;
        size_t given = brkm__pages_give_kept(first, count - from, PAGES_NO_WAIT);
        count -= given;
        memmove(first, first + given, (count - from) * sizeof(*first));
    }
    magazine_close(magazine, count);
}

static void refill(struct kernel_thread *thread)
{
    struct magazine_entry pages[THREAD_PAGE_BATCH];
    struct magazine *magazine = brkm__magazine_make(thread, MAGAZINE_PAGES, THREAD_PAGES);
    unsigned taken = brkm__pages_take_kept(pages, THREAD_PAGE_BATCH, PAGES_MAY_WAIT);
    unsigned kept = 0;
    size_t count = magazine_open(magazine);
    if (count != MAGAZINE_BUSY) {
        size_t old = count;
        while (kept < taken && count < THREAD_PAGES) {
            magazine->entries[count++] = pages[kept++];
        }
        magazine_reverse(magazine, old, count);
        magazine_close(magazine, count);
    }
    brkm__pages_give_kept(pages + kept, taken - kept, PAGES_MAY_WAIT);
}

void brkm__page_flush(struct kernel_thread *thread)
{
    struct magazine *magazine = thread->magazines[MAGAZINE_PAGES];
    size_t count = magazine_open(magazine);
    if (count != MAGAZINE_BUSY) {
        brkm__pages_give_kept(magazine->entries, count, PAGES_MAY_WAIT);
        magazine_close(magazine, 0);
    }
}

/* ---- Allocate ---- */

static struct brkm_page *take_single(bool may_wait)
{
    struct magazine_entry entry;
    bool popped = pop(&entry);
    struct kernel_thread *thread = !popped && may_wait ? brkm__kernel_thread_own() : NULL;
    if (thread != NULL) {
        refill(thread);
        popped = pop(&entry);
    }
    return popped ? page_of_kind(entry.state) : NULL;
}

static struct brkm_page *take(brkm_gfp_t flags, unsigned order, bool *is_clean)
{
    bool may_wait = gfp_may_wait(flags);
    enum gfp_zone zone = brkm__gfp_zone(flags);
    if (may_wait) {
        collect_deferred();
        brkm__pages_balance();
    }
    if (order == 0 && zone == GFP_ZONE_NORMAL) {
        struct brkm_page *page = take_single(may_wait);
        if (page != NULL) {
            *is_clean = page->is_clean;
            return page;
        }
    }
    return brkm__pages_take(zone, order, may_wait ? PAGES_MAY_WAIT : PAGES_NO_WAIT, is_clean);
}

struct brkm_page *brkm__page_allocate(brkm_gfp_t flags, unsigned order, const char *caller)
{
    if (unlikely(!brkm__gfp_check(flags))) {
        return NULL;
    }
    flags = brkm__gfp_in_context(flags);
    if (unlikely(order > BRKM_MAX_ORDER)) {
        return brkm__gfp_fail(flags, SIZE_MAX, caller);
    }
    if (unlikely(failslab_is_on()) && brkm__failslab_wants(NULL, bytes_of(order), flags)) {
        return brkm__gfp_fail(flags, bytes_of(order), caller);
    }
    struct shrink_rounds rounds = shrink_begin(flags);
    struct brkm_page *page;
    bool is_clean = false;
    do {
        page = take(flags, order, &is_clean);
    } while (unlikely(page == NULL) && brkm__shrink_again(&rounds));
    if (unlikely(page == NULL)) {
        return brkm__gfp_fail(flags, bytes_of(order), caller);
    }
    if ((flags & BRKM_GFP_ZERO) != 0 && !is_clean) {
        memset(brkm__page_start(page), 0, bytes_of(order));
    }
    return page;
}

/* A page out of the thread's magazine; false on a miss, and while each request is to be seen. */
static BRKM_ALWAYS_INLINE bool take_quickly(brkm_gfp_t flags, unsigned order,
                                            struct magazine_entry *entry)
{
    return likely(order == 0 && gfp_is_usual(flags) && relaxed_load(brkm__caches_watched) == 0) &&
           likely(pop(entry));
}

void brkm__page_note(struct brkm_page *page, size_t size, brkm_gfp_t flags)
{
    struct sample_weight weight;
    if (unlikely(brkm__kernel_note_wants(size, flags, &weight))) {
        page->is_noted = true;
        if (page->kind == PAGE_IN_USE) {
            relaxed_store(page->kind, PAGE_NOTED);
        }
        brkm__kernel_note(brkm__page_start(page), weight);
    }
}

BRKM_ENTRY BRKM_NOINLINE static struct brkm_page *allocate_slow(brkm_gfp_t flags, unsigned order,
                                                                const char *caller)
{
    struct brkm_page *page = brkm__page_allocate(flags, order, caller);
    if (page != NULL) {
        brkm__page_note(page, bytes_of(order), flags);
    }
    BRKM_KEEP_FRAME();
    return page;
}

BRKM_ENTRY struct brkm_page *brkm_alloc_pages(brkm_gfp_t flags, unsigned order)
{
    struct magazine_entry entry;
    return take_quickly(flags, order, &entry) ? page_of_kind(entry.state)
                                              : allocate_slow(flags, order, "alloc_pages");
}

static void *start_of(const struct brkm_page *page)
{
    return likely(page != NULL) ? brkm__page_start(page) : NULL;
}

BRKM_ENTRY void *brkm_get_free_pages(brkm_gfp_t flags, unsigned order)
{
    struct magazine_entry entry;
    return take_quickly(flags, order, &entry)
               ? entry.object
               : start_of(allocate_slow(flags, order, "get_free_pages"));
}

BRKM_ENTRY void *brkm_get_zeroed_page(brkm_gfp_t flags)
{
    return brkm_get_free_pages(flags | BRKM_GFP_ZERO, 0);
}

/* ---- Free ---- */

static bool is_in_use(const struct brkm_page *page)
{
    uint8_t kind = relaxed_load(page->kind);
    return kind == PAGE_IN_USE || kind == PAGE_NOTED;
}

static BRKM_COLD void reject(const struct brkm_page *page, const void *address, unsigned order,
                             const char *caller)
{
    struct fault_place place = {.address = address, .caller = caller};
    if (page != NULL && is_in_use(page) && page->order != order) {
        place.block_size = bytes_of(page->order);
        brkm__fatal(FAULT_WRONG_ORDER, place);
    }
    bool was_freed = page != NULL && (page->kind == PAGE_FREE || page->kind == PAGE_KEPT ||
                                      page->kind == PAGE_BUSY);
    brkm__fatal(was_freed ? FAULT_DOUBLE_FREE : FAULT_INVALID_POINTER, place);
}

void brkm__page_release(struct brkm_page *page, unsigned order)
{
    if (unlikely(page->is_noted)) {
        if (!kernel_try_forget(brkm__page_start(page))) {
            defer(page, order);
            return;
        }
        page->is_noted = false;
    }
    if (order == 0 && page->zone == GFP_ZONE_NORMAL) {
        void *start = brkm__page_start(page);
        if (push(page, start)) {
            return;
        }
        make_room(brkm__kernel_thread->magazines[MAGAZINE_PAGES]);
        if (push(page, start)) {
            return;
        }
    }
    if (!brkm__pages_give(page, order, PAGES_NO_WAIT)) {
        defer(page, order);
    }
}

static BRKM_NOINLINE void free_block(struct brkm_page *page, const void *address, unsigned order,
                                     const char *caller)
{
    bool is_sound = page != NULL && is_in_use(page) && page->order == order &&
                    address == brkm__page_start(page);
    if (unlikely(!is_sound)) {
        reject(page, address, order, caller);
    }
    brkm__page_release(page, order);
}

/* A page in use goes into the thread's magazine; false when it is none or there is no room. */
static BRKM_ALWAYS_INLINE bool give_quickly(struct brkm_page *page, void *start)
{
    return likely(relaxed_load(page->kind) == PAGE_IN_USE && page->order == 0 &&
                  page->zone == GFP_ZONE_NORMAL) &&
           push(page, start);
}

static inline bool begins_page(const void *address)
{
    return (uintptr_t)address % ((size_t)1 << brkm__page_shift()) == 0;
}

BRKM_ENTRY void brkm_free_pages(void *address, unsigned order)
{
    struct brkm_page *page = page_of(address);
    bool given =
        order == 0 && likely(page != NULL && begins_page(address)) && give_quickly(page, address);
    if (unlikely(!given) && address != NULL) {
        free_block(page, address, order, "free_pages");
    }
}

BRKM_ENTRY void brkm_free_page_block(struct brkm_page *page, unsigned order)
{
    if (likely(page != NULL)) {
        free_block(page, brkm__page_start(page), order, "__free_pages");
    }
}

/* ---- Whole pages that are no power of two ---- */

/* Makes a block single pages, each in use by itself. */
static void split(struct brkm_page *page, unsigned order)
{
    for (size_t i = 0; i < (size_t)1 << order; i++) {
        page[i].order = 0;
        __atomic_store_n(&page[i].kind, PAGE_IN_USE, __ATOMIC_RELEASE);
    }
}

static size_t pages_for(size_t size)
{
    return (size + bytes_of(0) - 1) >> brkm__page_shift();
}

BRKM_ENTRY void *brkm_alloc_pages_exact(size_t size, brkm_gfp_t flags)
{
    if (unlikely(size == 0 || size > section_bytes())) {
        return brkm__gfp_fail(flags, size, "alloc_pages_exact");
    }
    unsigned order = brkm_get_order(size);
    struct brkm_page *page = brkm__page_allocate(flags, order, "alloc_pages_exact");
    if (page == NULL) {
        return NULL;
    }
    split(page, order);
    for (size_t i = pages_for(size); i < (size_t)1 << order; i++) {
        brkm__page_release(page + i, 0);
    }
    return brkm__page_start(page);
}

BRKM_ENTRY void brkm_free_pages_exact(void *address, size_t size)
{
    for (size_t i = 0; address != NULL && i < pages_for(size); i++) {
        brkm_free_pages((char *)address + i * bytes_of(0), 0);
    }
}

/* ---- Addresses ---- */

BRKM_ENTRY void *brkm_page_address(const struct brkm_page *page)
{
    return start_of(page);
}

BRKM_ENTRY struct brkm_page *brkm_virt_to_page(const void *address)
{
    return page_of(address);
}

BRKM_ENTRY unsigned brkm_get_order(size_t size)
{
    size_t pages = size == 0 ? 1 : (size - 1) >> brkm__page_shift();
    return size == 0 || pages == 0 ? 0 : log2_floor(pages) + 1;
}
