/* SPDX-License-Identifier: MIT
 * See footprint.h. */
#include "kit/footprint.h"

#include <stdatomic.h>

#include "base/config.h"
#include "base/probes.h"
#include "kit/options.h"
#include "kit/report.h"
#include "system/os.h"

/* The share of the soft limit (1/16) by which memory must grow until free memory is looked for
 * again: a program that stays above the limit must not pay for a walk with each growth. */
#define RELIEF_SHARE 16

/* Bytes and counts, written by any thread, relaxed: numbers that order nothing. */
static struct {
    _Atomic(size_t) bytes;
    _Atomic(size_t) peak;
    _Atomic(uint64_t) start_time; /* 0 before the first memory */
    _Atomic(uint64_t) peak_time;
    _Atomic(size_t) relief_at; /* no relief below this */
    _Atomic(size_t) refused;
    _Atomic(size_t) excess; /* bytes past the hard limit that were refused last, 0 since one came */
    _Atomic(int) told_process; /* that has said that a request failed because of it */
    _Atomic(size_t) relieved;
    _Atomic(size_t) purges;
    _Atomic(uint64_t) purged_bytes;
} account;

#define LOAD(member) atomic_load_explicit(&account.member, memory_order_relaxed)
#define STORE(member, value) atomic_store_explicit(&account.member, value, memory_order_relaxed)
#define ADD(member, value) atomic_fetch_add_explicit(&account.member, value, memory_order_relaxed)

/* ---- The account ---- */

static bool is_past_hard_limit(size_t bytes)
{
    size_t limit = brkm__option_get(OPTION_limit_hard);
    return limit != 0 && bytes > limit;
}

bool brkm__footprint_reserve(size_t bytes)
{
    size_t before = LOAD(bytes);
    do {
        if (is_past_hard_limit(before + bytes)) {
            ADD(refused, 1);
            STORE(excess, before + bytes - brkm__option_get(OPTION_limit_hard));
            probe_limit_hard(bytes, before, brkm__option_get(OPTION_limit_hard));
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&account.bytes, &before, before + bytes,
                                                    memory_order_relaxed, memory_order_relaxed));
    if (unlikely(LOAD(excess) != 0)) {
        STORE(excess, 0);
    }
    return true;
}

static void tell_refusal(size_t request, size_t excess, int process)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: a request of ");
    brkm__line_add_number(&line, request);
    brkm__line_add_text(&line, " bytes fails in process ");
    brkm__line_add_number(&line, (uint64_t)process);
    brkm__line_add_text(&line, ", as later ones without a word; memory from the system would pass "
                               "limit_hard, ");
    brkm__line_add_number(&line, brkm__option_get(OPTION_limit_hard));
    brkm__line_add_text(&line, " bytes, by ");
    brkm__line_add_number(&line, excess);
    brkm__line_write(&line);
}

void brkm__footprint_note_failure(size_t request)
{
    size_t excess = LOAD(excess);
    if (excess == 0) {
        return;
    }
    int process = brkm__os_process_id();
    if (atomic_exchange_explicit(&account.told_process, process, memory_order_relaxed) != process) {
        tell_refusal(request, excess, process);
    }
}

void brkm__footprint_release(size_t bytes)
{
    atomic_fetch_sub_explicit(&account.bytes, bytes, memory_order_relaxed);
}

static void note_peak(void)
{
    size_t now = LOAD(bytes);
    size_t peak = LOAD(peak);
    if (likely(now <= peak)) {
        return;
    }
    uint64_t time = brkm__os_milliseconds();
    if (LOAD(start_time) == 0) {
        STORE(start_time, time);
    }
    while (now > peak) {
        if (atomic_compare_exchange_weak_explicit(&account.peak, &peak, now, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            STORE(peak_time, time);
            return;
        }
    }
}

void brkm__footprint_settle(size_t bytes, bool obtained)
{
    if (obtained) {
        note_peak();
    } else {
        brkm__footprint_release(bytes);
    }
}

/* ---- Mappings ---- */

static void *map_by(void *(*map)(size_t size), size_t size)
{
    if (!brkm__footprint_reserve(size)) {
        return NULL;
    }
    void *start = map(size);
    brkm__footprint_settle(size, start != NULL);
    return start;
}

void *brkm__footprint_map(size_t size)
{
    return map_by(brkm__os_map, size);
}

void *brkm__footprint_map_between_guards(size_t size)
{
    return map_by(brkm__os_map_between_guards, size);
}

bool brkm__footprint_unmap(void *start, size_t size)
{
    bool done = brkm__os_unmap(start, size);
    if (done) {
        brkm__footprint_release(size);
    }
    return done;
}

void *brkm__footprint_remap(void *start, size_t old_size, size_t new_size)
{
    size_t more = new_size > old_size ? new_size - old_size : 0;
    if (more != 0 && !brkm__footprint_reserve(more)) {
        return NULL;
    }
    void *moved = brkm__os_remap(start, old_size, new_size);
    brkm__footprint_settle(more, moved != NULL);
    if (moved != NULL && new_size < old_size) {
        brkm__footprint_release(old_size - new_size);
    }
    return moved;
}

bool brkm__footprint_discard(void *start, size_t size)
{
    bool done = brkm__os_discard(start, size);
    if (done) {
        ADD(purges, 1);
        ADD(purged_bytes, size);
        probe_purge(start, size);
    }
    return done;
}

void brkm__footprint_abandon(void *start, size_t size)
{
    if (!brkm__footprint_unmap(start, size)) {
        brkm__os_discard_guarded(start, size);
        brkm__footprint_release(size);
    }
}

/* ---- Limits ---- */

size_t brkm__footprint_moderate(size_t needed, size_t wanted)
{
    size_t limit = brkm__option_get(OPTION_limit_soft);
    if (limit == 0 || LOAD(bytes) + wanted <= limit) {
        return wanted;
    }
    return min_size(wanted, max_size(needed, BRKM_GROW_MIN));
}

bool brkm__footprint_wants_relief(size_t more)
{
    size_t limit = brkm__option_get(OPTION_limit_soft);
    size_t now = LOAD(bytes) + more;
    if (limit == 0 || now <= limit) {
        if (unlikely(LOAD(relief_at) != 0)) {
            STORE(relief_at, 0);
        }
        return false;
    }
    if (now <= LOAD(relief_at)) {
        return false;
    }
    STORE(relief_at, now + max_size(limit / RELIEF_SHARE, BRKM_GROW_MIN));
    ADD(relieved, 1);
    probe_limit_soft(more, now - more, limit);
    return true;
}

/* ---- Statistics ---- */

struct footprint_totals brkm__footprint_totals(void)
{
    uint64_t start = LOAD(start_time);
    uint64_t now = brkm__os_milliseconds();
    return (struct footprint_totals){
        .bytes = LOAD(bytes),
        .peak = LOAD(peak),
        .peak_time = LOAD(peak_time) - start,
        .age = start == 0 ? 0 : now - start,
        .refused = LOAD(refused),
        .relieved = LOAD(relieved),
        .purges = LOAD(purges),
        .purged_bytes = LOAD(purged_bytes),
    };
}
