/* SPDX-License-Identifier: MIT
 * See debug.h. */
#include "kernel/debug.h"

#include <string.h>

#include "heap/block.h"
#include "kit/report.h"

#define POISON_FREE 0x6b
#define POISON_END 0xa5

struct red_zone {
    uint64_t words[2];
};

_Static_assert(sizeof(struct red_zone) == RED_ZONE_BYTES, "a red zone keeps objects aligned");

static char *zone_before(void *object)
{
    return (char *)object - RED_ZONE_BYTES;
}

/* Right behind the object's last byte, and so at any address. */
static char *zone_after(const struct brkm_kmem_cache *cache, void *object)
{
    return (char *)object + cache->object_size;
}

/* A byte from 0x80 to 0xbf: no letter, no terminator and no minus one is like it. */
static uint64_t unlike_what_is_written(uint64_t word)
{
    return (word & UINT64_C(0xbfbfbfbfbfbfbfbf)) | UINT64_C(0x8080808080808080);
}

static struct red_zone zone_for(const char *where)
{
    uint64_t secret = relaxed_load(brkm__block_secret);
    uint64_t word = ((uintptr_t)where ^ secret << 32 ^ secret) * BRKM_MIXING_FACTOR;
    return (struct red_zone){
        {unlike_what_is_written(word), unlike_what_is_written(word ^ word >> 31)}};
}

static void draw_zone(char *where)
{
    struct red_zone zone = zone_for(where);
    memcpy(where, &zone, sizeof(zone));
}

static bool zone_is_whole(const char *where)
{
    struct red_zone zone = zone_for(where);
    return memcmp(where, &zone, sizeof(zone)) == 0;
}

static void poison(const struct brkm_kmem_cache *cache, void *object)
{
    memset(object, POISON_FREE, cache->object_size - 1);
    ((unsigned char *)object)[cache->object_size - 1] = POISON_END;
}

static bool is_poisoned(const struct brkm_kmem_cache *cache, const void *object)
{
    const unsigned char *bytes = object;
    for (unsigned i = 0; i + 1 < cache->object_size; i++) {
        if (bytes[i] != POISON_FREE) {
            return false;
        }
    }
    return bytes[cache->object_size - 1] == POISON_END;
}

void brkm__debug_new(const struct brkm_kmem_cache *cache, void *object)
{
    if ((cache->flags & BRKM_SLAB_RED_ZONE) != 0) {
        draw_zone(zone_before(object));
        draw_zone(zone_after(cache, object));
    }
    if ((cache->flags & BRKM_SLAB_POISON) != 0) {
        poison(cache, object);
    }
}

static void verify_zones(const struct brkm_kmem_cache *cache, void *object, const char *caller)
{
    struct fault_place place = {object, cache->object_size, caller};
    if (!zone_is_whole(zone_before(object))) {
        brkm__fatal(FAULT_CANARY_BEFORE_OVERWRITTEN, place);
    }
    if (!zone_is_whole(zone_after(cache, object))) {
        brkm__fatal(FAULT_CANARY_OVERWRITTEN, place);
    }
}

void brkm__debug_allocate(const struct brkm_kmem_cache *cache, void *object)
{
    if ((cache->flags & BRKM_SLAB_RED_ZONE) != 0) {
        verify_zones(cache, object, "kmem_cache_alloc");
    }
    if ((cache->flags & BRKM_SLAB_POISON) != 0 && !is_poisoned(cache, object)) {
        brkm__fatal(FAULT_FREED_BLOCK_CHANGED,
                    (struct fault_place){object, cache->object_size, "kmem_cache_alloc"});
    }
}

void brkm__debug_free(const struct brkm_kmem_cache *cache, void *object, const char *caller)
{
    if ((cache->flags & BRKM_SLAB_RED_ZONE) != 0) {
        verify_zones(cache, object, caller);
    }
    if ((cache->flags & BRKM_SLAB_POISON) != 0) {
        poison(cache, object);
    }
}
