/* SPDX-License-Identifier: MIT
 * vmalloc: mappings of their own, each with an inaccessible page behind it, in a table by address.
 */
#include <errno.h>
#include <string.h>

#include "base/facts.h"
#include "brkmalloc/kernel.h"
#include "kernel/failslab.h"
#include "kernel/gfp.h"
#include "kernel/kmalloc.h"
#include "kernel/note.h"
#include "kernel/own.h"
#include "kernel/page_map.h"
#include "kernel/shrink.h"
#include "kernel/spin.h"
#include "kernel/vmalloc.h"
#include "kit/footprint.h"
#include "kit/report.h"
#include "system/os.h"

struct area {
    uintptr_t start; /* 0 where the place is empty */
    size_t size;     /* bytes, the inaccessible page included */
    bool is_noted;   /* by the recorder (note.h) */
};

/* Open addressing with linear search; removing moves what follows back (Knuth, TAOCP 3, 6.4,
 * algorithm R). At most half full. */
static struct {
    struct spin lock;
    /* All else under the lock. */
    struct area *areas;
    size_t places; /* a power of two */
    size_t count;
    size_t bytes; /* of all areas */
    uintptr_t
        lowest; /* addresses that areas ever had lie between these: relaxed, for the look of */
    uintptr_t highest; /* brkm_is_vmalloc_addr and kvfree without the lock */
} table;

#define PLACES_MIN 256u

/* ---- The table ---- */

static size_t place_of(uintptr_t start)
{
    return (size_t)((start >> brkm__page_shift()) * BRKM_MIXING_FACTOR >> 20) & (table.places - 1);
}

static void put(struct area area)
{
    size_t at = place_of(area.start);
    while (table.areas[at].start != 0) {
        at = (at + 1) & (table.places - 1);
    }
    table.areas[at] = area;
    table.count++;
    table.bytes += area.size;
}

static bool grow_table(void)
{
    struct area *old = table.areas;
    size_t old_places = table.places;
    size_t places = old_places == 0 ? PLACES_MIN : 2 * old_places;
    struct area *areas = kernel_own_map(places * sizeof(*areas));
    if (areas == NULL) {
        return false;
    }
    table.areas = areas;
    table.places = places;
    table.count = table.bytes = 0;
    for (size_t i = 0; i < old_places; i++) {
        if (old[i].start != 0) {
            put(old[i]);
        }
    }
    if (old != NULL) {
        kernel_own_unmap(old, old_places * sizeof(*old));
    }
    return true;
}

static bool enter(struct area area)
{
    spin_acquire(&table.lock);
    bool has_room = 2 * (table.count + 1) <= table.places || grow_table();
    if (has_room) {
        put(area);
        if (table.lowest == 0 || area.start < table.lowest) {
            relaxed_store(table.lowest, area.start);
        }
        relaxed_store(table.highest, max_size(table.highest, area.start + area.size));
    }
    spin_release(&table.lock);
    return has_room;
}

static size_t find(uintptr_t start)
{
    size_t at = place_of(start);
    while (table.areas[at].start != 0 && table.areas[at].start != start) {
        at = (at + 1) & (table.places - 1);
    }
    return at;
}

static void close_gap(size_t gap)
{
    size_t mask = table.places - 1;
    for (size_t at = (gap + 1) & mask; table.areas[at].start != 0; at = (at + 1) & mask) {
        size_t home = place_of(table.areas[at].start);
        /* True where the entry would still be found when it lay in the gap. */
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            table.areas[gap] = table.areas[at];
            gap = at;
        }
    }
    table.areas[gap] = (struct area){0};
}

/* The area that begins there, taken out of the table; size 0 where none does. */
static struct area leave(uintptr_t start)
{
    struct area area = {0};
    spin_acquire(&table.lock);
    size_t at = table.places == 0 ? 0 : find(start);
    if (table.places != 0 && table.areas[at].start == start) {
        area = table.areas[at];
        close_gap(at);
        table.count--;
        table.bytes -= area.size;
    }
    spin_release(&table.lock);
    return area;
}

static bool may_contain(uintptr_t address)
{
    return address >= relaxed_load(table.lowest) && address < relaxed_load(table.highest);
}

bool brkm__vmalloc_begins(const void *address)
{
    if (!may_contain((uintptr_t)address)) {
        return false;
    }
    spin_acquire(&table.lock);
    bool begins = table.areas[find((uintptr_t)address)].start == (uintptr_t)address;
    spin_release(&table.lock);
    return begins;
}

size_t brkm__vmalloc_size(const void *address)
{
    spin_acquire(&table.lock);
    size_t size = table.areas[find((uintptr_t)address)].size;
    spin_release(&table.lock);
    return size - ((size_t)1 << brkm__page_shift());
}

BRKM_ENTRY bool brkm_is_vmalloc_addr(const void *address)
{
    bool found = false;
    if (!may_contain((uintptr_t)address)) {
        return false;
    }
    spin_acquire(&table.lock);
    for (size_t i = 0; i < table.places && !found; i++) {
        found = (uintptr_t)address - table.areas[i].start < table.areas[i].size;
    }
    spin_release(&table.lock);
    return found;
}

/* ---- Allocate ---- */

static void *map_area(size_t bytes, bool is_noted)
{
    size_t page = (size_t)1 << brkm__page_shift();
    char *start = brkm__footprint_map(bytes + page);
    if (start == NULL) {
        return NULL;
    }
    if (!brkm__os_protect(start + bytes, page) ||
        !enter((struct area){(uintptr_t)start, bytes + page, is_noted})) {
        brkm__footprint_abandon(start, bytes + page);
        return NULL;
    }
    return start;
}

static void *allocate(size_t size, brkm_gfp_t flags, const char *caller)
{
    size_t page = (size_t)1 << brkm__page_shift();
    if (unlikely(size == 0 || size > PTRDIFF_MAX - 2 * page)) {
        return brkm__gfp_fail(flags, size, caller);
    }
    if (unlikely(failslab_is_on()) && brkm__failslab_wants(NULL, size, flags)) {
        return brkm__gfp_fail(flags, size, caller);
    }
    struct shrink_rounds rounds = shrink_begin(brkm__gfp_in_context(flags));
    struct sample_weight weight;
    bool is_noted = brkm__kernel_note_wants(size, flags, &weight);
    void *start;
    do {
        start = map_area(align_up(size, page), is_noted);
    } while (unlikely(start == NULL) && brkm__shrink_again(&rounds));
    if (unlikely(is_noted && start != NULL)) {
        brkm__kernel_note(start, weight);
    }
    return likely(start != NULL) ? start : brkm__gfp_fail(flags, size, caller);
}

BRKM_ENTRY void *brkm_vmalloc(size_t size)
{
    void *start = allocate(size, BRKM_GFP_KERNEL, "vmalloc");
    BRKM_KEEP_FRAME();
    return start;
}

BRKM_ENTRY void *brkm_vzalloc(size_t size)
{
    void *start = allocate(size, BRKM_GFP_KERNEL, "vzalloc");
    BRKM_KEEP_FRAME();
    return start;
}

BRKM_ENTRY void *brkm_vmalloc_with(size_t size, brkm_gfp_t flags)
{
    if (unlikely(!brkm__gfp_check(flags))) {
        return NULL;
    }
    return likely(gfp_may_wait(flags)) ? allocate(size, flags, "__vmalloc")
                                       : brkm__gfp_fail(flags, size, "__vmalloc");
}

BRKM_ENTRY void *brkm_vmalloc_huge(size_t size, brkm_gfp_t flags)
{
    if (unlikely(!brkm__gfp_check(flags))) {
        return NULL;
    }
    void *start = allocate(size, flags, "vmalloc_huge");
    if (start != NULL) {
        brkm__os_advise_huge(start, align_up(size, (size_t)1 << brkm__page_shift()), true);
    }
    return start;
}

/* ---- Free ---- */

bool brkm__vmalloc_free(const void *address)
{
    struct area area = {0};
    if (may_contain((uintptr_t)address)) {
        area = leave((uintptr_t)address);
    }
    if (area.is_noted) {
        kernel_forget(address);
    }
    if (area.size != 0) {
        brkm__footprint_abandon((void *)area.start, area.size);
    }
    return area.size != 0;
}

BRKM_ENTRY void brkm_vfree(const void *address)
{
    if (unlikely(address != NULL && !brkm__vmalloc_free(address))) {
        brkm__fatal(FAULT_INVALID_POINTER,
                    (struct fault_place){.address = address, .caller = "vfree"});
    }
}

/* ---- Resize ---- */

/* An area is moved when it has too few pages, or twice too many. */
BRKM_ENTRY void *brkm_vrealloc(const void *address, size_t size, brkm_gfp_t flags)
{
    if (size == 0) {
        brkm_vfree(address);
        return NULL;
    }
    if (unlikely(address != NULL && !brkm__vmalloc_begins(address))) {
        brkm__fatal(FAULT_INVALID_POINTER,
                    (struct fault_place){.address = address, .caller = "vrealloc"});
    }
    size_t old_size = address != NULL ? brkm__vmalloc_size(address) : 0;
    if (size <= old_size && size > old_size / 2) {
        return (void *)(uintptr_t)address;
    }
    void *moved = brkm_vmalloc_with(size, flags);
    if (moved != NULL && address != NULL) {
        memcpy(moved, address, min_size(old_size, size));
        brkm_vfree(address);
    }
    return moved;
}

/* ---- kmalloc or vmalloc ---- */

BRKM_ENTRY void *brkm_kvmalloc(size_t size, brkm_gfp_t flags)
{
    size_t largest = brkm__kmalloc_largest();
    bool may_map = gfp_may_wait(flags) && size > (size_t)1 << brkm__page_shift();
    if (size <= largest) {
        brkm_gfp_t first = may_map ? flags | BRKM_GFP_NORETRY | BRKM_GFP_NOWARN : flags;
        first = may_map ? first & ~(BRKM_GFP_NOFAIL | BRKM_GFP_RETRY_MAYFAIL) : first;
        void *object = brkm_kmalloc(size, first);
        if (object != NULL || !may_map) {
            return object;
        }
    }
    if (!may_map) {
        return brkm__gfp_fail(flags, size, "kvmalloc");
    }
    return brkm__gfp_check(flags) ? allocate(size, flags, "kvmalloc") : NULL;
}

BRKM_ENTRY void *brkm_kvzalloc(size_t size, brkm_gfp_t flags)
{
    return brkm_kvmalloc(size, flags | BRKM_GFP_ZERO);
}

BRKM_ENTRY void *brkm_kvmalloc_array(size_t count, size_t size, brkm_gfp_t flags)
{
    size_t bytes;
    if (unlikely(__builtin_mul_overflow(count, size, &bytes))) {
        return brkm__gfp_fail(flags, SIZE_MAX, "kvmalloc_array");
    }
    return brkm_kvmalloc(bytes, flags);
}

BRKM_ENTRY void *brkm_kvcalloc(size_t count, size_t size, brkm_gfp_t flags)
{
    return brkm_kvmalloc_array(count, size, flags | BRKM_GFP_ZERO);
}

BRKM_ENTRY void brkm_kvfree(const void *address)
{
    if (page_of(address) != NULL || !brkm__vmalloc_free(address)) {
        brkm_kfree(address);
    }
}

static bool is_area(const void *address)
{
    return page_of(address) == NULL && brkm__vmalloc_begins(address);
}

BRKM_ENTRY void brkm_kvfree_sensitive(const void *address, size_t length)
{
    if (!BRKM_ZERO_OR_NULL_PTR(address)) {
        void *own = (void *)(uintptr_t)address;
        memset(own, 0, length);
        __asm__ volatile("" : : "r"(own) : "memory");
        brkm_kvfree(own);
    }
}

BRKM_ENTRY void *brkm_kvrealloc(const void *address, size_t size, brkm_gfp_t flags)
{
    if (BRKM_ZERO_OR_NULL_PTR(address) || size == 0) {
        brkm_kvfree(address);
        return brkm_kvmalloc(size, flags);
    }
    size_t old_size = is_area(address) ? brkm__vmalloc_size(address) : brkm_ksize(address);
    if (size <= old_size) {
        return (void *)(uintptr_t)address;
    }
    void *moved = brkm_kvmalloc(size, flags);
    if (moved != NULL) {
        memcpy(moved, address, old_size);
        brkm_kvfree(address);
    }
    return moved;
}

BRKM_ENTRY void *brkm_kvmemdup(const void *source, size_t size, brkm_gfp_t flags)
{
    void *copy = brkm_kvmalloc(size, flags);
    if (!BRKM_ZERO_OR_NULL_PTR(copy)) {
        memcpy(copy, source, size);
    }
    return copy;
}

/* ---- What lies where ---- */

static void tell_area(const struct outside_listener *listener, const struct area *area)
{
    size_t usable = area->size - ((size_t)1 << brkm__page_shift());
    listener->area(listener->context, &(struct outside_area){.start = area->start,
                                                             .bytes = usable,
                                                             .payload = area->start,
                                                             .usable = usable,
                                                             .kind = AREA_VMALLOC});
}

void brkm__vmalloc_tell(const struct outside_listener *listener)
{
    size_t count, bytes;
    brkm__vmalloc_count(&count, &bytes);
    /* What comes meanwhile may cost a fault. */
    listener->prepare(listener->context, count, 0);
    spin_acquire(&table.lock);
    for (size_t i = 0; i < table.places; i++) {
        if (table.areas[i].start != 0) {
            tell_area(listener, &table.areas[i]);
        }
    }
    spin_release(&table.lock);
}

/* ---- Figures, fork ---- */

void brkm__vmalloc_count(size_t *areas, size_t *bytes)
{
    spin_acquire(&table.lock);
    *areas = table.count;
    *bytes = table.bytes - (table.count << brkm__page_shift());
    spin_release(&table.lock);
}

void brkm__vmalloc_lock(void)
{
    spin_acquire(&table.lock);
}

void brkm__vmalloc_open(void)
{
    spin_release(&table.lock);
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("vmalloc areas", &table.areas),
    FACT_ADDRESS("vmalloc places", &table.places),
    FACT_SIZE(area),
    FACT_OFFSET(area, start),
    FACT_OFFSET(area, size),
};
