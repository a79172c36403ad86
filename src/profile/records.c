/* SPDX-License-Identifier: MIT
 * See records.h. */
#include "profile/records.h"

#include <string.h>

#include "base/config.h"
#include "kit/backtrace.h"
#include "kit/footprint.h"
#include "system/os.h"

/* Lists of stacks, by hash. A quarter of a million stacks would make lists of 16. */
#define BUCKETS ((size_t)1 << 14)
#define BUCKETS_BYTES (BUCKETS * sizeof(struct profile_stack *))

/* Bytes of memory for stacks that are mapped at a time, room for 300 of 40 frames. */
#define CHUNK (128 * BRKM_KIB)

/* Places of the table of blocks at first; it doubles when three quarters are taken. */
#define PLACES_MIN ((size_t)1 << 12)

/* The share (1/128) by which live bytes must have passed the peak that is on record before it is
 * recorded again: each time costs a walk through all stacks. */
#define PEAK_SHARE 128

/* Bytes of a frame. */
#define FRAME_SIZE (sizeof(void *) + sizeof(object_number))

_Static_assert(sizeof(struct profile_stack) + PROFILE_FRAMES_MAX * FRAME_SIZE <= CHUNK,
               "the deepest stack fits into a chunk");

struct lock brkm__profile_lock;

/* All under the lock. */
static struct {
    struct profile_stack **buckets; /* NULL before brkm__profile_begin */
    struct profile_stack *first;
    struct profile_stack *unknown; /* for blocks whose stack is not known */
    char *chunk;
    size_t chunk_left;
    size_t stacks_bytes; /* of chunks */

    struct profile_record *places; /* open addressing, linear probing */
    size_t place_count;            /* a power of two; 0 while nothing can be recorded */
    size_t live;                   /* places taken */

    struct profile_sum in_use, peak;
    uint64_t stacks, samples, lost;
} profile;

/* ---- Sums ---- */

static void add_weight(struct profile_sum *sum, struct sample_weight weight)
{
    sum->bytes += weight.bytes;
    sum->block_parts += weight.block_parts;
}

static void subtract_weight(struct profile_sum *sum, struct sample_weight weight)
{
    sum->bytes -= weight.bytes;
    sum->block_parts -= weight.block_parts;
}

/* Before live bytes fall, and before anybody reads. */
static void note_peak(uint64_t more_than)
{
    if (profile.in_use.bytes <= more_than) {
        return;
    }
    profile.peak = profile.in_use;
    for (struct profile_stack *stack = profile.first; stack != NULL; stack = stack->next) {
        stack->peak = stack->live;
    }
}

/* ---- Stacks ---- */

/* The calling thread's stack. */
struct trace {
    size_t depth;
    uint64_t hash;
    void *frames[PROFILE_FRAMES_MAX];
    object_number objects[PROFILE_FRAMES_MAX];
};

static uint64_t hash_of(const struct trace *trace)
{
    uint64_t hash = trace->depth;
    for (size_t i = 0; i < trace->depth; i++) {
        hash = (hash ^ (uintptr_t)trace->frames[i] ^ (uint64_t)trace->objects[i] << 48) *
               BRKM_MIXING_FACTOR;
        hash ^= hash >> 29;
    }
    return hash;
}

/* NULL past the bound, or when memory is short. */
static void *stack_memory(size_t size)
{
    if (size > profile.chunk_left) {
        if (profile.stacks_bytes + CHUNK > PROFILE_STACKS_BYTES) {
            return NULL;
        }
        char *chunk = brkm__footprint_map(CHUNK);
        if (chunk == NULL) {
            return NULL;
        }
        profile.chunk = chunk;
        profile.chunk_left = CHUNK;
        profile.stacks_bytes += CHUNK;
    }
    void *memory = profile.chunk;
    profile.chunk += size;
    profile.chunk_left -= size;
    return memory;
}

static struct profile_stack *make_stack(const struct trace *trace)
{
    size_t size =
        align_up(sizeof(struct profile_stack) + trace->depth * FRAME_SIZE, sizeof(void *));
    struct profile_stack *stack = stack_memory(size);
    if (stack == NULL) {
        profile.lost++;
        return profile.unknown;
    }
    struct profile_stack **bucket = &profile.buckets[trace->hash % BUCKETS];
    stack->hash = trace->hash;
    stack->depth = trace->depth;
    memcpy(stack->frames, trace->frames, trace->depth * sizeof(void *));
    memcpy(stack->frames + trace->depth, trace->objects, trace->depth * sizeof(object_number));
    stack->next_in_bucket = *bucket;
    *bucket = stack;
    stack->next = profile.first;
    profile.first = stack;
    profile.stacks++;
    return stack;
}

static bool is_stack_of(const struct profile_stack *stack, const struct trace *trace)
{
    return stack->hash == trace->hash && stack->depth == trace->depth &&
           memcmp(stack->frames, trace->frames, trace->depth * sizeof(void *)) == 0 &&
           memcmp(profile_stack_objects(stack), trace->objects,
                  trace->depth * sizeof(object_number)) == 0;
}

static struct profile_stack *find_stack(const struct trace *trace)
{
    struct profile_stack *stack = profile.buckets[trace->hash % BUCKETS];
    while (stack != NULL && !is_stack_of(stack, trace)) {
        stack = stack->next_in_bucket;
    }
    return stack != NULL ? stack : make_stack(trace);
}

/* ---- Blocks in use, by address ---- */

/* The place where the search for an address begins. */
static size_t home_of(uintptr_t address)
{
    return (size_t)((address >> 4) * BRKM_MIXING_FACTOR >> 20) & (profile.place_count - 1);
}

static size_t place_after(size_t place)
{
    return (place + 1) & (profile.place_count - 1);
}

/* The place of the address, or the empty one where it would be. */
static size_t find_place(uintptr_t address)
{
    size_t place = home_of(address);
    while (profile.places[place].address != 0 && profile.places[place].address != address) {
        place = place_after(place);
    }
    return place;
}

static void put(struct profile_record record)
{
    size_t place = find_place(record.address);
    if (profile.places[place].address == 0) {
        profile.live++;
    }
    profile.places[place] = record;
}

/* Empties a place. Records behind it that were put there because it was taken move up. */
static void empty_place(size_t hole)
{
    size_t mask = profile.place_count - 1;
    for (size_t place = place_after(hole); profile.places[place].address != 0;
         place = place_after(place)) {
        size_t wanted = home_of(profile.places[place].address);
        if (((place - wanted) & mask) >= ((place - hole) & mask)) {
            profile.places[hole] = profile.places[place];
            hole = place;
        }
    }
    profile.places[hole].address = 0;
    profile.live--;
}

static bool make_places(size_t count)
{
    struct profile_record *old = profile.places;
    size_t old_count = profile.place_count;
    struct profile_record *places = brkm__footprint_map(count * sizeof(*places));
    if (places == NULL) {
        return false;
    }
    profile.places = places;
    profile.place_count = count;
    profile.live = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].address != 0) {
            put(old[i]);
        }
    }
    if (old != NULL) {
        brkm__footprint_unmap(old, old_count * sizeof(*old));
    }
    return true;
}

/* False when there is no room for one more block. */
static bool has_room(void)
{
    if (profile.live >= PROFILE_BLOCKS_MAX || profile.place_count == 0) {
        return false;
    }
    /* Without memory for a larger table the old one is filled up, if slower and slower. */
    return profile.live < profile.place_count / 4 * 3 || make_places(2 * profile.place_count) ||
           profile.live < profile.place_count / 16 * 15;
}

/* ---- Recording ---- */

/* Undoes what begin() got, where it did not get all. */
static void give_back(void)
{
    if (profile.buckets != NULL) {
        brkm__footprint_abandon(profile.buckets, BUCKETS_BYTES);
    }
    if (profile.places != NULL) {
        brkm__footprint_abandon(profile.places, profile.place_count * sizeof(*profile.places));
    }
    memset(&profile, 0, sizeof(profile));
}

static struct profile_stack *make_unknown(void)
{
    static const struct trace none = {.depth = 0};
    return make_stack(&none);
}

/* Three mappings, of buckets, places and stacks: all of them or none. */
static bool begin(void)
{
    if (profile.buckets != NULL) {
        return true;
    }
    profile.buckets = brkm__footprint_map(BUCKETS_BYTES);
    if (profile.buckets != NULL && make_places(PLACES_MIN)) {
        profile.unknown = make_unknown();
    }
    if (profile.unknown == NULL) {
        give_back();
    }
    return profile.unknown != NULL;
}

bool brkm__profile_begin(void)
{
    lock_acquire(&brkm__profile_lock);
    bool begun = begin();
    lock_release(&brkm__profile_lock);
    return begun;
}

void brkm__profile_note_objects(void)
{
    lock_acquire(&brkm__profile_lock);
    brkm__objects_note_all();
    lock_release(&brkm__profile_lock);
}

bool brkm__profile_add(const void *memory, struct sample_weight weight)
{
    struct trace trace;
    trace.depth = brkm__backtrace(trace.frames, PROFILE_FRAMES_MAX);
    lock_acquire(&brkm__profile_lock);
    bool added = has_room();
    if (added) {
        brkm__objects_find(trace.frames, trace.depth, trace.objects);
        trace.hash = hash_of(&trace);
        struct profile_stack *stack = find_stack(&trace);
        put((struct profile_record){(uintptr_t)memory, stack, weight});
        add_weight(&stack->live, weight);
        add_weight(&stack->total, weight);
        add_weight(&profile.in_use, weight);
        profile.samples++;
    } else {
        profile.lost++;
    }
    lock_release(&brkm__profile_lock);
    return added;
}

/* Under the lock. */
static struct profile_record take_out(const void *memory)
{
    struct profile_record record = {.address = 0};
    size_t place = profile.place_count == 0 ? 0 : find_place((uintptr_t)memory);
    if (profile.place_count != 0 && profile.places[place].address != 0) {
        record = profile.places[place];
        note_peak(profile.peak.bytes + profile.peak.bytes / PEAK_SHARE);
        subtract_weight(&record.stack->live, record.weight);
        subtract_weight(&profile.in_use, record.weight);
        empty_place(place);
    }
    return record;
}

struct profile_record brkm__profile_remove(const void *memory)
{
    lock_acquire(&brkm__profile_lock);
    struct profile_record record = take_out(memory);
    lock_release(&brkm__profile_lock);
    return record;
}

bool brkm__profile_try_remove(const void *memory)
{
    if (!brkm__lock_try(&brkm__profile_lock)) {
        return false;
    }
    take_out(memory);
    lock_release(&brkm__profile_lock);
    return true;
}

struct profile_record brkm__profile_find(const void *memory)
{
    struct profile_record record = {.address = 0};
    lock_acquire(&brkm__profile_lock);
    if (profile.place_count != 0) {
        record = profile.places[find_place((uintptr_t)memory)];
    }
    lock_release(&brkm__profile_lock);
    return record;
}

void brkm__profile_put_back(struct profile_record record)
{
    lock_acquire(&brkm__profile_lock);
    if (has_room()) {
        put(record);
        add_weight(&record.stack->live, record.weight);
        add_weight(&profile.in_use, record.weight);
    } else {
        profile.lost++;
    }
    lock_release(&brkm__profile_lock);
}

#if BRKM_BARE_FORK
void brkm__profile_abandon(void)
{
    bool has_begun = profile.buckets != NULL;
    memset(&profile, 0, sizeof(profile));
    brkm__objects_abandon();
    if (has_begun) {
        begin();
    }
}
#endif

/* ---- Reading ---- */

struct profile_totals brkm__profile_totals(void)
{
    lock_acquire(&brkm__profile_lock);
    struct profile_totals totals = {
        .samples = profile.samples,
        .live = profile.live,
        .lost = profile.lost,
        .stacks = profile.stacks,
        .contended = brkm__profile_lock.contended,
        .in_use = profile.in_use,
    };
    if (profile.buckets != NULL) {
        totals.bytes = BUCKETS_BYTES + profile.stacks_bytes + brkm__objects_bytes() +
                       profile.place_count * sizeof(struct profile_record);
    }
    lock_release(&brkm__profile_lock);
    return totals;
}

struct profile_stack *brkm__profile_read(void)
{
    lock_acquire(&brkm__profile_lock);
    note_peak(profile.peak.bytes);
    return profile.first;
}

bool brkm__profile_try_read(struct profile_stack **first)
{
    if (!brkm__lock_try(&brkm__profile_lock)) {
        return false;
    }
    note_peak(profile.peak.bytes);
    *first = profile.first;
    return true;
}

void brkm__profile_read_end(void)
{
    lock_release(&brkm__profile_lock);
}
