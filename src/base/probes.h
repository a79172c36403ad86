/* SPDX-License-Identifier: MIT
 * The probes of the provider `brkmalloc`, which bpftrace, perf, gdb and systemtap find in
 * the library. Names and arguments are an interface: docs/probes.md describes each.
 *
 * A probe is one instruction that does nothing and a note in the ELF file that tells its place and
 * where its arguments are. There is none on the way of a malloc or free that the thread's cache
 * serves. Addresses are those that programs see, of payloads; sizes of blocks count the header, as
 * everywhere in the heap. Everything here is empty unless BRKM_PROBES is 1. */
#ifndef BRKMALLOC_BASE_PROBES_H
#define BRKMALLOC_BASE_PROBES_H

#include "base/base.h"
#include "base/config.h"

#if BRKM_PROBES
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define PROBE(name, ...) STAP_PROBEV(brkmalloc, name, __VA_ARGS__)
#else
#define PROBE(name, ...) probe_nothing((const uint64_t[]){__VA_ARGS__})
#endif

static BRKM_ALWAYS_INLINE void probe_nothing(const uint64_t *arguments)
{
    (void)arguments;
}

/* ---- Memory from and to the system ---- */

static BRKM_ALWAYS_INLINE void probe_grow(uintptr_t start, size_t bytes)
{
    PROBE(grow, start, bytes);
}

static BRKM_ALWAYS_INLINE void probe_trim(uintptr_t start, size_t bytes)
{
    PROBE(trim, start, bytes);
}

static BRKM_ALWAYS_INLINE void probe_fallback_added(uintptr_t start, size_t bytes)
{
    PROBE(fallback_added, start, bytes);
}

static BRKM_ALWAYS_INLINE void probe_fallback_removed(uintptr_t start, size_t bytes)
{
    PROBE(fallback_removed, start, bytes);
}

static BRKM_ALWAYS_INLINE void probe_purge(const void *start, size_t bytes)
{
    PROBE(purge, (uintptr_t)start, bytes);
}

static BRKM_ALWAYS_INLINE void probe_mapped(uintptr_t payload, size_t usable, size_t mapping)
{
    PROBE(mapped, payload, usable, mapping);
}

static BRKM_ALWAYS_INLINE void probe_unmapped(uintptr_t payload, size_t mapping)
{
    PROBE(unmapped, payload, mapping);
}

static BRKM_ALWAYS_INLINE void probe_remapped(uintptr_t old_payload, size_t old_mapping,
                                              uintptr_t payload, size_t mapping)
{
    PROBE(remapped, old_payload, old_mapping, payload, mapping);
}

/* ---- Blocks of the heap ---- */

static BRKM_ALWAYS_INLINE void probe_carve(const void *payload, size_t size)
{
    PROBE(carve, (uintptr_t)payload, size);
}

static BRKM_ALWAYS_INLINE void probe_split(const void *front, size_t front_size, const void *rest,
                                           size_t rest_size)
{
    PROBE(split, (uintptr_t)front, front_size, (uintptr_t)rest, rest_size);
}

static BRKM_ALWAYS_INLINE void probe_coalesce(const void *payload, size_t size, const void *freed,
                                              size_t freed_size)
{
    PROBE(coalesce, (uintptr_t)payload, size, (uintptr_t)freed, freed_size);
}

static BRKM_ALWAYS_INLINE void probe_absorb(const void *payload, size_t size)
{
    PROBE(absorb, (uintptr_t)payload, size);
}

/* ---- Caches and depot ---- */

static BRKM_ALWAYS_INLINE void probe_refill(uint64_t cache, size_t size, size_t blocks)
{
    PROBE(refill, cache, size, blocks);
}

static BRKM_ALWAYS_INLINE void probe_flush(uint64_t cache, size_t size, size_t blocks)
{
    PROBE(flush, cache, size, blocks);
}

static BRKM_ALWAYS_INLINE void probe_depot_put(size_t size, size_t blocks, uint64_t kept)
{
    PROBE(depot_put, size, blocks, kept);
}

static BRKM_ALWAYS_INLINE void probe_depot_take(size_t size, size_t blocks)
{
    PROBE(depot_take, size, blocks);
}

static BRKM_ALWAYS_INLINE void probe_cache_begin(uint64_t cache, size_t budget)
{
    PROBE(cache_begin, cache, budget);
}

static BRKM_ALWAYS_INLINE void probe_cache_end(uint64_t cache, uint64_t refills, uint64_t flushes)
{
    PROBE(cache_end, cache, refills, flushes);
}

/* ---- What goes wrong ---- */

static BRKM_ALWAYS_INLINE void probe_out_of_memory(size_t request)
{
    PROBE(out_of_memory, request);
}

static BRKM_ALWAYS_INLINE void probe_limit_hard(size_t bytes, size_t footprint, size_t limit)
{
    PROBE(limit_hard, bytes, footprint, limit);
}

static BRKM_ALWAYS_INLINE void probe_limit_soft(size_t bytes, size_t footprint, size_t limit)
{
    PROBE(limit_soft, bytes, footprint, limit);
}

static BRKM_ALWAYS_INLINE void probe_fault(const char *words, const void *payload, size_t usable,
                                           const char *caller)
{
    PROBE(fault, (uintptr_t)words, (uintptr_t)payload, usable, (uintptr_t)caller);
}

#endif
