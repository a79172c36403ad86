/* SPDX-License-Identifier: MIT
 * See kept.h. */
#include "stats/kept.h"

#include "heap/heaps.h"
#include "heap/purge.h"
#include "kit/options.h"
#include "stats/columns.h"
#include "stats/json.h"

static const struct {
    const char *key, *words;
} rows[] = {
#define BRKM_KEPT_ROW(key, words) {#key, words},
    BRKM_KEPT(BRKM_KEPT_ROW)
#undef BRKM_KEPT_ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(offsetof(struct kept, regret_ms) == ROWS * sizeof(uint64_t), "each row is a member");

static uint64_t value_of(const struct kept *kept, size_t row)
{
    return ((const uint64_t *)kept)[row];
}

/* ---- Reasons ---- */

static uint64_t take(uint64_t *rest, uint64_t most)
{
    uint64_t taken = min_size(*rest, most);
    *rest -= taken;
    return taken;
}

/* As brkm__purge_look counts. Under the heap's lock. */
static void add_heap(struct kept *kept, struct heap *heap)
{
    struct purge *purge = &heap->purge;
    size_t threshold = purge_part(purge, brkm__option_get(OPTION_purge_threshold));
    size_t share = heap->in_use_bytes / BRKM_DIRTY_SHARE;
    bool is_regretted = brkm__purge_is_regretted(purge); /* fades */
    size_t regretted = purge_allows_beside(purge, heap->in_use_bytes) - share;
    uint64_t rest = purge_dirty(&heap->bins, &heap->top);
    kept->threshold += take(&rest, threshold);
    kept->share += take(&rest, share);
    uint64_t used_again = take(&rest, regretted + (is_regretted ? purge->regretted : 0));
    kept->regretted += used_again;
    *(purge->refusals != 0 ? &kept->refused : &kept->waiting) += rest;
    if (used_again != 0) {
        uint64_t fades = purge_part(purge, BRKM_REGRET_FADES);
        kept->regret_ms = max_size(kept->regret_ms, purge->regretted / fades);
    }
}

static struct kept reasons_of_heaps(void)
{
    struct kept kept = {0};
    brkm__heaps_acquire();
    for (unsigned i = 0; i <= relaxed_load(brkm__side_heaps_used); i++) {
        add_heap(&kept, heap_numbered(i));
    }
    brkm__heaps_release();
    return kept;
}

void brkm__kept_add_reasons(struct kept *kept, uint64_t whole)
{
    if (brkm__purge_keeps() == SIZE_MAX) {
        kept->option = whole;
        return;
    }
    /* The heaps may have changed since they were walked through. */
    struct kept now = reasons_of_heaps();
    kept->threshold = take(&whole, now.threshold);
    kept->share = take(&whole, now.share);
    kept->regretted = take(&whole, now.regretted);
    kept->refused = take(&whole, now.refused);
    kept->waiting = whole;
    kept->regret_ms = now.regret_ms;
}

/* ---- Words ---- */

#define MIB_END 32
#define WORDS_AT 34

static void write_row(struct writer *writer, size_t row, uint64_t bytes)
{
    struct line line = {0};
    brkm__line_add_text(&line, "  ");
    brkm__line_add_text(&line, rows[row].key);
    brkm__columns_add_fraction(&line, MIB_END, brkm__columns_part_of(bytes, BRKM_MIB, 1000), 3);
    brkm__columns_add_blanks(&line, WORDS_AT);
    brkm__line_add_text(&line, rows[row].words);
    brkm__columns_add_line(writer, &line);
}

static void write_value(struct writer *writer, const char *before, uint64_t value,
                        const char *after)
{
    brkm__writer_add(writer, before);
    brkm__writer_add_number(writer, value);
    brkm__writer_add(writer, after);
}

static void write_option(struct writer *writer)
{
    bool is_keep_memory = brkm__option_get(OPTION_keep_memory) != 0;
    brkm__writer_add(writer,
                     is_keep_memory
                         ? "- keep_memory:true is in force; `set keep_memory=false` ends that.\n"
                         : "- trim_threshold says never; `set trim_threshold=256K` ends that.\n");
}

static void write_later(struct writer *writer, const struct kept *kept)
{
    if (kept->regretted != 0) {
        write_value(writer, "- what was used again is forgotten in ",
                    (kept->regret_ms + 999) / 1000, " s, if no more is; then it waits.\n");
    }
    brkm__writer_add(writer,
                     brkm__option_get(OPTION_background) != 0
                         ? "- background:true: all but purge_threshold goes within a second once "
                           "the program rests.\n"
                         : "- nobody looks while the program makes no call; with the option "
                           "background:true all but\n  purge_threshold goes then.\n");
}

static void write_advice(struct writer *writer, const struct kept *kept)
{
    uint64_t later = kept->share + kept->regretted + kept->waiting;
    if (kept->option != 0) {
        write_option(writer);
    }
    if (kept->threshold != 0) {
        write_value(writer, "- purge_threshold:", brkm__option_get(OPTION_purge_threshold),
                    " is in force; `set purge_threshold=0` makes it none.\n");
    }
    if (later != 0) {
        write_later(writer, kept);
    }
    if (kept->option + kept->threshold + kept->refused + later != 0) {
        brkm__writer_add(writer, "- `brkmalloc ctl PID trim` gives all whole pages back now, "
                                 "as malloc_trim does.\n");
    }
}

void brkm__kept_write(struct writer *writer, const struct kept *kept)
{
    brkm__writer_add(writer, "\nwhy free memory is still here    MiB\n");
    for (size_t row = 0; row < ROWS; row++) {
        if (value_of(kept, row) != 0) {
            write_row(writer, row, value_of(kept, row));
        }
    }
    write_advice(writer, kept);
}

void brkm__kept_write_json(struct writer *writer, const struct kept *kept)
{
    const char *separator = ",\n\"kept\":{";
    for (size_t row = 0; row < ROWS; row++) {
        brkm__json_add_member(writer, separator, rows[row].key, value_of(kept, row));
        separator = ",";
    }
    brkm__json_add_member(writer, ",", "regret_ms", kept->regret_ms);
    brkm__writer_add(writer, "}");
    brkm__json_add_member(writer, ",\n\"options\":{", "purge_threshold",
                          brkm__option_get(OPTION_purge_threshold));
    brkm__json_add_member(writer, ",", "trim_threshold", brkm__option_get(OPTION_trim_threshold));
    brkm__json_add_member(writer, ",", "keep_memory", brkm__option_get(OPTION_keep_memory));
    brkm__json_add_member(writer, ",", "background", brkm__option_get(OPTION_background));
    brkm__writer_add(writer, "}");
}
