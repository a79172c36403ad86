/* SPDX-License-Identifier: MIT
 * See raw_profile.h. */
#include "raw_profile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define LINE_LENGTH_MAX 4096
#define FIRST_LINE_WITHOUT_VERSION "brkmalloc heap profile "
#define VERSION "2"
#define GZIP_MAGIC "\x1f\x8b"
#define NANOSECOND_DIGITS 9
#define NANOSECONDS_PER_SECOND 1000000000u

/* In the place of the addresses. */
#define NO_STACK " 0x0"

/* Of a word that is wrong, the message shows no more. */
#define SHOWN_MAX 40

/* Times beyond this, in seconds, do not fit into 63 bits of nanoseconds. */
#define SECONDS_MAX ((uint64_t)INT64_MAX / NANOSECONDS_PER_SECOND - 1)

struct reader {
    FILE *file;
    struct raw_profile *profile;
    struct raw_problem *problem;
    char line[LINE_LENGTH_MAX + 1];
    bool is_ended; /* by a newline */
};

enum line_state { LINE_READ, LINE_NONE, LINE_BAD };

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *reader, const char *format,
                                                        ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->problem->text, sizeof(reader->problem->text), format, arguments);
    va_end(arguments);
    reader->problem->line = reader->profile->line_count + 1;
    return false;
}

/* ---- Lines ---- */

static enum line_state read_error(struct reader *reader)
{
    wrong(reader, "cannot be read: %s", strerror(errno));
    reader->problem->line = 0;
    return LINE_BAD;
}

/* A last line without a newline is a line too; `is_ended` tells. */
static enum line_state read_line(struct reader *reader)
{
    size_t length = 0;
    int character = getc(reader->file);
    while (character != EOF && character != '\n') {
        if (character == '\0') {
            wrong(reader, "a NUL byte, where there should be text only");
            return LINE_BAD;
        }
        if (length == LINE_LENGTH_MAX) {
            wrong(reader, "longer than %d bytes", LINE_LENGTH_MAX);
            return LINE_BAD;
        }
        reader->line[length++] = (char)character;
        character = getc(reader->file);
    }
    if (ferror(reader->file)) {
        return read_error(reader);
    }
    reader->line[length] = '\0';
    reader->is_ended = character == '\n';
    return length == 0 && !reader->is_ended ? LINE_NONE : LINE_READ;
}

static void line_is_done(struct reader *reader)
{
    reader->profile->line_count++;
}

/* ---- Words and numbers: each takes what it reads off the front of `rest` ---- */

static bool take_text(const char **rest, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*rest, text, length) != 0) {
        return false;
    }
    *rest += length;
    return true;
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return 16;
}

/* At least one digit of the base, and no number above `max`. */
static bool take_number(const char **rest, unsigned base, uint64_t max, uint64_t *number)
{
    const char *start = *rest;
    *number = 0;
    for (; (unsigned)digit_value(**rest) < base; ++*rest) {
        unsigned digit = (unsigned)digit_value(**rest);
        if (*number > (max - digit) / base) {
            return false;
        }
        *number = *number * base + digit;
    }
    return *rest != start;
}

static bool is_whole_number(const char *text, uint64_t max, uint64_t *number)
{
    return take_number(&text, 10, max, number) && *text == '\0';
}

/* "12" or "12.345", as nanoseconds. */
static bool is_seconds(const char *text, uint64_t *nanoseconds)
{
    uint64_t seconds;
    if (!take_number(&text, 10, SECONDS_MAX, &seconds)) {
        return false;
    }
    *nanoseconds = seconds * NANOSECONDS_PER_SECOND;
    if (*text == '\0') {
        return true;
    }
    if (*text++ != '.' || *text == '\0') {
        return false;
    }
    uint64_t unit = NANOSECONDS_PER_SECOND;
    for (int digits = 0; digit_value(*text) < 10; text++, digits++) {
        unit = digits < NANOSECOND_DIGITS ? unit / 10 : 0;
        *nanoseconds += (uint64_t)digit_value(*text) * unit;
    }
    return *text == '\0';
}

static int shown_length(const char *text)
{
    size_t length = strcspn(text, " ");
    return (int)(length < SHOWN_MAX ? length : SHOWN_MAX);
}

/* ---- Header ---- */

/* Another kind of file is told by its first bytes, whatever its lines may be. */
static bool is_heap_profile(struct reader *reader, enum line_state state)
{
    if (state == LINE_NONE) {
        return wrong(reader, "the file is empty");
    }
    if (strncmp(reader->line, GZIP_MAGIC, strlen(GZIP_MAGIC)) == 0) {
        return wrong(reader, "this is compressed; give the file that the program wrote, or read "
                             "this one with 'go tool pprof'");
    }
    const char *rest = reader->line;
    return take_text(&rest, FIRST_LINE_WITHOUT_VERSION) ||
           wrong(reader, "this is no heap profile of brkmalloc: the first line should be '%s%s'",
                 FIRST_LINE_WITHOUT_VERSION, VERSION);
}

static bool read_first_line(struct reader *reader)
{
    enum line_state state = read_line(reader);
    bool is_unreadable = state == LINE_BAD && reader->problem->line == 0;
    if (is_unreadable || !is_heap_profile(reader, state) || state == LINE_BAD) {
        return false;
    }
    const char *version = reader->line + strlen(FIRST_LINE_WITHOUT_VERSION);
    if (!reader->is_ended) {
        return wrong(reader, "the file was cut short in its first line");
    }
    if (strcmp(version, VERSION) != 0) {
        return wrong(reader, "version '%.*s' of the format; this program reads version %s",
                     shown_length(version), version, VERSION);
    }
    line_is_done(reader);
    return true;
}

static bool read_number(struct reader *reader, const char *key, const char *value, uint64_t max,
                        uint64_t *number)
{
    return is_whole_number(value, max, number) ||
           wrong(reader, "'%s %.*s': should be a whole number, at most %" PRIu64, key, SHOWN_MAX,
                 value, max);
}

static void replace_text(char **text, const char *value)
{
    free(*text);
    *text = memory_copy_text(value);
}

/* Keys that are unknown are for later readers. */
static bool read_header_line(struct reader *reader)
{
    struct raw_profile *profile = reader->profile;
    const char *value = reader->line;
    if (take_text(&value, "pid ")) {
        return read_number(reader, "pid", value, INT64_MAX, &profile->process);
    }
    if (take_text(&value, "interval ")) {
        return read_number(reader, "interval", value, INT64_MAX, &profile->interval);
    }
    if (take_text(&value, "started ")) {
        return read_number(reader, "started", value, SECONDS_MAX, &profile->started);
    }
    if (take_text(&value, "seconds ")) {
        return is_seconds(value, &profile->nanoseconds) ||
               wrong(reader, "'seconds %.*s': should be a number as 12.345", SHOWN_MAX, value);
    }
    if (take_text(&value, "program ")) {
        replace_text(&profile->program, value);
    } else if (take_text(&value, "reason ")) {
        replace_text(&profile->reason, value);
    }
    return true;
}

/* ---- Samples ---- */

static bool take_sample_numbers(struct reader *reader, const char **rest, struct raw_sample *sample)
{
    static const char *const names[] = {"LIVE_BLOCKS", "LIVE_BYTES",  "TOTAL_BLOCKS",
                                        "TOTAL_BYTES", "PEAK_BLOCKS", "PEAK_BYTES"};
    for (size_t i = 0; i < RAW_NUMBER_COUNT; i++) {
        if (!take_text(rest, " ")) {
            return wrong(reader, "%s is missing: a sample has six numbers, then addresses",
                         names[i]);
        }
        const char *word = *rest;
        if (!take_number(rest, 10, INT64_MAX, &sample->numbers[i]) ||
            (**rest != ' ' && **rest != '\0')) {
            return wrong(reader, "%s is '%.*s'; it should be a whole number below 2^63", names[i],
                         shown_length(word), word);
        }
    }
    return true;
}

/* ADDRESS or ADDRESS@OBJECT, whose number counts from 1. */
static bool take_address(const char **rest, struct raw_address *address)
{
    uint64_t number = 0;
    if (!take_text(rest, "0x") || !take_number(rest, 16, UINT64_MAX, &address->address) ||
        address->address == 0) {
        return false;
    }
    if (take_text(rest, "@") &&
        (!take_number(rest, 10, RAW_NO_OBJECT - 1, &number) || number == 0)) {
        return false;
    }
    address->object = number == 0 ? RAW_NO_OBJECT : (uint32_t)number - 1;
    return **rest == ' ' || **rest == '\0';
}

/* The rest of a sample whose call stack could not be had may be "0x0". */
static bool take_addresses(struct reader *reader, const char *rest, struct raw_sample *sample)
{
    struct raw_profile *profile = reader->profile;
    sample->first_address = profile->address_count;
    if (strcmp(rest, NO_STACK) == 0) {
        return true;
    }
    while (take_text(&rest, " ")) {
        const char *word = rest;
        struct raw_address address;
        if (!take_address(&rest, &address)) {
            return wrong(reader, "address %zu is '%.*s'; it should be as 0x7f0012345678@3",
                         sample->address_count + 1, shown_length(word), word);
        }
        profile->addresses = memory_grow(profile->addresses, profile->address_count,
                                         &profile->address_capacity, sizeof(*profile->addresses));
        profile->addresses[profile->address_count++] = address;
        sample->address_count++;
    }
    return true;
}

static bool read_sample(struct reader *reader, const char *rest)
{
    struct raw_profile *profile = reader->profile;
    struct raw_sample sample = {.address_count = 0};
    if (!take_sample_numbers(reader, &rest, &sample) || !take_addresses(reader, rest, &sample)) {
        return false;
    }
    profile->samples = memory_grow(profile->samples, profile->sample_count,
                                   &profile->sample_capacity, sizeof(*profile->samples));
    profile->samples[profile->sample_count++] = sample;
    return true;
}

/* ---- Objects ---- */

/* "12.345678901" with all nine digits. */
static bool take_time(const char **rest, uint64_t *seconds, uint64_t *nanoseconds)
{
    return take_number(rest, 10, SECONDS_MAX, seconds) && take_text(rest, ".") &&
           take_number(rest, 10, NANOSECONDS_PER_SECOND - 1, nanoseconds);
}

/* A build id of at least one byte, or "-". */
static bool take_build_id(const char **rest, struct raw_object *object)
{
    size_t length = strcspn(*rest, " ");
    if (take_text(rest, "-")) {
        return object->build_id[0] == '\0';
    }
    size_t digits = strspn(*rest, "0123456789abcdef");
    free(object->build_id);
    object->build_id = memory_copy_text(*rest);
    object->build_id[length] = '\0';
    *rest += length;
    return digits == length && length > 0 && length % 2 == 0;
}

/* NUMBER START-END LINK_START MAJOR:MINOR INODE SIZE CHANGED FIRST_SEEN LAST_SEEN BUILD_ID PATH */
static bool take_object(const char **rest, struct raw_object *object, uint64_t number)
{
    uint64_t found;
    uint64_t ignored;
    return take_number(rest, 10, UINT64_MAX, &found) && found == number && take_text(rest, " ") &&
           take_number(rest, 16, UINT64_MAX, &object->start) && take_text(rest, "-") &&
           take_number(rest, 16, UINT64_MAX, &object->end) && take_text(rest, " ") &&
           take_number(rest, 16, UINT64_MAX, &object->link_start) && take_text(rest, " ") &&
           take_number(rest, 16, UINT64_MAX, &ignored) && take_text(rest, ":") &&
           take_number(rest, 16, UINT64_MAX, &ignored) && take_text(rest, " ") &&
           take_number(rest, 10, UINT64_MAX, &object->inode) && take_text(rest, " ") &&
           take_number(rest, 10, UINT64_MAX, &object->size) && take_text(rest, " ") &&
           take_time(rest, &object->changed, &object->changed_nanos) && take_text(rest, " ") &&
           take_time(rest, &ignored, &ignored) && take_text(rest, " ") &&
           take_time(rest, &ignored, &ignored) && take_text(rest, " ") &&
           take_build_id(rest, object) && take_text(rest, " ");
}

static bool read_object(struct reader *reader)
{
    struct raw_profile *profile = reader->profile;
    profile->objects = memory_grow(profile->objects, profile->object_count,
                                   &profile->object_capacity, sizeof(*profile->objects));
    struct raw_object *object = &profile->objects[profile->object_count++];
    *object = (struct raw_object){.build_id = memory_copy_text(""), .path = memory_copy_text("")};
    const char *rest = reader->line;
    if (!take_object(&rest, object, profile->object_count)) {
        return wrong(reader, "'%.*s' is neither 'end' nor object %zu", SHOWN_MAX, reader->line,
                     profile->object_count);
    }
    if (object->start >= object->end) {
        return wrong(reader, "the object ends at 0x%" PRIx64 ", before it begins", object->end);
    }
    replace_text(&object->path, rest);
    return true;
}

/* Where the file was cut short, objects may be missing. */
static void forget_missing_objects(struct raw_profile *profile)
{
    for (size_t i = 0; i < profile->address_count; i++) {
        struct raw_address *address = &profile->addresses[i];
        const struct raw_object *object =
            address->object < profile->object_count ? &profile->objects[address->object] : NULL;
        if (object == NULL || address->address <= object->start || address->address > object->end) {
            address->object = RAW_NO_OBJECT;
        }
    }
}

/* ---- The whole ---- */

enum part { PART_HEADER, PART_SAMPLES, PART_OBJECTS, PART_END };

static bool read_part_line(struct reader *reader, enum part *part)
{
    const char *rest = reader->line;
    if (*part == PART_END) {
        return wrong(reader, "there is something behind 'end'");
    }
    if (strcmp(reader->line, "end") == 0 && *part == PART_OBJECTS) {
        *part = PART_END;
        return true;
    }
    if (*part == PART_OBJECTS) {
        return read_object(reader);
    }
    if (strcmp(reader->line, "objects") == 0) {
        *part = PART_OBJECTS;
        return true;
    }
    if (take_text(&rest, "sample") && (*rest == ' ' || *rest == '\0')) {
        *part = PART_SAMPLES;
        return read_sample(reader, rest);
    }
    if (*part == PART_HEADER && strcmp(reader->line, "end") != 0) {
        return read_header_line(reader);
    }
    return wrong(reader, "'%.*s': here should be 'sample' or 'objects'", shown_length(reader->line),
                 reader->line);
}

bool raw_profile_read(struct raw_profile *profile, FILE *file, struct raw_problem *problem)
{
    struct reader reader = {.file = file, .profile = profile, .problem = problem};
    *profile = (struct raw_profile){
        .program = memory_copy_text(""),
        .reason = memory_copy_text(""),
    };
    if (!read_first_line(&reader)) {
        return false;
    }
    enum part part = PART_HEADER;
    enum line_state state;
    while ((state = read_line(&reader)) == LINE_READ) {
        if (!reader.is_ended && (part != PART_OBJECTS || strcmp(reader.line, "end") != 0)) {
            break; /* cut short: a number in it may have lost digits */
        }
        if (!read_part_line(&reader, &part)) {
            return false;
        }
        line_is_done(&reader);
    }
    if (state == LINE_READ && part == PART_END) {
        return wrong(&reader, "there is something behind 'end'");
    }
    profile->is_complete = part == PART_END;
    forget_missing_objects(profile);
    return state != LINE_BAD;
}

bool raw_profile_is_of_whole_run(const struct raw_profile *profile)
{
    if (strcmp(profile->reason, "exit") != 0) {
        return false;
    }
    for (size_t i = 0; i < profile->sample_count; i++) {
        if (profile->samples[i].numbers[RAW_PEAK_BLOCKS] != 0) {
            return true;
        }
    }
    return false;
}

void raw_profile_free(struct raw_profile *profile)
{
    for (size_t i = 0; i < profile->object_count; i++) {
        free(profile->objects[i].build_id);
        free(profile->objects[i].path);
    }
    free(profile->objects);
    free(profile->addresses);
    free(profile->samples);
    free(profile->program);
    free(profile->reason);
    *profile = (struct raw_profile){.program = NULL};
}
