/* SPDX-License-Identifier: MIT
 * Layer 14: see stats.h; also mallinfo, malloc_stats and malloc_info. */
#include "stats.h"

#include <errno.h>
#include <limits.h>

#include "bins.h"
#include "brkmalloc/brkmalloc.h"
#include "depot.h"
#include "heap.h"
#include "mapped.h"
#include "os.h"
#include "report.h"
#include "size_class.h"
#include "thread_cache.h"

/* Bytes, blocks and events. Each module's part is of one moment. */
struct snapshot {
    struct cache_totals caches;
    struct depot_totals depot;
    size_t from_system;
    size_t from_system_peak;
    size_t handed_out; /* bytes that the heap gave to program, caches and depot */
    size_t handed_out_peak;
    size_t cached_bytes; /* bytes of these in caches and depot */
    size_t free_blocks;
    size_t top_bytes;
    size_t grown, trimmed;
    uint64_t allocations, frees, contended;
    struct mapped_totals mapped;
};

static struct snapshot take_snapshot(void)
{
    struct heap *heap = &brkm__main_heap;
    struct snapshot snapshot = {
        .caches = brkm__cache_totals(),
        .depot = brkm__depot_totals(),
        .mapped = brkm__mapped_totals(),
    };
    size_t cached = snapshot.caches.bytes + snapshot.depot.bytes;
    lock_acquire(&heap->lock);
    snapshot.from_system = heap_bytes_from_system(heap);
    snapshot.from_system_peak = heap->top.from_system_peak + heap->fallback_peak;
    snapshot.handed_out = heap->in_use_bytes;
    snapshot.handed_out_peak = heap->in_use_peak;
    snapshot.cached_bytes = min_size(cached, snapshot.handed_out);
    snapshot.free_blocks = heap->bins.blocks;
    snapshot.top_bytes = brkm__top_available(&heap->top);
    snapshot.grown = heap->top.grown;
    snapshot.trimmed = heap->top.trimmed;
    snapshot.allocations = heap->allocations;
    snapshot.frees = heap->frees;
    snapshot.contended = heap->lock.contended + snapshot.mapped.contended +
                         snapshot.depot.contended + snapshot.caches.contended;
    lock_release(&heap->lock);
    return snapshot;
}

/* ---- mallinfo ---- */

struct brkm_mallinfo2 brkm_mallinfo2(void)
{
    struct snapshot snapshot = take_snapshot();
    size_t in_use = snapshot.handed_out - snapshot.cached_bytes;
    return (struct brkm_mallinfo2){
        .arena = snapshot.from_system,
        .ordblks = snapshot.free_blocks + (snapshot.top_bytes != 0),
        .smblks = snapshot.caches.blocks + snapshot.depot.blocks,
        .fsmblks = snapshot.cached_bytes,
        .hblks = snapshot.mapped.count,
        .hblkhd = snapshot.mapped.bytes,
        .uordblks = in_use,
        .fordblks = snapshot.from_system - in_use,
        .keepcost = snapshot.top_bytes,
    };
}

static int clip(size_t value)
{
    return value > INT_MAX ? INT_MAX : (int)value;
}

struct brkm_mallinfo brkm_mallinfo(void)
{
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    return (struct brkm_mallinfo){
        .arena = clip(info.arena),
        .ordblks = clip(info.ordblks),
        .smblks = clip(info.smblks),
        .hblks = clip(info.hblks),
        .hblkhd = clip(info.hblkhd),
        .usmblks = clip(info.usmblks),
        .fsmblks = clip(info.fsmblks),
        .uordblks = clip(info.uordblks),
        .fordblks = clip(info.fordblks),
        .keepcost = clip(info.keepcost),
    };
}

/* ---- Text ---- */

/* One number of the printed statistics. */
struct item {
    const char *label;
    uint64_t value;
};

static void print_items(const char *title, const struct item *items, size_t count)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    brkm__line_add_text(&line, title);
    for (size_t i = 0; i < count; i++) {
        brkm__line_add_text(&line, i == 0 ? " " : ", ");
        brkm__line_add_number(&line, items[i].value);
        brkm__line_add_text(&line, " ");
        brkm__line_add_text(&line, items[i].label);
    }
    brkm__line_write(&line);
}

#define PRINT_ITEMS(title, ...)                            \
    print_items(title, (const struct item[]){__VA_ARGS__}, \
                sizeof((const struct item[]){__VA_ARGS__}) / sizeof(struct item))

void brkm__stats_print(void)
{
    struct snapshot now = take_snapshot();
    PRINT_ITEMS("process", {"(process id)", (uint64_t)brkm__os_process_id()});
    PRINT_ITEMS("served", {"blocks from the heap", now.allocations}, {"freed to it", now.frees},
                {"mapped blocks", now.mapped.allocations});
    PRINT_ITEMS("caches", {"threads", now.caches.threads}, {"bytes", now.caches.bytes},
                {"refills", now.caches.refills}, {"flushes", now.caches.flushes},
                {"bytes in the depot", now.depot.bytes});
    PRINT_ITEMS("in use", {"bytes in heap blocks", now.handed_out - now.cached_bytes},
                {"at most, with caches", now.handed_out_peak}, {"bytes mapped", now.mapped.bytes},
                {"at most", now.mapped.bytes_peak});
    PRINT_ITEMS("heap", {"bytes from the system", now.from_system},
                {"at most", now.from_system_peak}, {"bytes free", now.from_system - now.handed_out},
                {"bytes in the top", now.top_bytes});
    PRINT_ITEMS("events", {"times grown", now.grown}, {"times trimmed", now.trimmed},
                {"lock waits", now.contended});
}

void brkm_malloc_stats(void)
{
    brkm__stats_print();
}

/* ---- XML ---- */

struct bin_totals {
    size_t count, bytes, smallest, largest;
};

static struct bin_totals count_bin(struct heap *heap, unsigned bin)
{
    struct bin_totals totals = {.smallest = SIZE_MAX};
    lock_acquire(&heap->lock);
    struct free_block *free = NULL;
    while ((free = brkm__bins_step(&heap->bins, bin, free)) != NULL) {
        size_t size = block_size(&free->header);
        totals.count++;
        totals.bytes += size;
        totals.smallest = min_size(totals.smallest, size);
        totals.largest = max_size(totals.largest, size);
    }
    lock_release(&heap->lock);
    return totals;
}

static void print_sizes(FILE *stream, struct heap *heap)
{
    fputs("<sizes>\n", stream);
    for (unsigned bin = 0; bin < BRKM_BIN_COUNT; bin++) {
        struct bin_totals totals = count_bin(heap, bin);
        if (totals.count != 0) {
            fprintf(stream, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
                    totals.smallest, totals.largest, totals.bytes, totals.count);
        }
    }
    fputs("</sizes>\n", stream);
}

/* The elements that a heap and the whole have in common. */
static void print_totals(FILE *stream, const struct brkm_mallinfo2 *info, size_t peak, bool whole)
{
    fprintf(stream, "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n", info->smblks,
            info->fsmblks);
    fprintf(stream, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n", info->ordblks,
            info->fordblks);
    if (whole) {
        fprintf(stream, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", info->hblks,
                info->hblkhd);
    }
    fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n", info->arena);
    fprintf(stream, "<system type=\"max\" size=\"%zu\"/>\n", peak);
    fprintf(stream, "<aspace type=\"total\" size=\"%zu\"/>\n", info->arena);
    fprintf(stream, "<aspace type=\"mprotect\" size=\"%zu\"/>\n", info->arena);
}

int brkm_malloc_info(int options, FILE *stream)
{
    if (options != 0) {
        return EINVAL;
    }
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    size_t peak = take_snapshot().from_system_peak;
    fputs("<malloc version=\"1\">\n<heap nr=\"0\">\n", stream);
    print_sizes(stream, &brkm__main_heap);
    print_totals(stream, &info, peak, false);
    fputs("</heap>\n", stream);
    print_totals(stream, &info, peak, true);
    fputs("</malloc>\n", stream);
    return 0;
}
