/* SPDX-License-Identifier: MIT
 * See shares.h. */
#include "stats/shares.h"

#include "heap/rows.h"
#include "heap/size_class.h"
#include "malloc/watcher.h"
#include "stats/pages.h"
#include "stats/resident.h"
#include "stats/site_parts.h"
#include "stats/slices.h"
#include "stats/stats.h"
#include "system/os.h"

/* Blocks that begin on a page and one that ends there, with the largest pages that there are. */
#define PARTS (64 * BRKM_KIB / BRKM_MIN_BLOCK + 1)

/* Of blocks in caches, which count by no class. */
#define NO_BIN BRKM_BIN_COUNT

/* What a block has of the page that the walk is at. */
struct part {
    const struct mem_control_block *noted; /* the block, where the heap profile knows it, or NULL */
    uint32_t bytes;
    uint32_t bin;
};

/* Of a slice: each block seen once, at most two shares, and the rest of a page before it. */
#define SIGHTS (3 * SLICE_BLOCKS + PARTS)

/* All of a walk. `shares` comes first: it stays when the rest has been given back. */
struct gathering {
    struct memory_shares shares;
    const struct top *top;
    size_t page_size;
    size_t whole_pages; /* bytes of those that are free and resident */
    struct page_use page;
    size_t parts_used;
    struct part parts[PARTS];
    size_t sights_used;
    struct sight sights[SIGHTS];
    struct site_parts sites;
};

/* ---- Pages ---- */

static void add_sight(struct gathering *all, struct sight sight)
{
    if (sight.block != NULL && all->sights_used < SIGHTS) {
        all->sights[all->sights_used++] = sight;
    }
}

static void add_pinned(struct gathering *all, const struct part *part)
{
    size_t pinned = page_use_share(&all->page, part->bytes);
    all->shares.sum.pinned += pinned;
    if (part->bin == NO_BIN) {
        all->shares.sum.pinned_by_caches += pinned;
    } else {
        all->shares.classes[part->bin].pinned += pinned;
    }
    add_sight(all, (struct sight){part->noted, 0, pinned, part->bin});
}

static void end_page(struct gathering *all)
{
    if (all->page.idle != 0 && all->page.held != 0 && !all->page.is_edge) {
        all->shares.pinning_pages++;
        all->shares.kept.shared += all->page.idle;
        for (size_t i = 0; i < all->parts_used; i++) {
            add_pinned(all, &all->parts[i]);
        }
    }
    all->parts_used = 0;
}

static void add_part(struct gathering *all, const struct walk *at, size_t bytes, unsigned bin)
{
    if (all->parts_used < PARTS) {
        all->parts[all->parts_used++] =
            (struct part){at->state == BLOCK_NOTED ? at->block : NULL, (uint32_t)bytes, bin};
    }
}

static void add_to_page(struct gathering *all, const struct walk *at, unsigned bin)
{
    size_t held = all->page.held;
    size_t bytes = page_use_add(&all->page, at);
    if (all->page.held != held) {
        add_part(all, at, bytes, bin);
    }
}

static void add_to_pages(struct gathering *all, const struct walk *at, unsigned bin)
{
    uintptr_t start = align_down((uintptr_t)at->block, all->page_size);
    uintptr_t last = walk_block_end(at) - (at->state != BLOCK_FENCEPOST);
    if (start != all->page.start) {
        end_page(all);
        all->page = page_use_begin(at->region, start, all->page_size);
    }
    add_to_page(all, at, bin);
    last = align_down(last, all->page_size);
    if (last != start) {
        end_page(all);
        all->page = page_use_begin(at->region, last, all->page_size);
        add_to_page(all, at, bin);
    }
}

/* ---- Blocks ---- */

static void add_in_use(struct gathering *all, unsigned bin, size_t blocks, size_t bytes,
                       size_t headers)
{
    struct class_share *class = &all->shares.classes[bin];
    class->blocks += blocks;
    class->bytes += bytes;
    all->shares.sum.headers += headers;
    all->shares.sum.live += bytes - headers;
}

static void add_free(struct gathering *all, const struct walk *at)
{
    size_t purged = page_range_bytes(block_clean_pages(at->block));
    all->shares.sum.purged += purged;
    all->shares.sum.free += at->size - purged;
    all->whole_pages += block_dirty_bytes(at->block, at->size, all->page_size);
}

static void add_top(struct gathering *all, const struct walk *at)
{
    uintptr_t start = (uintptr_t)at->block;
    uintptr_t own_page_end = align_up(start + BRKM_HEADER_SIZE, all->page_size);
    uintptr_t written_to =
        min_size(max_size(all->top->zero_from, own_page_end), walk_block_end(at));
    all->shares.sum.free += written_to - start;
    all->shares.sum.reserved += walk_block_end(at) - written_to;
    uintptr_t whole_to = align_down(written_to, all->page_size);
    all->whole_pages += whole_to - min_size(own_page_end, whole_to);
}

/* Free places wait for requests of their size alone, as what is in caches. */
static unsigned add_row(struct gathering *all, const struct walk *at)
{
    struct row_use use = brkm__rows_use_locked(at->block);
    unsigned bin = size_class_bin(use.size);
    size_t in_use = use.places * use.size;
    add_in_use(all, bin, use.places, in_use, 0);
    all->shares.sum.cached += at->size - in_use;
    return bin;
}

static unsigned add_block(struct gathering *all, const struct walk *at)
{
    unsigned bin = size_class_bin(at->size);
    add_in_use(all, bin, 1, at->size, BRKM_HEADER_SIZE);
    if (at->state == BLOCK_NOTED) {
        add_sight(all, (struct sight){at->block, at->size, 0, bin});
    }
    return bin;
}

/* The bin that the block counts by. */
static unsigned add_by_state(struct gathering *all, const struct walk *at)
{
    switch (at->state) {
    case BLOCK_FREE:
        add_free(all, at);
        return NO_BIN;
    case BLOCK_TOP:
        add_top(all, at);
        return NO_BIN;
    case BLOCK_CACHED:
        all->shares.sum.cached += at->size;
        return NO_BIN;
    case BLOCK_ROW:
        return add_row(all, at);
    case BLOCK_CHUNK_EDGE:
    case BLOCK_FENCEPOST:
    case BLOCK_DAMAGED:
        return NO_BIN;
    default:
        return add_block(all, at);
    }
}

/* Most blocks lie on the page of the one in front, and nothing else is to be known of them. */
static bool add_simple(struct gathering *all, const struct walk *at)
{
    bool is_simple = at->state == BLOCK_IN_USE && (uintptr_t)at->block >= all->page.start &&
                     (uintptr_t)at->block + at->size <= all->page.end;
    if (is_simple) {
        unsigned bin = size_class_bin(at->size);
        add_in_use(all, bin, 1, at->size, BRKM_HEADER_SIZE);
        add_part(all, at, at->size, bin);
        all->page.held += at->size;
    }
    return is_simple;
}

static void see(void *context, const struct walk *at)
{
    struct gathering *all = context;
    if (!add_simple(all, at)) {
        add_to_pages(all, at, add_by_state(all, at));
    }
}

/* ---- Call sites, between slices ---- */

static void add_sites(struct gathering *all)
{
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    all->shares.has_sites = recorder != NULL;
    for (size_t i = 0; recorder != NULL && i < all->sights_used; i++) {
        struct note note = recorder->find(block_payload(all->sights[i].block));
        if (note.address != 0) {
            brkm__site_parts_add(&all->sites, &all->sights[i], note);
        }
    }
    all->sights_used = 0;
}

/* ---- The whole ---- */

static void add_reasons(struct memory_shares *shares, size_t whole_pages)
{
    brkm__kept_add_reasons(&shares->kept, whole_pages);
    shares->kept.ends =
        shares->sum.free - min_size(shares->sum.free, shares->kept.shared + whole_pages);
}

/* What is not seen by the walk. */
static void add_parts(struct shares *sum)
{
    struct snapshot now = brkm__snapshot_of_counters();
    uint64_t of_kernel = now.kernel_object_bytes + now.kernel_page_bytes + now.kernel_area_bytes;
    sum->kernel = of_kernel + now.kernel_cached + now.kernel_free;
    sum->mapped = now.memory_in_use - now.in_use_heap_bytes - now.in_use_guarded_bytes - of_kernel;
    sum->guarded = now.in_use_guarded_bytes;
    sum->overhead = now.memory_overhead;
    sum->resident = brkm__resident_bytes();
    uint64_t ours = sum->live + sum->mapped + sum->guarded + sum->kernel + sum->headers +
                    sum->cached + sum->free + sum->overhead;
    sum->foreign = sum->resident - min_size(sum->resident, ours);
    sum->untouched = ours - min_size(sum->resident, ours);
}

static size_t bytes_of(size_t size)
{
    return align_up(size, brkm__os_page_size());
}

struct memory_shares *brkm__shares_make(void)
{
    struct gathering *all = brkm__os_map(bytes_of(sizeof(*all)));
    struct slices slices = {0};
    if (all == NULL) {
        return NULL;
    }
    all->top = &brkm__main_heap.top;
    all->page_size = brkm__os_page_size();
    while (brkm__slices_next(&slices, see, all)) {
        add_sites(all);
    }
    end_page(all);
    add_sites(all);
    brkm__site_parts_sum_up(&all->sites, &all->shares);
    add_parts(&all->shares.sum);
    add_reasons(&all->shares, all->whole_pages);
    return &all->shares;
}

void brkm__shares_free(struct memory_shares *shares)
{
    brkm__os_unmap(shares, bytes_of(sizeof(struct gathering)));
}
