/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: what `brkmalloc report` and `map` read beside traces, snapshots of a heap. An input
 * is the file; or, with a first byte above 127, pieces of snapshots in the order that the other
 * bytes say, so that what lies behind the brackets is reached. What is wrong is told with its
 * offset; what can be read has sums that are those of its runs. */
#define _GNU_SOURCE
#include <stdlib.h>

#include "../../profile/memory.h"
#include "../../report/heap_snapshot.h"
#include "file.h"

const char program_name[] = "heaps";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* ---- The file ---- */

static const char *const pieces[] = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"regions\":[",
    "{\"kind\":\"break\",\"start\":4096,",
    "\"start\":18446744073709551000,",
    "\"used\":96,",
    "\"free\":64,",
    "\"runs\":[",
    "[\"used\",96,1]",
    "[\"used\",96,1,7]",
    "[\"free\",64,1]",
    "[\"damaged\",18446744073709551615,1]",
    "[\"used\",96,4294967296]",
    "\"runs_left_out\":1,",
    "\"detail\":\"blocks\",",
    "\"interval\":512,",
    "\"sites\":[",
    "{\"site\":7,",
    "{\"site\":70000,",
    "\"stack\":[\"0x55d0 /a+0x5\",\"0x1\"],",
    "\"builds\":[\"ab of /a\"]}",
    "\"largest_free\":64",
    "\"page\":4096,\"process\":1,",
    "\"x\":{\"y\":[null,true,-1.5e3,\"z\"]},",
    "\"source\":\"core\",",
    "]}",
    "]}]}",
    " ",
    ",\"areas\":[",
    "{\"kind\":\"mapped\",",
    "{\"kind\":\"guarded\",",
    "{\"kind\":\"vmalloc\",",
    "{\"kind\":\"section\",",
    "\"start\":8192,\"bytes\":8192,",
    "\"start\":18446744073709547520,\"bytes\":4096,",
    "\"payload\":8208,\"usable\":8168,",
    "\"payload\":1,",
    "\"usable\":18446744073709551615,",
    "\"resident\":4096,",
    "\"requested\":100,",
    "\"state\":\"retired\"}",
    "\"state\":\"used\"}",
    "[\"pages\",4096,1]",
    "[\"objects\",4096,64]",
    "\"areas_left_out\":3,",
    "\"bytes\":4192}",
};

/* ---- Reading it ---- */

static void expect_sums(const struct heap_snapshot *snapshot, const struct picture *picture)
{
    uint64_t bytes[SPAN_KIND_COUNT] = {0};
    for (size_t i = 0; i < picture->count; i++) {
        const struct span *span = &picture->spans[i];
        expect(span->kind < SPAN_KIND_COUNT);
        expect(span->from < span->until);
        bytes[span->kind] += span->bytes;
    }
    for (int kind = 0; picture->left_out == 0 && kind < SPAN_KIND_COUNT; kind++) {
        expect(bytes[kind] == snapshot->bytes[kind]);
    }
}

/* Each block lies in the picture, and not outside of what is said of it. */
static void expect_blocks(const struct heap_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->outside.count; i++) {
        const struct outside_block *block = &snapshot->outside.blocks[i];
        expect(block->payload >= block->address);
        expect(block->payload <= UINT64_MAX - block->usable);
    }
    expect(snapshot->outside.count == 0 || snapshot->has_areas);
}

static void expect_told(const struct problem *problem, size_t length)
{
    expect(problem->offset <= length);
    expect(problem->text[0] != '\0');
    expect(memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
}

static void read_file(char *file, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)file;
    static struct heap_snapshot snapshot;
    struct picture picture;
    struct problem problem = {UINT64_MAX, ""};
    struct call_sites *sites = memory_zeroed(1, sizeof(*sites));
    struct snapshot_place place = {&picture, sites, 0, true};
    picture_begin(&picture, 1, 1000);
    if (heap_snapshot_read(&snapshot, place, bytes, length, &problem)) {
        picture_finish(&picture);
        expect_sums(&snapshot, &picture);
        expect_blocks(&snapshot);
    } else {
        expect_told(&problem, length);
    }
    heap_snapshot_free(&snapshot);
    picture_free(&picture);
    call_sites_free(sites);
    free(sites);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    read_input(bytes, length, (struct pieces){pieces, sizeof(pieces) / sizeof(pieces[0])},
               read_file);
    return 0;
}
