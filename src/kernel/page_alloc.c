/* SPDX-License-Identifier: MIT
 * See page_alloc.h. */
#include "kernel/page_alloc.h"

#include <string.h>

#include "kernel/failslab.h"
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
        brkm__pages_give(page, page->order, PAGES_MAY_WAIT);
        page = next;
    }
}

/* ---- The thread's magazine ---- */

static struct brkm_page *pop(struct kernel_thread *thread)
{
    struct brkm_page *page = NULL;
    if (magazines_enter(thread)) {
        if (thread->page_count != 0) {
            page = thread->pages[--thread->page_count];
            page->u.size = 0;
            relaxed_store(page->kind, PAGE_IN_USE);
        }
        magazines_leave(thread);
    }
    return page;
}

/* Makes room where there is none. */
static bool push(struct kernel_thread *thread, struct brkm_page *page)
{
    if (!magazines_enter(thread)) {
        return false;
    }
    if (thread->page_count == THREAD_PAGES) {
        unsigned from = THREAD_PAGES - THREAD_PAGE_BATCH;
        unsigned given =
            brkm__pages_give_kept(thread->pages + from, THREAD_PAGE_BATCH, PAGES_NO_WAIT);
        unsigned left = THREAD_PAGE_BATCH - given;
        memmove(thread->pages + from, thread->pages + from + given, left * sizeof(page));
        thread->page_count = from + left;
    }
    bool has_room = thread->page_count < THREAD_PAGES;
    if (has_room) {
        page->is_clean = false;
        relaxed_store(page->kind, PAGE_KEPT);
        thread->pages[thread->page_count++] = page;
    }
    magazines_leave(thread);
    return has_room;
}

static void refill(struct kernel_thread *thread)
{
    struct brkm_page *pages[THREAD_PAGE_BATCH];
    unsigned count = brkm__pages_take_kept(pages, THREAD_PAGE_BATCH, PAGES_MAY_WAIT);
    unsigned kept = 0;
    if (magazines_enter(thread)) {
        while (kept < count && thread->page_count < THREAD_PAGES) {
            thread->pages[thread->page_count++] = pages[kept++];
        }
        magazines_leave(thread);
    }
    brkm__pages_give_kept(pages + kept, count - kept, PAGES_MAY_WAIT);
}

void brkm__page_flush(struct kernel_thread *thread)
{
    brkm__pages_give_kept(thread->pages, thread->page_count, PAGES_MAY_WAIT);
    thread->page_count = 0;
}

/* ---- Allocate ---- */

static struct brkm_page *take_single(bool may_wait)
{
    struct brkm_page *page = pop(brkm__kernel_thread);
    struct kernel_thread *thread = page == NULL && may_wait ? brkm__kernel_thread_own() : NULL;
    if (thread != NULL) {
        refill(thread);
        page = pop(thread);
    }
    return page;
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

BRKM_ENTRY struct brkm_page *brkm_alloc_pages(brkm_gfp_t flags, unsigned order)
{
    if (likely(order == 0 && gfp_is_usual(flags))) {
        struct brkm_page *page = pop(brkm__kernel_thread);
        if (likely(page != NULL)) {
            return page;
        }
    }
    return brkm__page_allocate(flags, order, "alloc_pages");
}

static void *start_of(const struct brkm_page *page)
{
    return likely(page != NULL) ? brkm__page_start(page) : NULL;
}

BRKM_ENTRY void *brkm_get_free_pages(brkm_gfp_t flags, unsigned order)
{
    return start_of(brkm_alloc_pages(flags, order));
}

BRKM_ENTRY void *brkm_get_zeroed_page(brkm_gfp_t flags)
{
    return brkm_get_free_pages(flags | BRKM_GFP_ZERO, 0);
}

/* ---- Free ---- */

static BRKM_COLD void reject(const struct brkm_page *page, const void *address, unsigned order,
                             const char *caller)
{
    struct fault_place place = {.address = address, .caller = caller};
    if (page != NULL && page->kind == PAGE_IN_USE && page->order != order) {
        place.block_size = bytes_of(page->order);
        brkm__fatal(FAULT_WRONG_ORDER, place);
    }
    bool was_freed = page != NULL && (page->kind == PAGE_FREE || page->kind == PAGE_KEPT ||
                                      page->kind == PAGE_BUSY);
    brkm__fatal(was_freed ? FAULT_DOUBLE_FREE : FAULT_INVALID_POINTER, place);
}

void brkm__page_release(struct brkm_page *page, unsigned order)
{
    bool is_normal = page_section(page)->zone == brkm__pages_zone(GFP_ZONE_NORMAL);
    if (order == 0 && is_normal && likely(push(brkm__kernel_thread, page))) {
        return;
    }
    if (!brkm__pages_give(page, order, PAGES_NO_WAIT)) {
        defer(page, order);
    }
}

static void free_block(struct brkm_page *page, const void *address, unsigned order,
                       const char *caller)
{
    bool is_sound = page != NULL && relaxed_load(page->kind) == PAGE_IN_USE &&
                    page->order == order && address == brkm__page_start(page);
    if (unlikely(!is_sound)) {
        reject(page, address, order, caller);
    }
    brkm__page_release(page, order);
}

BRKM_ENTRY void brkm_free_pages(void *address, unsigned order)
{
    if (likely(address != NULL)) {
        free_block(page_of(address), address, order, "free_pages");
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
        page[i].u.size = 0;
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
