/* SPDX-License-Identifier: MIT
 * See explain_memory.h. */
#include "stats/explain_memory.h"

#include <errno.h>
#include <string.h>

#include "heap/size_class.h"
#include "kit/text.h"
#include "malloc/watcher.h"
#include "stats/columns.h"
#include "stats/json.h"
#include "stats/shares.h"
#include "system/os.h"

/* Classes and call sites that the table has, and frames of each: what people read. JSON has more.
 */
#define CLASSES_SHOWN 16
#define SITES_SHOWN 10
#define FRAMES_SHOWN 12
#define SITES_TOLD 200
#define FRAMES_TOLD 64

/* Where the columns end, in letters, and what lies before words. */
#define MIB_END 32
#define SHARE_END 40
#define GAP 2

static const struct {
    const char *key, *words;
} rows[] = {
#define BRKM_SHARE_ROW(key, words) {#key, words},
    BRKM_SHARES(BRKM_SHARE_ROW)
#undef BRKM_SHARE_ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(sizeof(struct shares) == ROWS * sizeof(uint64_t), "each row is a member");

static uint64_t value_of(const struct shares *sum, size_t row)
{
    return ((const uint64_t *)sum)[row];
}

/* ---- What comes first ---- */

/* What was shown last, in the order in which things are shown: by what is pinned, then by bytes. */
struct cursor {
    uint64_t pinned, bytes;
    size_t index;
};

static struct cursor before_all(void)
{
    return (struct cursor){UINT64_MAX, UINT64_MAX, 0};
}

static bool comes_before(struct cursor a, struct cursor b)
{
    if (a.pinned != b.pinned) {
        return a.pinned > b.pinned;
    }
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.index < b.index;
}

/* Takes `candidate` for the next when it comes after the last and before the next so far. */
static void consider(struct cursor candidate, struct cursor last, struct cursor *next)
{
    if (candidate.bytes != 0 && comes_before(last, candidate) && comes_before(candidate, *next)) {
        *next = candidate;
    }
}

static const struct cursor none = {0, 0, SIZE_MAX};

static struct cursor next_class(const struct memory_shares *shares, struct cursor last)
{
    struct cursor next = none;
    for (size_t i = 0; i < BRKM_BIN_COUNT; i++) {
        const struct class_share *class = &shares->classes[i];
        consider((struct cursor){class->pinned, class->bytes, i}, last, &next);
    }
    return next;
}

static struct cursor next_site(const struct memory_shares *shares, struct cursor last)
{
    struct cursor next = none;
    for (size_t i = 0; i < SHARES_SITES; i++) {
        const struct site_share *site = &shares->sites[i];
        consider((struct cursor){site->pinned, site->bytes, i}, last, &next);
    }
    return next;
}

static uint64_t blocks_of(const struct site_share *site)
{
    return (site->block_parts + SAMPLING_BLOCK / 2) / SAMPLING_BLOCK;
}

/* ---- Text ---- */

static void add_bytes(struct line *line, size_t end, uint64_t bytes)
{
    brkm__columns_add_fraction(line, end, brkm__columns_part_of(bytes, BRKM_MIB, 1000), 3);
}

static void write_row(struct writer *writer, const struct shares *sum, size_t row)
{
    struct line line = {0};
    uint64_t bytes = value_of(sum, row);
    brkm__line_add_text(&line, row == 0 ? "" : "  ");
    brkm__line_add_text(&line, rows[row].key);
    add_bytes(&line, MIB_END, bytes);
    brkm__columns_add_fraction(&line, SHARE_END, brkm__columns_part_of(bytes, sum->resident, 1000),
                               1);
    brkm__columns_add_blanks(&line, SHARE_END + GAP);
    brkm__line_add_text(&line, rows[row].words);
    brkm__columns_add_line(writer, &line);
}

/* Two columns of MiB and one of blocks, or their heads. */
static void write_class(struct writer *writer, const char *name, const struct class_share *class)
{
    struct line line = {0};
    struct line count = {0};
    brkm__line_add_text(&line, name);
    brkm__line_add_number(&count, class->blocks);
    add_bytes(&line, MIB_END, class->pinned);
    add_bytes(&line, MIB_END + 14, class->bytes);
    brkm__columns_add_right(&line, MIB_END + 28, &count);
    brkm__columns_add_line(writer, &line);
}

static void write_classes(struct writer *writer, const struct memory_shares *shares)
{
    brkm__writer_add(writer, "\nblocks from bytes      MiB pinned    MiB in use        blocks\n");
    struct cursor at = next_class(shares, before_all());
    for (unsigned i = 0; i < CLASSES_SHOWN && at.index != SIZE_MAX; i++) {
        struct line name = {0};
        brkm__line_add_text(&name, "  ");
        brkm__line_add_number(&name, size_class_lower_bound((unsigned)at.index));
        write_class(writer, brkm__line_text(&name), &shares->classes[at.index]);
        at = next_class(shares, at);
    }
}

/* As `brkmalloc explain` takes them. */
static void write_stack(struct writer *writer, const void *stack)
{
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    for (size_t i = 0; i < FRAMES_SHOWN; i++) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc:     ");
        if (!recorder->add_frame(&line, stack, i)) {
            break;
        }
        brkm__columns_add_line(writer, &line);
    }
    for (size_t i = 0; i < FRAMES_SHOWN; i++) {
        struct line line = {0};
        if (!recorder->add_build(&line, stack, i)) {
            break;
        }
        if (line.length != 0) {
            brkm__writer_add(writer, "brkmalloc:   build ");
            brkm__columns_add_line(writer, &line);
        }
    }
}

static void write_site(struct writer *writer, const struct site_share *site)
{
    struct line line = {0};
    add_bytes(&line, 0, site->pinned);
    brkm__line_add_text(&line, " MiB pinned by about ");
    brkm__line_add_number(&line, blocks_of(site));
    brkm__line_add_text(&line, " blocks of ");
    add_bytes(&line, 0, site->bytes);
    brkm__line_add_text(&line, " MiB (");
    brkm__line_add_number(&line, site->samples);
    brkm__line_add_text(&line, site->samples == 1 ? " sample) from" : " samples) from");
    brkm__columns_add_line(writer, &line);
    write_stack(writer, site->stack);
}

static void write_sites(struct writer *writer, const struct memory_shares *shares)
{
    brkm__writer_add(writer, shares->has_sites
                                 ? "\nBy call site, as far as the heap profile knows them:\n"
                                 : "\nBy call site: nothing is known without the heap profile.\n");
    struct cursor at = next_site(shares, before_all());
    for (unsigned i = 0; i < SITES_SHOWN && at.index != SIZE_MAX; i++) {
        write_site(writer, &shares->sites[at.index]);
        at = next_site(shares, at);
    }
}

static void write_text(struct writer *writer, const struct memory_shares *shares)
{
    brkm__writer_add(writer, "brkmalloc: the memory of process ");
    brkm__writer_add_number(writer, (uint64_t)brkm__os_process_id());
    brkm__writer_add(writer, "\n                             MiB       %\n");
    for (size_t row = 0; row < ROWS; row++) {
        if (row == 0 || value_of(&shares->sum, row) != 0) {
            write_row(writer, &shares->sum, row);
        }
    }
    brkm__kept_write(writer, &shares->kept);
    write_classes(writer, shares);
    write_sites(writer, shares);
}

/* ---- JSON ---- */

static void write_json_classes(struct writer *writer, const struct memory_shares *shares)
{
    const char *separator = "\n{";
    for (unsigned i = 0; i < BRKM_BIN_COUNT; i++) {
        const struct class_share *class = &shares->classes[i];
        if (class->blocks != 0) {
            brkm__json_add_member(writer, separator, "size", size_class_lower_bound(i));
            brkm__json_add_member(writer, ",", "blocks", class->blocks);
            brkm__json_add_member(writer, ",", "bytes", class->bytes);
            brkm__json_add_member(writer, ",", "pinned", class->pinned);
            brkm__writer_add(writer, "}");
            separator = ",\n{";
        }
    }
}

static void write_json_sites(struct writer *writer, const struct memory_shares *shares)
{
    const char *separator = "\n{";
    struct cursor at = next_site(shares, before_all());
    for (unsigned i = 0; i < SITES_TOLD && at.index != SIZE_MAX; i++) {
        const struct site_share *site = &shares->sites[at.index];
        brkm__json_add_member(writer, separator, "samples", site->samples);
        brkm__json_add_member(writer, ",", "blocks", blocks_of(site));
        brkm__json_add_member(writer, ",", "bytes", site->bytes);
        brkm__json_add_member(writer, ",", "pinned", site->pinned);
        brkm__writer_add(writer, ",\"stack\":[");
        brkm__json_add_frames(writer, site->stack, FRAMES_TOLD);
        brkm__writer_add(writer, "]}");
        separator = ",\n{";
        at = next_site(shares, at);
    }
}

static void write_json(struct writer *writer, const struct memory_shares *shares)
{
    brkm__writer_add(writer, "{\"version\":\"");
    brkm__writer_add(writer, brkm_version());
    brkm__writer_add(writer, "\"");
    brkm__json_add_member(writer, ",", "process", (uint64_t)brkm__os_process_id());
    for (size_t row = 0; row < ROWS; row++) {
        brkm__json_add_member(writer, ",", rows[row].key, value_of(&shares->sum, row));
    }
    brkm__json_add_member(writer, ",", "pinning_pages", shares->pinning_pages);
    brkm__json_add_member(writer, ",", "page", brkm__os_page_size());
    brkm__kept_write_json(writer, &shares->kept);
    brkm__writer_add(writer, ",\n\"classes\":[");
    write_json_classes(writer, shares);
    brkm__writer_add(writer, "],\n\"sites\":");
    brkm__writer_add(writer, shares->has_sites ? "[" : "null");
    if (shares->has_sites) {
        write_json_sites(writer, shares);
        brkm__writer_add(writer, "]");
    }
    brkm__writer_add(writer, "}\n");
}

/* ---- Public ---- */

int brkm__explain_memory(brkm_writer write, void *context, int flags)
{
    if ((flags & ~BRKM_EXPLAIN_JSON) != 0) {
        return EINVAL;
    }
    struct memory_shares *shares = brkm__shares_make();
    if (shares == NULL) {
        return ENOMEM;
    }
    struct writer writer = {.write = write, .context = context};
    (flags == BRKM_EXPLAIN_JSON ? write_json : write_text)(&writer, shares);
    brkm__writer_flush(&writer);
    brkm__shares_free(shares);
    return 0;
}

static void write_to_stream(void *stream, const char *text, size_t length)
{
    fwrite(text, 1, length, stream);
}

int brkm_explain_memory(FILE *stream, int flags)
{
    /* Stdio has cancellation points. */
    int held = brkm__os_hold_cancellation();
    int error = brkm__explain_memory(write_to_stream, stream, flags);
    brkm__os_let_cancellation(held);
    return error;
}
