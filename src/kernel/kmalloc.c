/* SPDX-License-Identifier: MIT
 * See kmalloc.h. */
#include "kernel/kmalloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "kernel/cache.h"
#include "kernel/failslab.h"
#include "kernel/page_alloc.h"
#include "kernel/pages.h"
#include "kernel/reserve.h"
#include "kernel/shrink.h"
#include "kernel/vmalloc.h"
#include "kit/options.h"
#include "malloc/malloc.h"
#include "malloc/verify.h"

/* Bytes. Larger requests are blocks of pages, as in the kernel. */
#define KMALLOC_SLAB_MAX 8192u

/* Sizes are looked up in steps of 16 bytes. */
#define STEP_SHIFT 4u
#define STEPS (KMALLOC_SLAB_MAX >> STEP_SHIFT)

/* Bytes of the kernel's largest requests: today, and up to 2.6.22. */
#define LARGEST_TODAY ((size_t)4 << 20)
#define LARGEST_OLD ((size_t)128 << 10)

/* Classes. Each a multiple of 16 up to 256 bytes, then 8 for each doubling up to 2 KiB and 4
 * beyond: at most an eighth too much. With the option kmalloc_round the kernel's. */
#define CLASSES_MOST 64u

static const uint16_t powers[] = {16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192};

static struct {
    pthread_once_t once;
    struct brkm_kmem_cache *caches[CLASSES_MOST]; /* written once, before `is_ready` is */
    /* The magazine for each step of sizes, the caches' quick ones; MAGAZINE_NONE before the first
     * request that may wait. Relaxed: the fast path looks for nothing but a magazine. */
    uint8_t magazine_of[STEPS + 1];
    uint8_t class_of[STEPS + 1];
    bool is_ready; /* release; acquire */
} kmalloc = {.once = PTHREAD_ONCE_INIT, .magazine_of = {[0 ... STEPS] = MAGAZINE_NONE}};

_Static_assert(MAGAZINE_NONE <= UINT8_MAX, "the number of a magazine is a byte");

/* ---- Classes ---- */

static size_t next_class(size_t size, bool by_powers)
{
    if (by_powers) {
        for (unsigned i = 0; i < sizeof(powers) / sizeof(powers[0]); i++) {
            if (powers[i] > size) {
                return powers[i];
            }
        }
        return KMALLOC_SLAB_MAX + 1;
    }
    if (size < 256) {
        return size + 16;
    }
    size_t doubling = (size_t)1 << log2_floor(size);
    return size + doubling / (size < 2048 ? 8 : 4);
}

static void make_class(unsigned class, size_t below, size_t size)
{
    char name[32];
    snprintf(name, sizeof(name), "kmalloc-%zu", size);
    unsigned align = is_power_of_two(size) && size <= 4096 ? (unsigned)size : BRKM_ALIGNMENT;
    struct brkm_kmem_cache *cache = brkm__cache_make(name, (unsigned)size, align, 0);
    kmalloc.caches[class] = cache;
    for (size_t step = (below >> STEP_SHIFT) + 1; step <= size >> STEP_SHIFT; step++) {
        kmalloc.class_of[step] = (uint8_t) class;
    }
}

void brkm__kmalloc_take_magazines(void)
{
    bool is_ready = __atomic_load_n(&kmalloc.is_ready, __ATOMIC_ACQUIRE);
    for (size_t step = 1; is_ready && step <= STEPS; step++) {
        const struct brkm_kmem_cache *cache = kmalloc.caches[kmalloc.class_of[step]];
        uint32_t magazine = cache != NULL ? relaxed_load(cache->quick_magazine) : MAGAZINE_NONE;
        relaxed_store(kmalloc.magazine_of[step], (uint8_t)magazine);
    }
}

static void make_classes(void)
{
    bool by_powers = brkm__option_get(OPTION_kmalloc_round) == KMALLOC_ROUND_POWER;
    size_t below = 0;
    for (unsigned class = 0; below < KMALLOC_SLAB_MAX; class ++) {
        size_t size = next_class(below, by_powers);
        make_class(class, below, size);
        below = size;
    }
    __atomic_store_n(&kmalloc.is_ready, true, __ATOMIC_RELEASE);
    brkm__kmalloc_take_magazines();
}

/* The cache for a request; NULL before the first one that may wait, and when memory was short. */
static struct brkm_kmem_cache *cache_for(size_t size, bool may_wait)
{
    if (unlikely(!__atomic_load_n(&kmalloc.is_ready, __ATOMIC_ACQUIRE))) {
        if (!may_wait) {
            return NULL;
        }
        pthread_once(&kmalloc.once, make_classes);
    }
    return kmalloc.caches[kmalloc.class_of[(size + 15) >> STEP_SHIFT]];
}

size_t brkm__kmalloc_largest(void)
{
    switch (brkm__option_get(OPTION_kmalloc_limit)) {
    case KMALLOC_LIMIT_128K:
        return LARGEST_OLD;
    case KMALLOC_LIMIT_NONE:
        return section_bytes();
    default:
        return min_size(LARGEST_TODAY, section_bytes());
    }
}

/* ---- Allocate ---- */

static void *allocate_pages(size_t size, brkm_gfp_t flags)
{
    unsigned order = brkm_get_order(size);
    struct brkm_page *page = brkm__page_allocate(flags, order, "kmalloc");
    if (page == NULL) {
        return NULL;
    }
    __atomic_store_n(&page->kind, PAGE_LARGE, __ATOMIC_RELEASE);
    brkm__page_note(page, size, flags);
    return brkm__page_start(page);
}

static void *from_reserve(size_t size, brkm_gfp_t flags)
{
    void *object = gfp_may_use_reserve(flags) ? brkm__reserve_take(size) : NULL;
    if (object != NULL && (flags & BRKM_GFP_ZERO) != 0) {
        memset(object, 0, size);
    }
    return object;
}

static void *serve(size_t size, brkm_gfp_t flags)
{
    if (unlikely(size == 0)) {
        return BRKM_ZERO_SIZE_PTR;
    }
    if (unlikely(!brkm__gfp_check(flags))) {
        return NULL;
    }
    bool may_wait = gfp_may_wait(flags);
    if (unlikely(size > brkm__kmalloc_largest())) {
        return brkm__gfp_fail(flags, size, "kmalloc");
    }
    if (unlikely(size > KMALLOC_SLAB_MAX || brkm__gfp_zone(flags) != GFP_ZONE_NORMAL)) {
        return allocate_pages(size, flags);
    }
    struct brkm_kmem_cache *cache = cache_for(size, may_wait);
    int before = errno;
    void *object = cache != NULL ? brkm__cache_allocate(cache, flags, "kmalloc") : NULL;
    if (unlikely(object == NULL && !may_wait)) {
        object = from_reserve(size, flags);
        errno = object != NULL ? before : ENOMEM;
    }
    if (may_wait) {
        brkm__reserve_refill();
    }
    return object;
}

BRKM_ENTRY BRKM_NOINLINE static void *allocate(size_t size, brkm_gfp_t flags)
{
    void *object = serve(size, flags);
    BRKM_KEEP_FRAME();
    return object;
}

BRKM_ENTRY void *brkm_kmalloc(size_t size, brkm_gfp_t flags)
{
    struct magazine_entry entry;
    return likely(size <= KMALLOC_SLAB_MAX && gfp_is_usual(flags)) &&
                   slab_pop(relaxed_load(kmalloc.magazine_of[(size + 15) >> STEP_SHIFT]), &entry)
               ? entry.object
               : allocate(size, flags);
}

BRKM_ENTRY void *brkm_kzalloc(size_t size, brkm_gfp_t flags)
{
    return brkm_kmalloc(size, flags | BRKM_GFP_ZERO);
}

BRKM_ENTRY void *brkm_kmalloc_array(size_t count, size_t size, brkm_gfp_t flags)
{
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(count, size, &bytes))) {
        return brkm__gfp_fail(flags, SIZE_MAX, "kmalloc_array");
    }
    return brkm_kmalloc(bytes, flags);
}

BRKM_ENTRY void *brkm_kcalloc(size_t count, size_t size, brkm_gfp_t flags)
{
    return brkm_kmalloc_array(count, size, flags | BRKM_GFP_ZERO);
}

void *brkm__kmalloc_for_reserve(size_t size)
{
    struct brkm_kmem_cache *cache = cache_for(size, true);
    brkm_gfp_t flags = BRKM_GFP_KERNEL | BRKM_GFP_NORETRY | BRKM_GFP_NOWARN | BRKM_GFP_ZERO;
    return cache != NULL ? brkm__cache_allocate(cache, flags, "reserve") : NULL;
}

/* ---- Free ---- */

static void free_large(struct brkm_page *page, const void *object, const char *caller)
{
    if (unlikely(object != brkm__page_start(page))) {
        brkm__fatal(FAULT_INVALID_POINTER,
                    (struct fault_place){.address = object, .caller = caller});
    }
    brkm__page_release(page, page->order);
}

/* What lies in no slab. */
static BRKM_COLD void free_other(void *object, const char *caller)
{
    struct brkm_page *page = page_of(object);
    if (page == NULL && brkm__vmalloc_begins(object)) {
        brkm__fatal(FAULT_INVALID_POINTER,
                    (struct fault_place){.address = object, .caller = caller});
    }
    if (page == NULL) {
        brkm_free(object);
    } else if (page->kind == PAGE_LARGE) {
        free_large(page, object, caller);
    } else {
        brkm__cache_reject(NULL, object, caller);
    }
}

static BRKM_NOINLINE void free_slow(void *object, const char *caller)
{
    struct slab *slab = slab_around(object);
    if (slab != NULL) {
        brkm__cache_give(slab, object, caller);
    } else if (!BRKM_ZERO_OR_NULL_PTR(object)) {
        free_other(object, caller);
    }
}

BRKM_ENTRY void brkm_kfree(const void *object)
{
    void *own = (void *)(uintptr_t)object;
    if (unlikely(!slab_give_quickly(own, true, NULL))) {
        free_slow(own, "kfree");
    }
}

BRKM_ENTRY void brkm_kfree_bulk(size_t count, void **objects)
{
    for (size_t i = 0; i < count; i++) {
        brkm_kfree(objects[i]);
    }
}

BRKM_ENTRY void brkm_kfree_sensitive(const void *object)
{
    if (!BRKM_ZERO_OR_NULL_PTR(object)) {
        void *own = (void *)(uintptr_t)object;
        memset(own, 0, brkm_ksize(own));
        __asm__ volatile("" : : "r"(own) : "memory");
        brkm_kfree(own);
    }
}

/* ---- Size, resize ---- */

BRKM_ENTRY size_t brkm_ksize(const void *object)
{
    if (BRKM_ZERO_OR_NULL_PTR(object)) {
        return 0;
    }
    struct slab *slab = slab_around(object);
    if (slab != NULL) {
        const uint8_t *state = slab_state_of(slab, object);
        if (unlikely(state == NULL || relaxed_load(*state) != OBJECT_IN_USE)) {
            brkm__fatal(state == NULL ? FAULT_INVALID_POINTER : FAULT_USE_AFTER_FREE,
                        (struct fault_place){.address = object, .caller = "ksize"});
        }
        return slab->cache->object_size;
    }
    const struct brkm_page *page = page_of(object);
    if (page == NULL) {
        return brkm_malloc_usable_size((void *)(uintptr_t)object);
    }
    if (unlikely(page->kind != PAGE_LARGE || object != brkm__page_start(page))) {
        brkm__cache_reject(NULL, object, "ksize");
    }
    return (size_t)1 << (brkm__page_shift() + page->order);
}

static void *move(void *object, size_t old_size, size_t size, brkm_gfp_t flags)
{
    void *moved = brkm_kmalloc(size, flags);
    if (moved != NULL) {
        memcpy(moved, object, min_size(old_size, size));
        brkm_kfree(object);
    }
    return moved;
}

BRKM_ENTRY void *brkm_krealloc(void *object, size_t size, brkm_gfp_t flags)
{
    if (size == 0) {
        brkm_kfree(object);
        return BRKM_ZERO_SIZE_PTR;
    }
    if (BRKM_ZERO_OR_NULL_PTR(object)) {
        return brkm_kmalloc(size, flags);
    }
    size_t old_size = brkm_ksize(object);
    return size <= old_size ? object : move(object, old_size, size, flags);
}

BRKM_ENTRY void *brkm_krealloc_array(void *object, size_t count, size_t size, brkm_gfp_t flags)
{
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(count, size, &bytes))) {
        return brkm__gfp_fail(flags, SIZE_MAX, "krealloc_array");
    }
    return brkm_krealloc(object, bytes, flags);
}

/* ---- Copies ---- */

BRKM_ENTRY void *brkm_kmemdup(const void *source, size_t size, brkm_gfp_t flags)
{
    void *copy = brkm_kmalloc(size, flags);
    if (!BRKM_ZERO_OR_NULL_PTR(copy)) {
        memcpy(copy, source, size);
    }
    return copy;
}

BRKM_ENTRY char *brkm_kmemdup_nul(const char *source, size_t length, brkm_gfp_t flags)
{
    char *copy = source == NULL ? NULL : brkm_kmalloc(length + 1, flags);
    if (copy != NULL) {
        memcpy(copy, source, length);
        copy[length] = '\0';
    }
    return copy;
}

BRKM_ENTRY char *brkm_kstrndup(const char *string, size_t most, brkm_gfp_t flags)
{
    return string == NULL ? NULL : brkm_kmemdup_nul(string, strnlen(string, most), flags);
}

BRKM_ENTRY char *brkm_kstrdup(const char *string, brkm_gfp_t flags)
{
    return brkm_kstrndup(string, SIZE_MAX, flags);
}

BRKM_ENTRY char *brkm_kvasprintf(brkm_gfp_t flags, const char *format, va_list list)
{
    va_list again;
    va_copy(again, list);
    int length = vsnprintf(NULL, 0, format, list);
    char *text = length < 0 ? NULL : brkm_kmalloc((size_t)length + 1, flags);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

BRKM_ENTRY char *brkm_kasprintf(brkm_gfp_t flags, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char *text = brkm_kvasprintf(flags, format, list);
    va_end(list);
    return text;
}

/* ---- Malloc's functions ---- */

bool brkm__neighbour_has(const void *memory)
{
    return page_of(memory) != NULL || brkm__vmalloc_begins(memory);
}

void brkm__neighbour_free(void *memory, const char *caller)
{
    if (page_of(memory) != NULL || !brkm__vmalloc_free(memory)) {
        free_slow(memory, caller);
    }
}

size_t brkm__neighbour_usable_size(const void *memory)
{
    return page_of(memory) != NULL ? brkm_ksize(memory) : brkm__vmalloc_size(memory);
}

/* A realloc from malloc's family may well wait. */
void *brkm__neighbour_realloc(void *memory, size_t size)
{
    if (page_of(memory) != NULL && size <= brkm__kmalloc_largest()) {
        return size != 0 ? brkm_krealloc(memory, size, BRKM_GFP_KERNEL | BRKM_GFP_NOWARN)
                         : (brkm__neighbour_free(memory, "realloc"), NULL);
    }
    void *moved = size != 0 ? brkm_malloc(size) : NULL;
    if (moved != NULL) {
        memcpy(moved, memory, min_size(brkm__neighbour_usable_size(memory), size));
    }
    if (moved != NULL || size == 0) {
        brkm__neighbour_free(memory, "realloc");
    }
    return moved;
}
