/* SPDX-License-Identifier: MIT
 * See cache.h. */
#include "kernel/cache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/failslab.h"
#include "kernel/kmalloc.h"
#include "kernel/note.h"
#include "kernel/pages.h"
#include "kernel/reserve.h"
#include "kernel/shrink.h"
#include "malloc/malloc.h"
#include "system/os.h"

/* What a destroyed cache has instead of CACHE_MAGIC. Its record is never given back, so that a
 * later use is told. */
#define CACHE_DESTROYED 0x64657374u

#define CACHE_LINE 64u

unsigned brkm__caches_watched;

static struct {
    struct spin lock;
    struct brkm_kmem_cache *first;
    uint8_t number_is_used[THREAD_MAGAZINES];
    unsigned watched; /* bits of enum cache_watch */
} registry = {.number_is_used = {[MAGAZINE_PAGES] = 1}};

/* ---- Registry ---- */

static unsigned take_number(void)
{
    unsigned number = 0;
    while (number < MAGAZINE_NONE && registry.number_is_used[number]) {
        number++;
    }
    registry.number_is_used[number] = 1;
    return number;
}

static void set_quick(struct brkm_kmem_cache *cache)
{
    relaxed_store(cache->quick_magazine, registry.watched == 0 ? cache->magazine : MAGAZINE_NONE);
}

static void enter(struct brkm_kmem_cache *cache, bool wants_magazines)
{
    spin_acquire(&registry.lock);
    cache->magazine = wants_magazines ? take_number() : MAGAZINE_NONE;
    set_quick(cache);
    cache->next = registry.first;
    registry.first = cache;
    spin_release(&registry.lock);
}

static void leave(struct brkm_kmem_cache *cache)
{
    if (cache->magazine != MAGAZINE_NONE) {
        brkm__magazines_drop(cache->magazine);
    }
    spin_acquire(&registry.lock);
    relaxed_store(cache->quick_magazine, MAGAZINE_NONE);
    struct brkm_kmem_cache **link = &registry.first;
    while (*link != cache) {
        link = &(*link)->next;
    }
    *link = cache->next;
    registry.number_is_used[cache->magazine] = 0;
    spin_release(&registry.lock);
}

void brkm__caches_visit(void (*visit)(struct brkm_kmem_cache *cache, void *context), void *context)
{
    spin_acquire(&registry.lock);
    for (struct brkm_kmem_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        visit(cache, context);
    }
    spin_release(&registry.lock);
}

void brkm__caches_watch(enum cache_watch who, bool on)
{
    spin_acquire(&registry.lock);
    registry.watched = on ? registry.watched | who : registry.watched & ~(unsigned)who;
    for (struct brkm_kmem_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        set_quick(cache);
    }
    relaxed_store(brkm__caches_watched, registry.watched);
    spin_release(&registry.lock);
    brkm__kmalloc_take_magazines();
}

/* ---- Create ---- */

static unsigned natural_alignment(unsigned size, unsigned align, unsigned flags)
{
    if ((flags & BRKM_SLAB_HWCACHE_ALIGN) != 0) {
        unsigned line = CACHE_LINE;
        while (size <= line / 2 && line > BRKM_ALIGNMENT) {
            line /= 2;
        }
        align = align > line ? align : line;
    }
    unsigned least = size >= BRKM_ALIGNMENT ? BRKM_ALIGNMENT : sizeof(void *);
    return align > least ? align : least;
}

static struct brkm_kmem_cache *make(const char *name, unsigned size, unsigned align, unsigned flags,
                                    void (*ctor)(void *object), unsigned capacity)
{
    struct brkm_kmem_cache *cache = brkm_calloc(1, sizeof(*cache));
    char *copy = cache == NULL ? NULL : brkm_malloc(strlen(name) + 1);
    if (copy == NULL) {
        brkm_free(cache);
        return NULL;
    }
    /* The bytes of a constructed object may not be filled. */
    cache->flags = ctor != NULL ? flags & ~BRKM_SLAB_POISON : flags;
    cache->object_size = size;
    cache->ctor = ctor;
    cache->capacity = capacity;
    cache->name = strcpy(copy, name);
    cache->magic = CACHE_MAGIC;
    align = natural_alignment(size, align, flags);
    bool has_zones = (flags & BRKM_SLAB_RED_ZONE) != 0;
    cache->front = has_zones ? (unsigned)align_up(RED_ZONE_BYTES, align) : 0;
    cache->stride = has_zones ? cache->front + size + RED_ZONE_BYTES : size;
    brkm__slab_lay_out(cache, align);
    enter(cache, (cache->flags & DEBUG_FLAGS) == 0);
    return cache;
}

struct brkm_kmem_cache *brkm__cache_make(const char *name, unsigned size, unsigned align,
                                         unsigned flags)
{
    return make(name, size, align, flags, NULL, 0);
}

static bool may_be_made(const char *name, unsigned size, unsigned align)
{
    size_t page = (size_t)1 << brkm__page_shift();
    return name != NULL && size != 0 && size <= section_bytes() / 2 &&
           (align == 0 || (is_power_of_two(align) && align <= page));
}

static struct brkm_kmem_cache *create(const char *name, unsigned size,
                                      const struct brkm_kmem_cache_args *args, unsigned flags)
{
    struct brkm_kmem_cache *cache = NULL;
    if (may_be_made(name, size, args->align)) {
        cache = make(name, size, args->align, flags, args->ctor, args->sheaf_capacity);
        errno = cache == NULL ? ENOMEM : errno;
    } else {
        errno = EINVAL;
    }
    if (unlikely(cache == NULL) && (flags & BRKM_SLAB_PANIC) != 0) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc: kmem_cache_create: no cache could be made of ");
        brkm__line_add_text(&line, name != NULL ? name : "(no name)");
        brkm__line_write(&line);
        brkm__os_abort();
    }
    return cache;
}

BRKM_ENTRY struct brkm_kmem_cache *
brkm_kmem_cache_create_args(const char *name, unsigned size,
                            const struct brkm_kmem_cache_args *args, unsigned flags)
{
    static const struct brkm_kmem_cache_args none;
    return create(name, size, args != NULL ? args : &none, flags);
}

BRKM_ENTRY struct brkm_kmem_cache *brkm_kmem_cache_create(const char *name, unsigned size,
                                                          unsigned align, unsigned flags,
                                                          void (*ctor)(void *object))
{
    const struct brkm_kmem_cache_args args = {.align = align, .ctor = ctor};
    return create(name, size, &args, flags);
}

BRKM_ENTRY unsigned brkm_kmem_cache_size(const struct brkm_kmem_cache *cache)
{
    return cache->object_size;
}

/* ---- Misuse ---- */

static BRKM_COLD void expect_living(const struct brkm_kmem_cache *cache, const char *caller)
{
    if (unlikely(cache == NULL || cache->magic != CACHE_MAGIC)) {
        brkm__fatal(cache != NULL && cache->magic == CACHE_DESTROYED ? FAULT_CACHE_DESTROYED
                                                                     : FAULT_CACHE_INVALID,
                    (struct fault_place){.address = cache, .caller = caller});
    }
}

_Noreturn void brkm__cache_reject(const struct slab *slab, const void *object, const char *caller)
{
    struct fault_place place = {.address = object, .caller = caller};
    if (slab == NULL) {
        const struct brkm_page *page = page_of(object);
        bool is_free = page != NULL && (page->kind == PAGE_FREE || page->kind == PAGE_KEPT);
        brkm__fatal(is_free ? FAULT_FREE_MEMORY : FAULT_INVALID_POINTER, place);
    }
    const uint8_t *state = slab_state_of(slab, object);
    bool is_object = state != NULL && state < slab->states + slab->cache->objects;
    place.block_size = is_object ? slab->cache->object_size : 0;
    brkm__fatal(is_object ? FAULT_DOUBLE_FREE : FAULT_INVALID_POINTER, place);
}

static BRKM_COLD void reject_zeroing(const struct brkm_kmem_cache *cache, const char *caller)
{
    brkm__fatal(FAULT_CONSTRUCTED_ZEROED, (struct fault_place){.address = cache, .caller = caller});
}

/* ---- Allocate ---- */

static void note(const void *object, struct sample_weight weight)
{
    uint8_t *state = slab_state_of(slab_around(object), object);
    relaxed_store(*state, OBJECT_NOTED);
    brkm__kernel_note(object, weight);
}

static void *ready(struct brkm_kmem_cache *cache, void *object, brkm_gfp_t flags)
{
    struct sample_weight weight;
    if (unlikely(brkm__kernel_note_wants(cache->object_size, flags, &weight))) {
        note(object, weight);
    }
    if (debug_wants(cache)) {
        brkm__debug_allocate(cache, object);
    }
    if ((flags & BRKM_GFP_ZERO) != 0) {
        memset(object, 0, cache->object_size);
    }
    return object;
}

static void *try_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags)
{
    struct magazine_entry entry;
    return slab_pop(cache->magazine, &entry) ? entry.object : brkm__slab_allocate(cache, flags);
}

void *brkm__cache_allocate(struct brkm_kmem_cache *cache, brkm_gfp_t flags, const char *caller)
{
    if (unlikely(!brkm__gfp_check(flags))) {
        return NULL;
    }
    flags = brkm__gfp_in_context(flags);
    if (unlikely(failslab_is_on()) &&
        brkm__failslab_wants(cache->name, cache->object_size, flags)) {
        return brkm__gfp_fail(flags, cache->object_size, caller);
    }
    struct shrink_rounds rounds = shrink_begin(flags);
    void *object;
    do {
        object = try_allocate(cache, flags);
    } while (unlikely(object == NULL) && brkm__shrink_again(&rounds));
    return likely(object != NULL) ? ready(cache, object, flags)
                                  : brkm__gfp_fail(flags, cache->object_size, caller);
}

BRKM_ENTRY BRKM_NOINLINE static void *allocate_slow(struct brkm_kmem_cache *cache, brkm_gfp_t flags)
{
    expect_living(cache, "kmem_cache_alloc");
    if (cache->ctor != NULL && (flags & BRKM_GFP_ZERO) != 0) {
        reject_zeroing(cache, "kmem_cache_alloc");
    }
    void *object = brkm__cache_allocate(cache, flags, "kmem_cache_alloc");
    BRKM_KEEP_FRAME();
    return object;
}

BRKM_ENTRY void *brkm_kmem_cache_alloc(struct brkm_kmem_cache *cache, brkm_gfp_t flags)
{
    struct magazine_entry entry;
    return likely(gfp_is_usual(flags) && cache->magic == CACHE_MAGIC) &&
                   slab_pop(relaxed_load(cache->quick_magazine), &entry)
               ? entry.object
               : allocate_slow(cache, flags);
}

BRKM_ENTRY void *brkm_kmem_cache_zalloc(struct brkm_kmem_cache *cache, brkm_gfp_t flags)
{
    return brkm_kmem_cache_alloc(cache, flags | BRKM_GFP_ZERO);
}

BRKM_ENTRY int brkm_kmem_cache_alloc_bulk(struct brkm_kmem_cache *cache, brkm_gfp_t flags,
                                          size_t count, void **objects)
{
    for (size_t i = 0; i < count; i++) {
        objects[i] = brkm_kmem_cache_alloc(cache, flags);
        if (unlikely(objects[i] == NULL)) {
            brkm_kmem_cache_free_bulk(cache, i, objects);
            return 0;
        }
    }
    return (int)count;
}

/* ---- Free ---- */

/* True when the object is to be taken back; false when it waits until the recorder has heard of its
 * end. Of two threads that free it at a time one is told. */
static bool end_note(struct slab *slab, void *object, uint8_t *state, const char *caller)
{
    uint8_t noted = OBJECT_NOTED;
    if (!__atomic_compare_exchange_n(state, &noted, OBJECT_IN_USE, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        brkm__cache_reject(slab, object, caller);
    }
    bool has_heard = kernel_try_forget(object);
    if (!has_heard) {
        brkm__slab_defer(slab, state, OBJECT_ENDED);
    }
    return has_heard;
}

void brkm__cache_give(struct slab *slab, void *object, const char *caller)
{
    uint8_t *state = slab_state_of(slab, object);
    if (unlikely(state == NULL || !object_state_is_in_use(relaxed_load(*state)))) {
        brkm__cache_reject(slab, object, caller);
    }
    if (unlikely(relaxed_load(*state) == OBJECT_NOTED && !end_note(slab, object, state, caller))) {
        return;
    }
    slab_remember(slab, object);
    if (debug_wants(slab->cache)) {
        brkm__debug_free(slab->cache, object, caller);
    }
    brkm__slab_free(slab, object, state);
}

static BRKM_NOINLINE void free_slow(struct brkm_kmem_cache *cache, void *object)
{
    if (object == NULL) {
        return;
    }
    struct slab *slab = slab_around(object);
    if (unlikely(slab == NULL)) {
        brkm__cache_reject(NULL, object, "kmem_cache_free");
    }
    if (unlikely(slab->cache != cache)) {
        expect_living(cache, "kmem_cache_free");
        brkm__fatal(FAULT_WRONG_CACHE,
                    (struct fault_place){object, slab->cache->object_size, "kmem_cache_free"});
    }
    brkm__cache_give(slab, object, "kmem_cache_free");
}

BRKM_ENTRY void brkm_kmem_cache_free(struct brkm_kmem_cache *cache, void *object)
{
    if (unlikely(!slab_give_quickly(object, false, cache))) {
        free_slow(cache, object);
    }
}

BRKM_ENTRY void brkm_kmem_cache_free_bulk(struct brkm_kmem_cache *cache, size_t count,
                                          void **objects)
{
    for (size_t i = 0; i < count; i++) {
        brkm_kmem_cache_free(cache, objects[i]);
    }
}

/* ---- Shrink, destroy ---- */

static void flush_own(struct brkm_kmem_cache *cache)
{
    struct kernel_thread *thread = brkm__kernel_thread_own();
    if (thread != NULL && cache->magazine != MAGAZINE_NONE) {
        brkm__slab_flush(cache, thread->magazines[cache->magazine], 0, true);
    }
}

BRKM_ENTRY int brkm_kmem_cache_shrink(struct brkm_kmem_cache *cache)
{
    expect_living(cache, "kmem_cache_shrink");
    flush_own(cache);
    brkm__slab_return_empty(cache, 0);
    return brkm__slab_count(cache).slabs != 0;
}

static void tell_leak(const struct brkm_kmem_cache *cache, size_t objects)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: kmem_cache_destroy: ");
    brkm__line_add_text(&line, cache->name);
    brkm__line_add_text(&line, " has ");
    brkm__line_add_number(&line, objects);
    brkm__line_add_text(&line, objects == 1 ? " object of " : " objects of ");
    brkm__line_add_number(&line, cache->object_size);
    brkm__line_add_text(&line, " bytes in use");
    brkm__line_write(&line);
}

static void add_site(void *object, uint8_t state, void *context)
{
    brkm__sites_add(context, object, state == OBJECT_NOTED);
}

static void tell_sites(struct brkm_kmem_cache *cache)
{
    struct sites sites = {0};
    brkm__slab_visit_in_use(cache, add_site, &sites);
    brkm__sites_tell(&sites);
}

BRKM_ENTRY void brkm_kmem_cache_destroy(struct brkm_kmem_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    expect_living(cache, "kmem_cache_destroy");
    size_t in_use = brkm__slab_count(cache).in_use;
    if (in_use != 0) {
        tell_leak(cache, in_use);
        tell_sites(cache);
    }
    /* Whatever threads keep is given up, and is free now. */
    leave(cache);
    brkm__slab_free_kept(cache);
    brkm__slab_return_empty(cache, 0);
    cache->magic = CACHE_DESTROYED;
}

static void return_empty_of(struct brkm_kmem_cache *cache, void *context)
{
    (void)context;
    brkm__slab_return_empty(cache, 0);
}

void brkm__caches_return_empty(void)
{
    brkm__caches_visit(return_empty_of, NULL);
}

/* ---- Fork ---- */

void brkm__caches_lock_all(void)
{
    spin_acquire(&registry.lock);
    for (struct brkm_kmem_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        spin_acquire(&cache->lock);
    }
}

void brkm__caches_open_all(void)
{
    for (struct brkm_kmem_cache *cache = registry.first; cache != NULL; cache = cache->next) {
        spin_release(&cache->lock);
    }
    spin_release(&registry.lock);
}

/* ---- /proc/slabinfo ---- */

static void print_cache(struct brkm_kmem_cache *cache, void *context)
{
    struct slab_totals totals = brkm__slab_count(cache);
    fprintf(context,
            "%-17s %6zu %6zu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6zu %6zu %6u\n",
            cache->name, totals.in_use, totals.objects, cache->stride, cache->objects,
            1u << cache->order, cache->capacity, cache->capacity / 2, 0u, totals.slabs_in_use,
            totals.slabs, 0u);
}

BRKM_ENTRY void brkm_slabinfo(FILE *stream)
{
    fputs("slabinfo - version: 2.1\n"
          "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
          " : tunables <limit> <batchcount> <sharedfactor>"
          " : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
          stream);
    brkm__caches_visit(print_cache, stream);
}
