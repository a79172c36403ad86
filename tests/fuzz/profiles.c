/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: heap profiles, as `brkmalloc profile`, `pprof`, `report` and `compare` read them. An
 * input is the file, or two with a byte 1 between them; or, with a first byte above 127, pieces of
 * profiles in the order that the other bytes say. What is wrong is told with its line; what can be
 * read has its parts in their places, and every view of it has sums that are those of its samples
 * and no byte that a terminal or a page takes for more than text. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../profile/making.h"
#include "../../profile/memory.h"
#include "../../profile/pprof_format.h"
#include "../../profile/views.h"
#include "../../report/heap_difference.h"
#include "../../report/profile_report.h"
#include "file.h"

const char program_name[] = "profiles";

#define BETWEEN '\1'
#define ROWS 20

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* ---- The file ---- */

static const char *const pieces[] = {
    "brkmalloc heap profile 2\n",
    "brkmalloc heap profile 3\n",
    "pid 12\n",
    "program /usr/bin/<a>&\"b\n",
    "program /\xff\x1b[31m\\\n",
    "interval 524288\n",
    "interval 1\n",
    "started 1763800000\n",
    "seconds 12.345\n",
    "seconds 9223372035.999999999\n",
    "reason exit\n",
    "reason request\n",
    "later words\n",
    "sample 10 10240 50 51200 20 20480",
    "sample 1 9223372036854775807 2 9223372036854775807 1 9223372036854775807",
    "sample 0 0 1 64 0 0",
    "sample 3 96",
    " 0x0\n",
    " 0x55d0c61f42ab@1",
    " 0x55d0c61f42b9@1",
    " 0x7f05ed11e24a@2",
    " 0x7f05ed11e24a@4294967294",
    " 0xffffffffffffffff",
    " 0x1@1",
    "\n",
    "objects\n",
    "1 55d0c61f3000-55d0c61f9000 0 fe:0 11 68 1763000000.123456789 0.001 12.340 e67f09058a1f "
    "/usr/bin/a;b\n",
    "2 7f05ed0f7000-7f05ed2d8f50 1000 fe:0 0 0 1.0 0.1 1.3 - /usr/lib/libbrkmalloc.so.0\n",
    "2 0-ffffffffffffffff ffffffffffffffff 0:0 0 0 0.0 0.0 0.0 - \n",
    "1 5-4 0 0:0 0 0 0.0 0.0 0.0 - x\n",
    "end\n",
    "end",
    "\1",
};

/* ---- Reading it ---- */

static void expect_told(const struct raw_problem *problem, const char *bytes, size_t length)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++) {
        lines += bytes[i] == '\n';
    }
    expect(problem->line <= lines);
    expect(problem->text[0] != '\0');
    expect(memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
}

static void expect_places(const struct raw_profile *raw)
{
    for (size_t i = 0; i < raw->sample_count; i++) {
        const struct raw_sample *sample = &raw->samples[i];
        expect(sample->first_address <= raw->address_count);
        expect(sample->address_count <= raw->address_count - sample->first_address);
        for (int number = 0; number < RAW_NUMBER_COUNT; number++) {
            expect(sample->numbers[number] <= INT64_MAX);
        }
    }
    for (size_t i = 0; i < raw->address_count; i++) {
        const struct raw_address *address = &raw->addresses[i];
        expect(address->address != 0);
        if (address->object != RAW_NO_OBJECT) {
            expect(address->object < raw->object_count);
            expect(address->address > raw->objects[address->object].start);
            expect(address->address <= raw->objects[address->object].end);
        }
    }
}

/* No input opens a file of this machine: functions have the names of places. */
static void forget_files(struct raw_profile *raw)
{
    for (size_t i = 0; i < raw->object_count; i++) {
        if (raw->objects[i].path[0] == '/') {
            raw->objects[i].path[0] = '-';
        }
    }
}

static bool read_profile(struct raw_profile *raw, char *bytes, size_t length)
{
    struct raw_problem problem = {SIZE_MAX, ""};
    FILE *file = length == 0 ? fopen("/dev/null", "r") : fmemopen(bytes, length, "r");
    expect(file != NULL);
    bool done = raw_profile_read(raw, file, &problem);
    fclose(file);
    if (done) {
        expect_places(raw);
        forget_files(raw);
    } else {
        expect_told(&problem, bytes, length);
    }
    return done;
}

/* ---- Views ---- */

/* Nothing that ends a script, begins a tag or steers a terminal. Clears the text. */
static void expect_text(struct text *text, bool is_for_page)
{
    for (size_t i = 0; i < text->length; i++) {
        unsigned char byte = (unsigned char)text->bytes[i];
        expect(byte == '\n' || (byte >= ' ' && byte != 127));
        expect(!is_for_page || byte != '<' || text->bytes[i + 1] == '"');
    }
    text_clear(text);
}

static uint64_t sum_of_lines(const struct text *text)
{
    uint64_t sum = 0;
    for (const char *line = text->bytes; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        expect(end != NULL);
        const char *number = memrchr(line, ' ', (size_t)(end - line));
        expect(number != NULL);
        sum = sum_of(sum, strtoull(number, NULL, 10));
        line = end + 1;
    }
    return sum;
}

static uint64_t sum_of_samples(const struct raw_profile *raw, enum raw_number number)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < raw->sample_count; i++) {
        sum = sum_of(sum, raw->samples[i].numbers[number]);
    }
    return sum;
}

static void view(const struct raw_profile *raw, const struct profile *profile)
{
    struct view_options options = {PROFILE_INUSE_SPACE, ROWS};
    struct text text = {.bytes = NULL};
    view_add_folded(&text, profile, PROFILE_INUSE_SPACE);
    expect(sum_of_lines(&text) ==
           sum_of_samples(raw, profile->is_at_peak ? RAW_PEAK_BYTES : RAW_LIVE_BYTES));
    expect_text(&text, false);
    view_add_folded(&text, profile, PROFILE_ALLOC_OBJECTS);
    expect(sum_of_lines(&text) == sum_of_samples(raw, RAW_TOTAL_BLOCKS));
    expect_text(&text, false);
    view_add_heading(&text, profile, PROFILE_INUSE_SPACE);
    view_add_functions(&text, profile, options);
    view_add_sites(&text, profile, options);
    view_add_leaks(&text, profile, options);
    expect_text(&text, false);
    view_add_flame_graph(&text, profile, PROFILE_INUSE_SPACE);
    pprof_format_add(&text, profile);
    text_free(&text);
}

static void compare(const struct profile profiles[SIDE_COUNT])
{
    struct difference difference = {.files = {"before", "after"}};
    struct text text = {.bytes = NULL};
    view_add_growth(&text, &profiles[SIDE_BEFORE], &profiles[SIDE_AFTER],
                    (struct view_options){PROFILE_INUSE_SPACE, ROWS});
    expect_text(&text, false);
    difference_of_profiles(&difference, profiles);
    expect(difference.table_count != 0);
    for (int side = 0; side < SIDE_COUNT; side++) {
        expect(difference.tables[0].rows[0].bytes[side] ==
               profile_total(&profiles[side], PROFILE_INUSE_SPACE));
    }
    difference_add_text(&text, &difference);
    expect_text(&text, false);
    difference_add_json(&text, &difference);
    expect_text(&text, true);
    difference_free(&difference);
    text_free(&text);
}

static void use(const struct raw_profile raw[SIDE_COUNT])
{
    static char before[] = "before";
    static char after[] = "after";
    struct profile profiles[SIDE_COUNT];
    struct text text = {.bytes = NULL};
    bool is_at_peak = raw_profile_is_of_whole_run(&raw[SIDE_BEFORE]);
    for (int side = 0; side < SIDE_COUNT; side++) {
        profile_make(&profiles[side], &raw[side],
                     (struct profile_options){.is_at_peak = is_at_peak});
        view(&raw[side], &profiles[side]);
    }
    compare(profiles);
    profile_report_make(&text, raw, SIDE_COUNT, (char *[]){before, after});
    expect_text(&text, true);
    text_free(&text);
    for (int side = 0; side < SIDE_COUNT; side++) {
        profile_free(&profiles[side]);
    }
}

static void read_files(char *bytes, size_t length)
{
    struct raw_profile raw[SIDE_COUNT];
    char *between = memchr(bytes, BETWEEN, length);
    size_t first = between == NULL ? length : (size_t)(between - bytes);
    char *second = between == NULL ? bytes : between + 1;
    bool has_first = read_profile(&raw[SIDE_BEFORE], bytes, first);
    bool has_second = read_profile(&raw[SIDE_AFTER], second, length - (size_t)(second - bytes));
    if (has_first && has_second) {
        use(raw);
    }
    raw_profile_free(&raw[SIDE_BEFORE]);
    raw_profile_free(&raw[SIDE_AFTER]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    read_input(bytes, length, (struct pieces){pieces, sizeof(pieces) / sizeof(pieces[0])},
               read_files);
    return 0;
}
