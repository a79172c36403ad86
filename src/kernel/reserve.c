/* SPDX-License-Identifier: MIT
 * See reserve.h. */
#include "kernel/reserve.h"

#include <errno.h>

#include "kernel/kmalloc.h"
#include "kernel/own.h"
#include "kernel/spin.h"

/* Sizes of objects: powers of two from 64 bytes to 4 KiB, each with its share of the bytes. */
#define LEAST_SHIFT 6u
#define SIZES 7u

/* Never given back once it is published: a signal handler may be reading it. */
struct places {
    uint32_t count;
    void *at[]; /* objects, or NULL: atomic */
};

struct shelf {
    struct places *places; /* release; acquire */
    uint32_t wanted;       /* of them are to be full; relaxed */
};

static struct {
    struct spin lock; /* of brkm_reserve_set and of refills */
    struct shelf shelves[SIZES];
    uint32_t missing; /* objects; relaxed, a hint */
} reserve;

static size_t size_at(unsigned index)
{
    return (size_t)1 << (LEAST_SHIFT + index);
}

static struct places *places_of(const struct shelf *shelf)
{
    return __atomic_load_n(&shelf->places, __ATOMIC_ACQUIRE);
}

/* The first places, those that are to be full. */
static uint32_t wanted_of(const struct shelf *shelf, const struct places *places)
{
    uint32_t wanted = relaxed_load(shelf->wanted);
    return places == NULL ? 0 : wanted < places->count ? wanted : places->count;
}

static void *empty(struct places *places, uint32_t at)
{
    bool is_empty = __atomic_load_n(&places->at[at], __ATOMIC_RELAXED) == NULL;
    return is_empty ? NULL : __atomic_exchange_n(&places->at[at], NULL, __ATOMIC_ACQUIRE);
}

void *brkm__reserve_take(size_t size)
{
    for (unsigned i = 0; i < SIZES; i++) {
        struct places *places = size <= size_at(i) ? places_of(&reserve.shelves[i]) : NULL;
        uint32_t wanted = wanted_of(&reserve.shelves[i], places);
        for (uint32_t at = 0; at < wanted; at++) {
            void *object = empty(places, at);
            if (object != NULL) {
                __atomic_fetch_add(&reserve.missing, 1, __ATOMIC_RELAXED);
                return object;
            }
        }
    }
    return NULL;
}

/* ---- Filling, under the lock ---- */

/* At least `wanted` places; what the old ones hold moves. */
static bool make_places(struct shelf *shelf, uint32_t wanted)
{
    struct places *old = shelf->places;
    if (wanted == 0 || (old != NULL && old->count >= wanted)) {
        return true;
    }
    uint32_t count = (uint32_t)power_of_two_above(wanted);
    struct places *made = kernel_own_map(sizeof(*made) + count * sizeof(made->at[0]));
    if (made == NULL) {
        return false;
    }
    made->count = count;
    for (uint32_t at = 0; old != NULL && at < old->count; at++) {
        made->at[at] = empty(old, at);
    }
    __atomic_store_n(&shelf->places, made, __ATOMIC_RELEASE);
    return true;
}

static bool fill(struct shelf *shelf, size_t size)
{
    bool is_full = true;
    uint32_t wanted = wanted_of(shelf, shelf->places);
    for (uint32_t at = 0; at < wanted; at++) {
        if (__atomic_load_n(&shelf->places->at[at], __ATOMIC_RELAXED) == NULL) {
            void *object = brkm__kmalloc_for_reserve(size);
            is_full &= object != NULL;
            __atomic_store_n(&shelf->places->at[at], object, __ATOMIC_RELEASE);
        }
    }
    return is_full;
}

static bool set_shelf(struct shelf *shelf, size_t size, size_t bytes)
{
    uint32_t wanted = (uint32_t)min_size((bytes + size - 1) / size, UINT32_MAX / 2);
    bool has_places = make_places(shelf, wanted);
    relaxed_store(shelf->wanted, wanted);
    for (uint32_t at = wanted; shelf->places != NULL && at < shelf->places->count; at++) {
        brkm_kfree(empty(shelf->places, at));
    }
    return has_places && fill(shelf, size);
}

BRKM_ENTRY int brkm_reserve_set(size_t bytes)
{
    bool is_full = true;
    spin_acquire(&reserve.lock);
    __atomic_store_n(&reserve.missing, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < SIZES; i++) {
        is_full &= set_shelf(&reserve.shelves[i], size_at(i), bytes / SIZES);
    }
    spin_release(&reserve.lock);
    if (!is_full) {
        errno = ENOMEM;
    }
    return is_full ? 0 : -1;
}

void brkm__reserve_refill(void)
{
    if (likely(__atomic_load_n(&reserve.missing, __ATOMIC_RELAXED) == 0) ||
        !spin_try(&reserve.lock)) {
        return;
    }
    __atomic_store_n(&reserve.missing, 0, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < SIZES; i++) {
        if (reserve.shelves[i].wanted != 0 && !fill(&reserve.shelves[i], size_at(i))) {
            __atomic_fetch_add(&reserve.missing, 1, __ATOMIC_RELAXED);
        }
    }
    spin_release(&reserve.lock);
}

BRKM_ENTRY size_t brkm_reserve_available(void)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < SIZES; i++) {
        const struct places *places = places_of(&reserve.shelves[i]);
        uint32_t wanted = wanted_of(&reserve.shelves[i], places);
        for (uint32_t at = 0; at < wanted; at++) {
            bytes += __atomic_load_n(&places->at[at], __ATOMIC_RELAXED) != NULL ? size_at(i) : 0;
        }
    }
    return bytes;
}

/* ---- Fork ---- */

void brkm__reserve_lock(void)
{
    spin_acquire(&reserve.lock);
}

void brkm__reserve_open(void)
{
    spin_release(&reserve.lock);
}
