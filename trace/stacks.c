/* SPDX-License-Identifier: MIT
 * See stacks.h. Stacks and objects come from where the heap profile has them from. */
#include "stacks.h"

#include <string.h>

#include "../src/kit/backtrace.h"
#include "../src/kit/footprint.h"
#include "../src/profile/objects.h"
#include "../src/system/os.h"

/* Places of the table at first, a power of two; it doubles when half of them are taken. */
#define PLACES_MIN ((size_t)1 << 12)

_Static_assert(TRACE_BUILD_ID_MAX == IMAGE_BUILD_ID_MAX, "a build id is written as a whole");

struct place {
    uint64_t sum;      /* of the stack's addresses; 0: the place is free; release, acquire: find */
    uint64_t identity; /* the same with the numbers of the objects */
    uint32_t doubts;   /* so many there were when the objects were looked at; relaxed */
    uint32_t number;
};

struct stack_places {
    size_t capacity;
    struct place all[];
};

/* Times that an object was unloaded, around which each counts twice. Relaxed: a thread whose own
 * stack has the new object in it has seen it loaded, and so unloaded before. */
static uint32_t doubts = 1;

/* Where the recorder itself lies in memory, from the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

/* What profile/objects.c asks for: here it is on no account. */
void *brkm__footprint_map(size_t size)
{
    return brkm__os_map(size);
}

void stacks_doubt(void)
{
    __atomic_fetch_add(&doubts, 1, __ATOMIC_RELAXED);
}

void stacks_begin(void)
{
    brkm__objects_abandon();
}

/* ---- A stack ---- */

static uint64_t sum_of(uint64_t sum, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += sizeof(uint16_t)) {
        uint16_t word;
        memcpy(&word, (const char *)bytes + i, sizeof(word));
        sum = trace_mix(sum, word);
        sum ^= sum >> 32;
    }
    return sum | 1;
}

static uint64_t sum_of_frames(void *const *frames, size_t depth)
{
    uint64_t sum = depth;
    for (size_t i = 0; i < depth; i++) {
        sum = trace_mix(sum, (uintptr_t)frames[i]);
        sum ^= sum >> 32;
    }
    return sum | 1;
}

static bool is_own(const void *frame)
{
    return (uintptr_t)frame - (uintptr_t)__ehdr_start < (uintptr_t)(_end - __ehdr_start);
}

void stacks_take(struct stack *stack, size_t depth)
{
    size_t count = brkm__backtrace(stack->all, depth + STACKS_OWN_FRAMES_MAX);
    size_t own = 0;
    while (own < count && is_own(stack->all[own])) {
        own++;
    }
    stack->frames = stack->all + own;
    stack->depth = count - own < depth ? count - own : depth;
    stack->sum = sum_of_frames(stack->frames, stack->depth);
}

/* ---- The table ---- */

static size_t next_index(const struct stack_places *places, size_t index)
{
    return (index + 1) & (places->capacity - 1);
}

static size_t first_index(const struct stack_places *places, uint64_t sum)
{
    return (size_t)(sum >> 1) & (places->capacity - 1);
}

uint32_t stacks_find(const struct stack_table *table, const struct stack *stack)
{
    const struct stack_places *places = __atomic_load_n(&table->places, __ATOMIC_ACQUIRE);
    uint32_t now = __atomic_load_n(&doubts, __ATOMIC_RELAXED);
    if (places == NULL) {
        return 0;
    }
    for (size_t i = first_index(places, stack->sum);; i = next_index(places, i)) {
        const struct place *place = &places->all[i];
        uint64_t sum = __atomic_load_n(&place->sum, __ATOMIC_ACQUIRE);
        if (sum == 0) {
            return 0;
        }
        if (sum == stack->sum && __atomic_load_n(&place->doubts, __ATOMIC_RELAXED) == now) {
            return place->number;
        }
    }
}

static void put(struct stack_places *places, struct place place)
{
    size_t i = first_index(places, place.sum);
    while (places->all[i].sum != 0) {
        i = next_index(places, i);
    }
    places->all[i].identity = place.identity;
    places->all[i].doubts = place.doubts;
    places->all[i].number = place.number;
    __atomic_store_n(&places->all[i].sum, place.sum, __ATOMIC_RELEASE);
}

/* Somebody may still read the old places: they stay, and are half of the new ones. */
static bool make_room(struct stack_table *table)
{
    struct stack_places *old = table->places;
    if (old != NULL && ((size_t)table->count + 1) * 2 <= old->capacity) {
        return true;
    }
    size_t capacity = old == NULL ? PLACES_MIN : old->capacity * 2;
    struct stack_places *places =
        brkm__footprint_map(sizeof(*places) + capacity * sizeof(struct place));
    if (places == NULL) {
        return false;
    }
    places->capacity = capacity;
    for (size_t i = 0; old != NULL && i < old->capacity; i++) {
        if (old->all[i].sum != 0) {
            put(places, old->all[i]);
        }
    }
    __atomic_store_n(&table->places, places, __ATOMIC_RELEASE);
    return true;
}

/* ---- Writing ---- */

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    for (; number >= 128; number >>= 7) {
        *at++ = (unsigned char)(number | 128);
    }
    *at++ = (unsigned char)number;
    return at;
}

static unsigned char *put_bytes(unsigned char *at, const void *bytes, size_t length)
{
    at = put_number(at, length);
    memcpy(at, bytes, length);
    return at + length;
}

static bool write_object(const struct profile_object *object, stacks_write write)
{
    unsigned char record[TRACE_OBJECT_RECORD_MAX];
    const uint64_t numbers[TRACE_OBJECT_NUMBERS] = {
        object->start, object->end,     object->link_start,   object->inode,
        object->size,  object->changed, object->changed_nanos};
    unsigned char *at = record;
    *at++ = TRACE_RECORD_OBJECT;
    for (size_t i = 0; i < TRACE_OBJECT_NUMBERS; i++) {
        at = put_number(at, numbers[i]);
    }
    at = put_bytes(at, object->build_id, object->build_id_length);
    at = put_bytes(at, object->path,
                   object->path_length < TRACE_PATH_MAX ? object->path_length : TRACE_PATH_MAX);
    return write(record, (size_t)(at - record));
}

static bool write_objects(struct stack_table *table, stacks_write write)
{
    const struct profile_object *object = brkm__objects_first();
    for (; object != NULL; object = object->next) {
        if (object->number > table->objects_written) {
            if (!write_object(object, write)) {
                return false;
            }
            table->objects_written = object->number;
        }
    }
    return true;
}

static bool write_stack(const struct stack *stack, const object_number *objects, stacks_write write)
{
    unsigned char record[TRACE_STACK_RECORD_MAX];
    unsigned char *at = record;
    uint64_t before = 0;
    *at++ = TRACE_RECORD_STACK;
    at = put_number(at, stack->depth);
    for (size_t i = 0; i < stack->depth; i++) {
        uint64_t address = (uintptr_t)stack->frames[i];
        at = put_number(at, objects[i]);
        at = put_number(at, trace_zigzag(address - before));
        before = address;
    }
    return write(record, (size_t)(at - record));
}

static struct place *find_again(const struct stack_table *table, uint64_t sum, uint64_t identity)
{
    struct stack_places *places = table->places;
    size_t i = first_index(places, sum);
    for (; places->all[i].sum != 0; i = next_index(places, i)) {
        if (places->all[i].sum == sum && places->all[i].identity == identity) {
            return &places->all[i];
        }
    }
    return NULL;
}

static uint32_t add_new(struct stack_table *table, const struct stack *stack,
                        const object_number *objects, struct place place, stacks_write write)
{
    if (table->count == TRACE_STACKS_MAX || !write_objects(table, write) ||
        !write_stack(stack, objects, write)) {
        return 0;
    }
    place.number = ++table->count;
    put(table->places, place);
    return place.number;
}

uint32_t stacks_add(struct stack_table *table, const struct stack *stack, stacks_write write)
{
    object_number objects[TRACE_DEPTH_MAX];
    struct place place = {.sum = stack->sum, .doubts = __atomic_load_n(&doubts, __ATOMIC_RELAXED)};
    if (!make_room(table)) {
        return 0;
    }
    brkm__objects_find(stack->frames, stack->depth, objects);
    place.identity = sum_of(stack->sum, objects, stack->depth * sizeof(objects[0]));
    struct place *found = find_again(table, place.sum, place.identity);
    if (found == NULL) {
        return add_new(table, stack, objects, place, write);
    }
    __atomic_store_n(&found->doubts, place.doubts, __ATOMIC_RELAXED);
    return found->number;
}
