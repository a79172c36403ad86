/* SPDX-License-Identifier: MIT
 * See mapped.h.
 *
 * The table is a hash table with linear probing. An entry that is removed stays as a tombstone and
 * keeps its address, which lets a second free be told from a wild pointer for a while. */
#include "heap/mapped.h"

#include <string.h>

#include "base/facts.h"
#include "base/probes.h"
#include "kit/footprint.h"
#include "kit/huge_pages.h"
#include "kit/options.h"
#include "kit/own_memory.h"
#include "system/os.h"

/* Bytes between the start of a mapping and the payload, at the least: keeps the payload aligned. */
#define MAPPED_OVERHEAD BRKM_ALIGNMENT

/* Bytes at the end of a mapping for the fencepost, which tells of a write past the payload's end.
 * It costs a page where the program never touches its block's last one. */
#define MAPPED_FENCEPOST BRKM_HEADER_SIZE

/* Stands for the size in the headers before and behind the payload: the table has the size, and a
 * header whose last byte is not 0 shows where a zero was written over it. */
#define MAPPED_MARK BLOCK_BYTE_SIZE_MAX

/* Entries before the table gets a mapping of its own. */
#define MAPPED_FIRST_CAPACITY 64

struct mapping {
    uintptr_t payload; /* 0 in an entry that was never used */
    uintptr_t start;   /* of the mapping */
    size_t size;       /* of the mapping, whole pages; 0 in a tombstone */
    size_t usable;    /* bytes from the payload to the fencepost in its last page; 0 once retired */
    size_t requested; /* of a retired block */
    bool has_guards;  /* the first page and the last are inaccessible */
    bool is_retired;  /* freed; the addresses are kept, and nobody may touch them */
};

/* Its capacity is a power of two; `occupied` counts entries in use and tombstones. */
struct hash_table {
    struct mapping *entries;
    size_t capacity;
    size_t occupied;
};

static struct mapping first_entries[MAPPED_FIRST_CAPACITY];

/* Everything under brkm__mapped_lock. Each change is one store, which what prepared it precedes:
 * the child of a fork that came in between finds each block that the program has, and totals that
 * may be off by the block in question. */
static struct {
    struct hash_table tables[2]; /* `table` and the one that is filled to take its place */
    struct hash_table *table;
    struct mapped_totals totals;
} mapped = {
    .tables = {{first_entries, MAPPED_FIRST_CAPACITY, 0}},
    .table = &mapped.tables[0],
};

struct lock brkm__mapped_lock;

static void expect_locked(void)
{
    brkm_assert(brkm__lock_is_held(&brkm__mapped_lock), "the table changes under its lock");
}

/* ---- The table ---- */

/* The entry for `payload`, or the one that it would take. The table is never full. */
static struct mapping *entry_in(const struct hash_table *table, uintptr_t payload)
{
    /* Payloads of mapped blocks lie at page starts plus a constant. */
    size_t slot = (size_t)((uint64_t)(payload >> 12) * BRKM_MIXING_FACTOR >> 32);
    while (table->entries[slot & (table->capacity - 1)].payload != 0 &&
           table->entries[slot & (table->capacity - 1)].payload != payload) {
        slot++;
    }
    return &table->entries[slot & (table->capacity - 1)];
}

static size_t table_bytes(size_t capacity)
{
    return brkm__own_bytes(capacity * sizeof(struct mapping));
}

/* Moves the entries in use to `entries`; drops the tombstones. */
static void rehash(struct mapping *entries, size_t capacity)
{
    const struct hash_table *old = mapped.table;
    struct hash_table *next = &mapped.tables[old == mapped.tables];
    *next = (struct hash_table){.entries = entries, .capacity = capacity};
    for (size_t i = 0; i < old->capacity; i++) {
        if (old->entries[i].size != 0) {
            *entry_in(next, old->entries[i].payload) = old->entries[i];
            next->occupied++;
        }
    }
    __atomic_store_n(&mapped.table, next, __ATOMIC_RELEASE);
    if (old->entries != first_entries) {
        brkm__own_unmap(old->entries, old->capacity * sizeof(struct mapping));
    }
}

/* Makes sure that one more entry leaves the table at most half full. */
static bool make_room(void)
{
    expect_locked();
    const struct hash_table *table = mapped.table;
    if (table->occupied + 1 <= table->capacity / 2) {
        return true;
    }
    size_t capacity =
        max_size(table->capacity, 4 * (mapped.totals.count + mapped.totals.retired + 1));
    capacity = power_of_two_above(capacity);
    struct mapping *entries = brkm__own_map(capacity * sizeof(struct mapping));
    if (entries == NULL) {
        return false;
    }
    rehash(entries, capacity);
    return true;
}

static void remember(struct mapping mapping)
{
    expect_locked();
    struct mapping *entry = entry_in(mapped.table, mapping.payload);
    size_t size = mapping.size;
    mapped.table->occupied += entry->payload == 0;
    mapped.totals.count++;
    mapped.totals.bytes += size;
    mapped.totals.usable_bytes += mapping.usable;
    mapped.totals.bytes_peak = max_size(mapped.totals.bytes_peak, mapped.totals.bytes);
    mapping.size = 0;
    *entry = mapping;
    __atomic_store_n(&entry->size, size, __ATOMIC_RELEASE);
    brkm_assert(mapped.table->occupied <= mapped.table->capacity / 2,
                "the table is at most half full");
}

/* Takes a block off what is in use. */
static void count_out(const struct mapping *mapping)
{
    mapped.totals.count--;
    mapped.totals.bytes -= mapping->size;
    mapped.totals.usable_bytes -= mapping->usable;
}

/* Returns what the entry said. */
static struct mapping forget(struct mapping *entry)
{
    expect_locked();
    struct mapping mapping = *entry;
    __atomic_store_n(&entry->size, 0, __ATOMIC_RELEASE);
    if (mapping.is_retired) {
        mapped.totals.retired--;
    } else {
        count_out(&mapping);
    }
    return mapping;
}

static struct mapping *find_in_use(const void *payload)
{
    expect_locked();
    struct mapping *entry = entry_in(mapped.table, (uintptr_t)payload);
    return entry->size != 0 ? entry : NULL;
}

/* True when an entry is of a block that the program has. */
static bool is_in_use(const struct mapping *entry)
{
    return entry->size != 0 && !entry->is_retired;
}

/* ---- Mappings ---- */

/* Bytes to map so that an aligned payload of `size` bytes lies inside; 0 when that overflows. */
static size_t mapping_size(size_t size, size_t alignment)
{
    size_t page = brkm__os_page_size();
    size_t overhead = MAPPED_OVERHEAD + MAPPED_FENCEPOST;
    size_t slack = alignment <= MAPPED_OVERHEAD ? overhead : alignment + overhead;
    size_t total;
    if (__builtin_add_overflow(size, slack + page, &total) || total > PTRDIFF_MAX) {
        return 0;
    }
    return align_down(total - 1, page);
}

/* Gives back the whole pages before the header and behind the payload. Where the kernel cannot
 * split the mapping it stays larger than it need be. */
static void trim_mapping(struct mapping *mapping, size_t size)
{
    size_t page = brkm__os_page_size();
    uintptr_t first = align_down(mapping->payload - BRKM_HEADER_SIZE, page);
    if (first > mapping->start &&
        brkm__footprint_unmap((void *)mapping->start, first - mapping->start)) {
        mapping->size -= first - mapping->start;
        mapping->start = first;
    }
    uintptr_t end = align_up(mapping->payload + size + MAPPED_FENCEPOST, page);
    uintptr_t mapped_end = mapping->start + mapping->size;
    if (end < mapped_end && brkm__footprint_unmap((void *)end, mapped_end - end)) {
        mapping->size -= mapped_end - end;
    }
    mapping->usable = end - MAPPED_FENCEPOST - mapping->payload;
}

static void write_headers(const struct mapping *mapping)
{
    block_create(block_from_payload((void *)mapping->payload), MAPPED_MARK, BLOCK_IN_USE);
    block_create((void *)(mapping->payload + mapping->usable), MAPPED_MARK, BLOCK_FENCEPOST);
}

/* The payload as far to the front as it can be; what is behind goes back. */
static void place_at_front(struct mapping *mapping, size_t size, size_t alignment)
{
    mapping->payload = align_up(mapping->start + BRKM_HEADER_SIZE, alignment);
    trim_mapping(mapping, size);
}

/* Stands in front of the header of a block with guards. Nothing secret: it is there for stray
 * writes. */
#define FRONT_BYTE 0xd7

/* Bytes between the guard page in front of a block and its header. */
static size_t front_size(uintptr_t payload)
{
    return (payload - BRKM_HEADER_SIZE) % brkm__os_page_size();
}

static unsigned char *front_of(uintptr_t payload)
{
    return (unsigned char *)payload - BRKM_HEADER_SIZE - front_size(payload);
}

/* The payload as far to the back as it can be, so that little lies between its end and the guard
 * page; another is before its first page. Where the kernel refuses to protect a page there is
 * none. */
static void place_between_guards(struct mapping *mapping, size_t size, size_t alignment)
{
    size_t page = brkm__os_page_size();
    uintptr_t guard = mapping->start + mapping->size - page;
    mapping->payload = align_down(guard - MAPPED_FENCEPOST - size, alignment);
    mapping->usable = guard - MAPPED_FENCEPOST - mapping->payload;
    mapping->has_guards = true;
    uintptr_t first = align_down(mapping->payload - BRKM_HEADER_SIZE, page);
    brkm__os_protect((void *)mapping->start, first - mapping->start);
    brkm__os_protect((void *)guard, page);
    memset(front_of(mapping->payload), FRONT_BYTE, front_size(mapping->payload));
}

/* A mapping with the payload in its place; size 0 when the system has none. */
static struct mapping make_mapping(size_t size, size_t alignment)
{
    bool with_guards = brkm__option_get(OPTION_guard_pages) != 0;
    struct mapping mapping = {.size = mapping_size(size, alignment)};
    if (mapping.size == 0) {
        return mapping;
    }
    mapping.size += with_guards ? 2 * brkm__os_page_size() : 0;
    mapping.start = (uintptr_t)brkm__footprint_map(mapping.size);
    if (mapping.start == 0) {
        mapping.size = 0;
        return mapping;
    }
    alignment = max_size(alignment, MAPPED_OVERHEAD);
    if (unlikely(with_guards)) {
        place_between_guards(&mapping, size, alignment);
    } else {
        place_at_front(&mapping, size, alignment);
    }
    return mapping;
}

bool brkm__mapped_is_wanted(void)
{
    lock_acquire(&brkm__mapped_lock);
    size_t mappings = mapped.totals.count + mapped.totals.retired;
    lock_release(&brkm__mapped_lock);
    return mappings < brkm__option_get(OPTION_mapped_count_max);
}

/* False when the table cannot grow. */
static bool try_to_remember(struct mapping mapping)
{
    lock_acquire(&brkm__mapped_lock);
    bool room = make_room();
    if (room) {
        remember(mapping);
        mapped.totals.allocations++;
    }
    lock_release(&brkm__mapped_lock);
    return room;
}

void *brkm__mapped_allocate(size_t size, size_t alignment)
{
    struct mapping mapping = make_mapping(max_size(size, 1), alignment);
    if (mapping.size == 0) {
        return NULL;
    }
    brkm__huge_pages_advise((void *)mapping.start, mapping.size);
    brkm__block_draw_secret();
    write_headers(&mapping);
    if (!try_to_remember(mapping)) {
        brkm__footprint_abandon((void *)mapping.start, mapping.size);
        return NULL;
    }
    probe_mapped(mapping.payload, mapping.usable, mapping.size);
    return (void *)mapping.payload;
}

enum mapped_lookup brkm__mapped_find(const void *payload, size_t *usable)
{
    enum mapped_lookup found = MAPPED_UNKNOWN;
    lock_acquire(&brkm__mapped_lock);
    if (payload != NULL) {
        const struct mapping *entry = entry_in(mapped.table, (uintptr_t)payload);
        if (is_in_use(entry)) {
            found = MAPPED_IN_USE;
            if (usable != NULL) {
                *usable = entry->usable;
            }
        } else if (entry->payload != 0) {
            found = MAPPED_FREED;
        }
    }
    lock_release(&brkm__mapped_lock);
    return found;
}

bool brkm__mapped_front_is_whole(const void *payload)
{
    lock_acquire(&brkm__mapped_lock);
    struct mapping *entry = find_in_use(payload);
    bool has_guards = entry != NULL && entry->has_guards;
    lock_release(&brkm__mapped_lock);
    const unsigned char *front = front_of((uintptr_t)payload);
    size_t left = has_guards ? front_size((uintptr_t)payload) : 0;
    while (left > 0 && front[left - 1] == FRONT_BYTE) {
        left--;
    }
    return left == 0;
}

size_t brkm__mapped_retire(void *payload, size_t requested)
{
    lock_acquire(&brkm__mapped_lock);
    struct mapping *entry = find_in_use(payload);
    struct mapping mapping = {0};
    if (entry != NULL && !entry->is_retired) {
        mapping = *entry;
        count_out(entry);
        mapped.totals.retired++;
        entry->usable = 0;
        entry->requested = requested;
        entry->is_retired = true;
    }
    lock_release(&brkm__mapped_lock);
    if (mapping.size != 0) {
        brkm__os_discard_guarded((void *)mapping.start, mapping.size);
        brkm__os_protect((void *)mapping.start, mapping.size);
        brkm__footprint_release(mapping.size);
    }
    return mapping.size;
}

/* Under the lock. */
static const struct mapping *find_around(uintptr_t address)
{
    expect_locked();
    for (size_t i = 0; i < mapped.table->capacity; i++) {
        const struct mapping *entry = &mapped.table->entries[i];
        if (address - entry->start < entry->size) {
            return entry;
        }
    }
    return NULL;
}

bool brkm__mapped_contains(const void *address)
{
    lock_acquire(&brkm__mapped_lock);
    bool found = mapped.totals.count != 0 && find_around((uintptr_t)address) != NULL;
    lock_release(&brkm__mapped_lock);
    return found;
}

static struct mapped_place place_of(const struct mapping *entry)
{
    return (struct mapped_place){
        .payload = (const void *)entry->payload,
        .size = entry->is_retired ? entry->requested : entry->usable,
        .has_guards = entry->has_guards,
        .is_retired = entry->is_retired,
    };
}

bool brkm__mapped_around(const void *address, struct mapped_place *place)
{
    if (!brkm__lock_try_for_a_while(&brkm__mapped_lock)) {
        return false;
    }
    const struct mapping *entry = find_around((uintptr_t)address);
    if (entry != NULL) {
        *place = place_of(entry);
    }
    lock_release(&brkm__mapped_lock);
    return entry != NULL;
}

size_t brkm__mapped_free(void *payload)
{
    lock_acquire(&brkm__mapped_lock);
    struct mapping *entry = find_in_use(payload);
    struct mapping mapping = entry != NULL ? forget(entry) : (struct mapping){0};
    lock_release(&brkm__mapped_lock);
    if (mapping.size == 0) {
        return 0;
    }
    probe_unmapped(mapping.payload, mapping.size);
    if (mapping.is_retired) {
        /* It has no pages and is off the account already. */
        brkm__os_unmap((void *)mapping.start, mapping.size);
    } else {
        brkm__footprint_abandon((void *)mapping.start, mapping.size);
    }
    return mapping.usable;
}

/* Bytes of the mapping when its block has `size` usable ones; 0 when that overflows. */
static size_t resized_bytes(const struct mapping *mapping, size_t size)
{
    size_t page = brkm__os_page_size();
    size_t overhead = mapping->payload - mapping->start + MAPPED_FENCEPOST;
    size_t total;
    if (__builtin_add_overflow(size, overhead + page - 1, &total) || total > PTRDIFF_MAX) {
        return 0;
    }
    return align_down(total, page);
}

/* Under the lock. The entry may be another's afterwards. */
static void *resize_mapping(struct mapping *entry, size_t bytes)
{
    brkm_assert(is_in_use(entry), "only a block in use changes its size");
    struct mapping old = forget(entry);
    struct mapping moved = {.start = old.start, .size = bytes};
    if (bytes != old.size) {
        moved.start = (uintptr_t)brkm__footprint_remap((void *)old.start, old.size, bytes);
    }
    if (moved.start == 0) {
        remember(old);
        return NULL;
    }
    moved.payload = moved.start + (old.payload - old.start);
    moved.usable = moved.start + bytes - MAPPED_FENCEPOST - moved.payload;
    write_headers(&moved);
    remember(moved);
    probe_remapped(old.payload, old.size, moved.payload, moved.size);
    return (void *)moved.payload;
}

void *brkm__mapped_resize(void *payload, size_t size)
{
    void *resized = NULL;
    lock_acquire(&brkm__mapped_lock);
    const struct mapping *entry = find_in_use(payload);
    size_t bytes = entry == NULL || entry->has_guards ? 0 : resized_bytes(entry, size);
    if (bytes != 0 && make_room()) {
        resized = resize_mapping(find_in_use(payload), bytes);
    }
    lock_release(&brkm__mapped_lock);
    return resized;
}

void brkm__mapped_visit(void (*visit)(void *payload))
{
    for (size_t i = 0; i < mapped.table->capacity; i++) {
        if (is_in_use(&mapped.table->entries[i])) {
            visit((void *)mapped.table->entries[i].payload);
        }
    }
}

static struct mapped_sight sight_of(const struct mapping *entry)
{
    size_t page = brkm__os_page_size();
    uintptr_t end = entry->start + entry->size - (entry->has_guards ? page : 0);
    uintptr_t start =
        entry->has_guards ? align_down(entry->payload - BRKM_HEADER_SIZE, page) : entry->start;
    return (struct mapped_sight){start, end - start, place_of(entry)};
}

bool brkm__mapped_look(struct mapped_look *look,
                       void (*see)(void *context, const struct mapped_sight *sight), void *context)
{
    lock_acquire(&brkm__mapped_lock);
    const struct hash_table *table = mapped.table;
    bool begins = look->table != table->entries;
    if (begins) {
        *look = (struct mapped_look){.table = table->entries, .begun = look->begun + 1};
    }
    size_t end = begins ? 0 : min_size(look->place + MAPPED_LOOK_PLACES, table->capacity);
    for (; look->place < end; look->place++) {
        if (table->entries[look->place].size != 0) {
            struct mapped_sight sight = sight_of(&table->entries[look->place]);
            see(context, &sight);
        }
    }
    bool more = end < table->capacity;
    lock_release(&brkm__mapped_lock);
    return more;
}

struct mapped_totals brkm__mapped_totals_locked(void)
{
    struct mapped_totals totals = mapped.totals;
    bool has_mapping = mapped.table->entries != first_entries;
    totals.table_bytes = has_mapping ? table_bytes(mapped.table->capacity) : 0;
    totals.contended = brkm__mapped_lock.contended;
    return totals;
}

struct mapped_totals brkm__mapped_totals(void)
{
    lock_acquire(&brkm__mapped_lock);
    struct mapped_totals totals = brkm__mapped_totals_locked();
    lock_release(&brkm__mapped_lock);
    return totals;
}

/* ---- For debuggers ---- */

static const struct fact facts[] FACTS = {
    FACT_ADDRESS("mapped table", &mapped.table),
    FACT_OFFSET(hash_table, entries),
    FACT_OFFSET(hash_table, capacity),
    FACT_SIZE(mapping),
    FACT_OFFSET(mapping, payload),
    FACT_OFFSET(mapping, start),
    FACT_OFFSET(mapping, size),
    FACT_OFFSET(mapping, usable),
};
