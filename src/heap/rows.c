/* SPDX-License-Identifier: MIT
 * See rows.h. */
#include "heap/rows.h"

#include <string.h>

#include "heap/free_space.h"
#include "heap/heap.h"
#include "heap/purge.h"
#include "kit/footprint.h"
#include "kit/own_memory.h"
#include "system/os.h"

#define WORD_BITS 64u
#define WORDS (BRKM_ROW_PLACES_MAX / WORD_BITS)

/* Alignments, each with its multiples. */
#define ALIGNMENTS (1 + __builtin_ctzll(BRKM_ROW_ALIGNMENT_MAX / BRKM_ROW_ALIGNMENT_MIN))
#define CLASSES (ALIGNMENTS * BRKM_ROW_MULTIPLES)

/* Records that are made at a time. */
#define RECORDS_AT_ONCE 64u

/* Addresses in the first table. */
#define FIRST_CAPACITY 64u

/* Frees that give no pages back after the system refused: memory that is locked stays so. */
#define REFUSED_PAUSE 256u

struct row {
    uintptr_t start; /* of the first place */
    size_t size;     /* bytes of a place */
    unsigned class;
    unsigned places;
    unsigned used;
    bool is_listed;   /* in the list of its class: it has a free place */
    struct row *next; /* of the list, or unused record */
    struct row **link;
    /* A bit of each place, set while it is free. One store per change. */
    uint64_t free[WORDS];
};

/* Rows by address. */
struct row_table {
    struct row **rows;
    size_t capacity;
    size_t count;
};

static struct row *first_rows[FIRST_CAPACITY];

/* Everything under brkm__rows_lock. The table changes by one store, the pointer to it. */
static struct {
    struct row_table tables[2]; /* `table` and the one that is filled to take its place */
    struct row_table *table;
    struct row *listed[CLASSES];
    size_t places[CLASSES]; /* in use or not */
    struct row *last;       /* that was found; NULL for none */
    struct row *empty;      /* that is kept */
    struct row *unused;     /* records */
    unsigned pause;         /* frees until pages are given back again */
    struct row_totals totals;
} rows = {
    .tables = {{first_rows, FIRST_CAPACITY, 0}},
    .table = &rows.tables[0],
};

struct lock brkm__rows_lock;

static void expect_locked(void)
{
    brkm_assert(brkm__lock_is_held(&brkm__rows_lock), "rows change under their lock");
}

/* ---- Classes ---- */

static size_t place_size(size_t alignment, size_t size)
{
    return align_up(size, alignment);
}

static unsigned class_of(size_t alignment, size_t size)
{
    unsigned multiple = (unsigned)(place_size(alignment, size) / alignment);
    return (log2_floor(alignment) - log2_floor(BRKM_ROW_ALIGNMENT_MIN)) * BRKM_ROW_MULTIPLES +
           multiple - 1;
}

/* As many places as the class has, so that few requests take little and many have few rows. */
static unsigned places_of_next(unsigned class, size_t size)
{
    size_t most = min_size(BRKM_ROW_BYTES_MAX / size, BRKM_ROW_PLACES_MAX);
    return (unsigned)min_size(max_size(rows.places[class], BRKM_ROW_PLACES_MIN), most);
}

size_t brkm__rows_next_bytes(size_t alignment, size_t size)
{
    lock_acquire(&brkm__rows_lock);
    size_t place = place_size(alignment, size);
    size_t bytes = place * places_of_next(class_of(alignment, size), place);
    lock_release(&brkm__rows_lock);
    return bytes;
}

static void list(struct row *row)
{
    struct row **head = &rows.listed[row->class];
    row->next = *head;
    row->link = head;
    if (row->next != NULL) {
        row->next->link = &row->next;
    }
    *head = row;
    row->is_listed = true;
}

static void unlist(struct row *row)
{
    *row->link = row->next;
    if (row->next != NULL) {
        row->next->link = row->link;
    }
    row->is_listed = false;
}

/* ---- The table ---- */

/* How many rows of the table begin at or before `address`. */
static size_t rows_up_to(const struct row_table *table, uintptr_t address)
{
    size_t from = 0;
    size_t to = table->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (table->rows[middle]->start <= address) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool row_contains(const struct row *row, uintptr_t address)
{
    return address - row->start < row->size * row->places;
}

static struct row *find(uintptr_t address)
{
    expect_locked();
    if (rows.last != NULL && row_contains(rows.last, address)) {
        return rows.last;
    }
    size_t before = rows_up_to(rows.table, address);
    struct row *row = before == 0 ? NULL : rows.table->rows[before - 1];
    if (row == NULL || !row_contains(row, address)) {
        return NULL;
    }
    rows.last = row;
    return row;
}

static struct row_table *other_table(void)
{
    return &rows.tables[rows.table == &rows.tables[0]];
}

/* Makes sure that the table that is to be filled has room for one row more than there are. */
static bool make_room(void)
{
    struct row_table *next = other_table();
    size_t needed = rows.table->count + 1;
    if (needed <= next->capacity) {
        return true;
    }
    size_t capacity = max_size(FIRST_CAPACITY, 2 * rows.table->capacity);
    struct row **memory = brkm__own_map(capacity * sizeof(struct row *));
    if (memory == NULL) {
        return false;
    }
    if (next->rows != NULL && next->rows != first_rows) {
        brkm__own_unmap(next->rows, next->capacity * sizeof(struct row *));
        rows.totals.own_bytes -= brkm__own_bytes(next->capacity * sizeof(struct row *));
    }
    rows.totals.own_bytes += brkm__own_bytes(capacity * sizeof(struct row *));
    *next = (struct row_table){.rows = memory, .capacity = capacity};
    return true;
}

/* Fills the other table with `count` rows of this one but for `skipped` at `at`, and with `row`,
 * unless that is NULL, in their place. */
static void replace(size_t at, size_t skipped, struct row *row)
{
    const struct row_table *old = rows.table;
    struct row_table *next = other_table();
    size_t added = row != NULL;
    memcpy(next->rows, old->rows, at * sizeof(struct row *));
    if (row != NULL) {
        next->rows[at] = row;
    }
    memcpy(next->rows + at + added, old->rows + at + skipped,
           (old->count - at - skipped) * sizeof(struct row *));
    next->count = old->count + added - skipped;
    __atomic_store_n(&rows.table, next, __ATOMIC_RELEASE);
}

/* ---- Records ---- */

static struct row *take_record(void)
{
    if (rows.unused == NULL) {
        struct row *made = brkm__own_map(RECORDS_AT_ONCE * sizeof(struct row));
        if (made == NULL) {
            return NULL;
        }
        rows.totals.own_bytes += brkm__own_bytes(RECORDS_AT_ONCE * sizeof(struct row));
        for (size_t i = 0; i < RECORDS_AT_ONCE; i++) {
            made[i].next = rows.unused;
            rows.unused = &made[i];
        }
    }
    struct row *row = rows.unused;
    rows.unused = row->next;
    return row;
}

static void give_record(struct row *row)
{
    row->next = rows.unused;
    rows.unused = row;
}

/* ---- Places ---- */

static bool is_free(const struct row *row, size_t place)
{
    return row->free[place / WORD_BITS] >> place % WORD_BITS & 1;
}

static struct mem_control_block *block_of(const struct row *row)
{
    return block_from_payload((const void *)row->start);
}

/* Adds to the sums what a place that becomes used, or is no more, has. */
static void count(struct row *row, bool used)
{
    size_t one = used ? 1 : (size_t)-1;
    size_t bytes = used ? row->size : 0 - row->size;
    row->used += (unsigned)one;
    rows.totals.places += one;
    rows.totals.free_places -= one;
    rows.totals.bytes += bytes;
    rows.totals.free_bytes -= bytes;
}

static void *take_first_free(struct row *row)
{
    expect_locked();
    size_t word = 0;
    while (row->free[word] == 0) {
        word++;
    }
    size_t place = word * WORD_BITS + (size_t)__builtin_ctzll(row->free[word]);
    brkm_assert(place < row->places, "R2: a listed row has a free place");
    row->free[word] &= row->free[word] - 1;
    rows.empty = rows.empty == row ? NULL : rows.empty;
    count(row, true);
    if (row->used == row->places) {
        unlist(row);
    }
    return (void *)(row->start + place * row->size);
}

void *brkm__rows_take(size_t alignment, size_t size)
{
    lock_acquire(&brkm__rows_lock);
    struct row *row = rows.listed[class_of(alignment, size)];
    void *memory = row == NULL ? NULL : take_first_free(row);
    lock_release(&brkm__rows_lock);
    return memory;
}

/* ---- Rows ---- */

static void fill_record(struct row *row, struct mem_control_block *block, size_t alignment,
                        size_t size)
{
    size_t place = place_size(alignment, size);
    *row = (struct row){
        .start = (uintptr_t)block_payload(block),
        .size = place,
        .class = class_of(alignment, size),
        .places = (unsigned)min_size(block_usable_size(block) / place, BRKM_ROW_PLACES_MAX),
    };
    for (unsigned i = 0; i < row->places; i++) {
        row->free[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
    }
}

static void enter(struct row *row)
{
    replace(rows_up_to(rows.table, row->start), 0, row);
    rows.places[row->class] += row->places;
    rows.totals.rows++;
    rows.totals.free_places += row->places;
    rows.totals.free_bytes += block_short_size(block_of(row));
    list(row);
}

void *brkm__rows_begin(struct mem_control_block *block, size_t alignment, size_t size)
{
    void *memory = NULL;
    lock_acquire(&brkm__rows_lock);
    struct row *row = make_room() ? take_record() : NULL;
    if (row != NULL) {
        fill_record(row, block, alignment, size);
        block_change_state(block, BLOCK_IN_USE, BLOCK_ROW);
        enter(row);
        memory = take_first_free(row);
    }
    lock_release(&brkm__rows_lock);
    return memory;
}

/* Takes an empty row out of everything. */
static struct mem_control_block *leave(struct row *row)
{
    struct mem_control_block *block = block_of(row);
    if (unlikely(!block_is(block, BLOCK_ROW))) {
        brkm__fatal(FAULT_HEADER_OVERWRITTEN,
                    (struct fault_place){.address = block_payload(block), .caller = "free"});
    }
    unlist(row);
    replace(rows_up_to(rows.table, row->start) - 1, 1, NULL);
    rows.places[row->class] -= row->places;
    rows.totals.rows--;
    rows.totals.free_places -= row->places;
    rows.totals.free_bytes -= block_short_size(block);
    rows.last = NULL;
    give_record(row);
    block_change_state(block, BLOCK_ROW, BLOCK_IN_USE);
    return block;
}

/* ---- Find ---- */

/* What was written over around the row, as seen from a place at its border. */
static enum row_lookup look_at_border(const struct row *row, size_t place)
{
    const struct mem_control_block *block = block_of(row);
    bool is_border = place == 0 || place == row->places - 1;
    if (likely(!is_border)) {
        return ROW_IN_USE;
    }
    if (unlikely(!block_is(block, BLOCK_ROW))) {
        return place == 0 ? ROW_UNDERRUN : ROW_IN_USE;
    }
    size_t size = block_short_size(block);
    bool is_whole = block_guard_follows(block_load_seal(block), size,
                                        block_load_seal(block_at_offset(block, size)));
    return is_whole || place == 0 ? ROW_IN_USE : ROW_OVERRUN;
}

/* Judges an address of the row, and says in which place it lies. */
static enum row_lookup judge(const struct row *row, uintptr_t address, size_t *place)
{
    size_t offset = address - row->start;
    *place = offset / row->size;
    if (unlikely(offset % row->size != 0)) {
        return ROW_INSIDE;
    }
    return unlikely(is_free(row, *place)) ? ROW_FREED : look_at_border(row, *place);
}

enum row_lookup brkm__rows_find(const void *memory, size_t *size)
{
    enum row_lookup found = ROW_UNKNOWN;
    size_t place;
    lock_acquire(&brkm__rows_lock);
    const struct row *row = find((uintptr_t)memory);
    if (row != NULL) {
        *size = row->size;
        found = judge(row, (uintptr_t)memory, &place);
    }
    lock_release(&brkm__rows_lock);
    return found;
}

/* ---- Free ---- */

/* True when more bytes of places are free than may stay resident. */
static bool are_many_free(void)
{
    size_t share = heaps_handed_out() / BRKM_DIRTY_SHARE;
    return rows.totals.free_bytes > share && rows.totals.free_bytes - share > brkm__purge_keeps();
}

/* True when the range lies in the row, and in free places alone. */
static bool range_is_free(const struct row *row, struct page_range range)
{
    if (range.start < row->start || range.end > row->start + row->size * row->places) {
        return false;
    }
    size_t last = (range.end - 1 - row->start) / row->size;
    for (size_t place = (range.start - row->start) / row->size; place <= last; place++) {
        if (!is_free(row, place)) {
            return false;
        }
    }
    return true;
}

/* The pages that `place` was the last to use. */
static struct page_range pages_left_by(const struct row *row, size_t place)
{
    size_t page = brkm__os_page_size();
    uintptr_t start = row->start + place * row->size;
    struct page_range pages = {align_down(start, page), align_up(start + row->size, page)};
    if (!range_is_free(row, (struct page_range){pages.start, pages.start + page})) {
        pages.start += page;
    }
    if (pages.start < pages.end &&
        !range_is_free(row, (struct page_range){pages.end - page, pages.end})) {
        pages.end -= page;
    }
    return pages;
}

/* Each page goes at most once while it is unused, and only while much is free. */
static void give_pages_back(const struct row *row, size_t place)
{
    if (likely(!are_many_free())) {
        return;
    }
    if (rows.pause != 0) {
        rows.pause--;
        return;
    }
    struct page_range pages = pages_left_by(row, place);
    if (pages.start < pages.end &&
        !brkm__footprint_discard((void *)pages.start, page_range_bytes(pages))) {
        rows.pause = REFUSED_PAUSE;
    }
}

/* A row that became empty, or the one that was kept so far, if there is one to go. */
static struct mem_control_block *settle_empty(struct row *row)
{
    struct row *kept = rows.empty;
    if (row->used != 0 || kept == row) {
        return NULL;
    }
    rows.empty = row;
    return kept == NULL ? NULL : leave(kept);
}

bool brkm__rows_free(void *memory, struct mem_control_block **empty)
{
    *empty = NULL;
    lock_acquire(&brkm__rows_lock);
    struct row *row = find((uintptr_t)memory);
    size_t place;
    bool is_in_use = row != NULL && judge(row, (uintptr_t)memory, &place) == ROW_IN_USE;
    if (is_in_use) {
        row->free[place / WORD_BITS] |= (uint64_t)1 << place % WORD_BITS;
        count(row, false);
        if (!row->is_listed) {
            list(row);
        }
        give_pages_back(row, place);
        *empty = settle_empty(row);
    }
    lock_release(&brkm__rows_lock);
    return is_in_use;
}

struct mem_control_block *brkm__rows_give_empty(void)
{
    lock_acquire(&brkm__rows_lock);
    struct row *kept = rows.empty;
    rows.empty = NULL;
    struct mem_control_block *block = kept == NULL ? NULL : leave(kept);
    lock_release(&brkm__rows_lock);
    return block;
}

struct row_totals brkm__rows_totals(void)
{
    lock_acquire(&brkm__rows_lock);
    struct row_totals totals = rows.totals;
    lock_release(&brkm__rows_lock);
    return totals;
}

struct row_use brkm__rows_use_locked(const struct mem_control_block *block)
{
    const struct row *row = find((uintptr_t)block_payload(block));
    brkm_assert(row != NULL, "R1: a block that says that it is a row has a record");
    return (struct row_use){row->size, row->used, row->places - row->used};
}

/* ---- Bare forks ---- */

static void settle_row(struct row *row)
{
    size_t unused = 0;
    for (size_t i = 0; i < WORDS; i++) {
        unused += (size_t)__builtin_popcountll(row->free[i]);
    }
    row->used = row->places - (unsigned)unused;
    rows.places[row->class] += row->places;
    rows.totals.places += row->used;
    rows.totals.bytes += row->used * row->size;
    rows.totals.free_places += unused;
    rows.totals.free_bytes += block_short_size(block_of(row)) - row->used * row->size;
    if (unused != 0) {
        list(row);
    }
}

void brkm__rows_settle(void)
{
    size_t own_bytes = rows.totals.own_bytes;
    memset(rows.listed, 0, sizeof(rows.listed));
    memset(rows.places, 0, sizeof(rows.places));
    rows.last = rows.empty = rows.unused = NULL;
    rows.totals = (struct row_totals){.rows = rows.table->count, .own_bytes = own_bytes};
    for (size_t i = 0; i < rows.table->count; i++) {
        rows.table->rows[i]->is_listed = false;
        settle_row(rows.table->rows[i]);
    }
}
