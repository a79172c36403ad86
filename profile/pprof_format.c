/* SPDX-License-Identifier: MIT
 * See pprof_format.h. Field numbers are those of profile.proto. */
#include "pprof_format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name_table.h"
#include "protobuf.h"

enum profile_field {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING_TABLE = 6,
    PROFILE_TIME_NANOS = 9,
    PROFILE_DURATION_NANOS = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_SAMPLE_TYPE = 14
};
enum value_type_field { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT = 2 };
enum sample_field { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2 };
enum mapping_field {
    MAPPING_ID = 1,
    MAPPING_MEMORY_START = 2,
    MAPPING_MEMORY_LIMIT = 3,
    MAPPING_FILE_OFFSET = 4,
    MAPPING_FILENAME = 5,
    MAPPING_BUILD_ID = 6,
    MAPPING_HAS_FUNCTIONS = 7,
    MAPPING_HAS_FILENAMES = 8,
    MAPPING_HAS_LINE_NUMBERS = 9,
    MAPPING_HAS_INLINE_FRAMES = 10
};
enum location_field {
    LOCATION_ID = 1,
    LOCATION_MAPPING_ID = 2,
    LOCATION_ADDRESS = 3,
    LOCATION_LINE = 4
};
enum line_field { LINE_FUNCTION_ID = 1, LINE_LINE = 2 };
enum function_field {
    FUNCTION_ID = 1,
    FUNCTION_NAME = 2,
    FUNCTION_SYSTEM_NAME = 3,
    FUNCTION_FILENAME = 4,
    FUNCTION_START_LINE = 5
};

#define NANOSECONDS_PER_SECOND 1000000000u

/* Ids begin with 1; 0 stands for none, here for what no sample needs. */
struct encoder {
    struct text *message;
    const struct profile *profile;
    struct name_table strings;
    struct text part; /* a message inside the message */
    uint64_t *location_ids;
    uint64_t *function_ids;
    uint64_t *object_ids;
};

static uint64_t string_number(struct encoder *encoder, const char *string)
{
    return name_table_add_text(&encoder->strings, string);
}

static uint64_t name_number(struct encoder *encoder, uint32_t name)
{
    return string_number(encoder, profile_name(encoder->profile, name));
}

static void end_part(struct encoder *encoder, enum profile_field field)
{
    protobuf_add_bytes(encoder->message, field, encoder->part.bytes, encoder->part.length);
    text_clear(&encoder->part);
}

static void add_value_type(struct encoder *encoder, enum profile_field field, const char *type,
                           const char *unit)
{
    protobuf_add_number(&encoder->part, VALUE_TYPE_TYPE, string_number(encoder, type));
    protobuf_add_number(&encoder->part, VALUE_TYPE_UNIT, string_number(encoder, unit));
    end_part(encoder, field);
}

static void add_sample_types(struct encoder *encoder)
{
    for (enum profile_value value = 0; value < PROFILE_VALUE_COUNT; value++) {
        add_value_type(encoder, PROFILE_SAMPLE_TYPE, profile_value_names[value],
                       profile_value_is_bytes(value) ? "bytes" : "count");
    }
}

/* Without a name there is no line, so that pprof may look for one itself. */
static bool is_shown(const struct profile *profile, const struct profile_location *location,
                     const struct profile_frame *frame)
{
    return location->address == 0 || profile->functions[frame->function].is_named;
}

/* ---- What the samples need gets its id ---- */

static void need_object(struct encoder *encoder, uint32_t object, uint64_t *count)
{
    if (object != PROFILE_NO_OBJECT && encoder->object_ids[object] == 0) {
        encoder->object_ids[object] = ++*count;
    }
}

/* pprof takes the first mapping for the program. */
static void need_program(struct encoder *encoder, uint64_t *count)
{
    const struct profile *profile = encoder->profile;
    for (uint32_t i = 0; i < profile->object_count; i++) {
        if (profile->objects[i].path == profile->program) {
            need_object(encoder, i, count);
        }
    }
}

static void need_location(struct encoder *encoder, uint32_t index, uint64_t *location_count,
                          uint64_t *function_count, uint64_t *object_count)
{
    if (encoder->location_ids[index] != 0) {
        return;
    }
    encoder->location_ids[index] = ++*location_count;
    const struct profile_location *location = &encoder->profile->locations[index];
    need_object(encoder, location->object, object_count);
    for (size_t i = 0; i < location->frame_count; i++) {
        const struct profile_frame *frame = &encoder->profile->frames[location->first_frame + i];
        if (is_shown(encoder->profile, location, frame) &&
            encoder->function_ids[frame->function] == 0) {
            encoder->function_ids[frame->function] = ++*function_count;
        }
    }
}

static void give_ids(struct encoder *encoder)
{
    const struct profile *profile = encoder->profile;
    uint64_t locations = 0;
    uint64_t functions = 0;
    uint64_t objects = 0;
    need_program(encoder, &objects);
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct profile_sample *sample = &profile->samples[i];
        for (size_t j = 0; j < sample->location_count; j++) {
            need_location(encoder, profile->stack_locations[sample->first + j], &locations,
                          &functions, &objects);
        }
    }
}

/* ---- The parts ---- */

static void add_samples(struct encoder *encoder)
{
    const struct profile *profile = encoder->profile;
    struct text packed = {.bytes = NULL};
    for (size_t i = 0; i < profile->sample_count; i++) {
        const struct profile_sample *sample = &profile->samples[i];
        text_clear(&packed);
        for (size_t j = 0; j < sample->location_count; j++) {
            uint32_t location = profile->stack_locations[sample->first + j];
            protobuf_add_packed(&packed, encoder->location_ids[location]);
        }
        protobuf_add_bytes(&encoder->part, SAMPLE_LOCATION_ID, packed.bytes, packed.length);
        text_clear(&packed);
        for (size_t j = 0; j < PROFILE_VALUE_COUNT; j++) {
            protobuf_add_packed(&packed, sample->values[j]);
        }
        protobuf_add_bytes(&encoder->part, SAMPLE_VALUE, packed.bytes, packed.length);
        end_part(encoder, PROFILE_SAMPLE);
    }
    text_free(&packed);
}

static void add_mapping(struct encoder *encoder, size_t index)
{
    const struct profile_object *object = &encoder->profile->objects[index];
    struct text *part = &encoder->part;
    protobuf_add_number(part, MAPPING_ID, encoder->object_ids[index]);
    protobuf_add_number(part, MAPPING_MEMORY_START, object->start);
    protobuf_add_number(part, MAPPING_MEMORY_LIMIT, object->end);
    protobuf_add_number(part, MAPPING_FILENAME, name_number(encoder, object->path));
    protobuf_add_number(part, MAPPING_BUILD_ID, name_number(encoder, object->build_id));
    protobuf_add_number(part, MAPPING_HAS_FUNCTIONS, object->has_names);
    protobuf_add_number(part, MAPPING_HAS_FILENAMES, object->has_lines);
    protobuf_add_number(part, MAPPING_HAS_LINE_NUMBERS, object->has_lines);
    protobuf_add_number(part, MAPPING_HAS_INLINE_FRAMES, object->has_lines);
    end_part(encoder, PROFILE_MAPPING);
}

/* Readers expect mappings in the order of their ids, the program's first. */
static void add_mappings(struct encoder *encoder)
{
    size_t count = encoder->profile->object_count;
    for (uint64_t id = 1; id <= count; id++) {
        for (size_t i = 0; i < count; i++) {
            if (encoder->object_ids[i] == id) {
                add_mapping(encoder, i);
            }
        }
    }
}

static void add_lines(struct encoder *encoder, const struct profile_location *location)
{
    struct text line = {.bytes = NULL};
    for (size_t i = 0; i < location->frame_count; i++) {
        const struct profile_frame *frame = &encoder->profile->frames[location->first_frame + i];
        if (is_shown(encoder->profile, location, frame)) {
            text_clear(&line);
            protobuf_add_number(&line, LINE_FUNCTION_ID, encoder->function_ids[frame->function]);
            protobuf_add_number(&line, LINE_LINE, frame->line);
            protobuf_add_bytes(&encoder->part, LOCATION_LINE, line.bytes, line.length);
        }
    }
    text_free(&line);
}

static void add_locations(struct encoder *encoder)
{
    for (size_t i = 0; i < encoder->profile->location_count; i++) {
        const struct profile_location *location = &encoder->profile->locations[i];
        if (encoder->location_ids[i] == 0) {
            continue;
        }
        protobuf_add_number(&encoder->part, LOCATION_ID, encoder->location_ids[i]);
        if (location->object != PROFILE_NO_OBJECT) {
            protobuf_add_number(&encoder->part, LOCATION_MAPPING_ID,
                                encoder->object_ids[location->object]);
        }
        protobuf_add_number(&encoder->part, LOCATION_ADDRESS, location->address);
        add_lines(encoder, location);
        end_part(encoder, PROFILE_LOCATION);
    }
}

static void add_functions(struct encoder *encoder)
{
    for (size_t i = 0; i < encoder->profile->function_count; i++) {
        const struct profile_function *function = &encoder->profile->functions[i];
        if (encoder->function_ids[i] == 0) {
            continue;
        }
        struct text *part = &encoder->part;
        protobuf_add_number(part, FUNCTION_ID, encoder->function_ids[i]);
        protobuf_add_number(part, FUNCTION_NAME, name_number(encoder, function->name));
        protobuf_add_number(part, FUNCTION_SYSTEM_NAME,
                            name_number(encoder, function->linkage_name));
        protobuf_add_number(part, FUNCTION_FILENAME, name_number(encoder, function->file));
        protobuf_add_number(part, FUNCTION_START_LINE, function->first_line);
        end_part(encoder, PROFILE_FUNCTION);
    }
}

static void add_comment(struct encoder *encoder, const char *key, const char *value)
{
    struct text comment = {.bytes = NULL};
    if (value[0] != '\0') {
        text_format(&comment, "%s %s", key, value);
        protobuf_add_number(encoder->message, PROFILE_COMMENT,
                            string_number(encoder, comment.bytes));
    }
    text_free(&comment);
}

static void add_circumstances(struct encoder *encoder)
{
    const struct profile *profile = encoder->profile;
    char process[NUMBER_SIZE];
    protobuf_add_number(encoder->message, PROFILE_TIME_NANOS,
                        profile->started * NANOSECONDS_PER_SECOND);
    protobuf_add_number(encoder->message, PROFILE_DURATION_NANOS, profile->nanoseconds);
    add_value_type(encoder, PROFILE_PERIOD_TYPE, "space", "bytes");
    protobuf_add_number(encoder->message, PROFILE_PERIOD, profile->interval);
    add_comment(encoder, "program", profile_name(profile, profile->program));
    add_comment(encoder, "pid", number_of(process, profile->process, 0));
    add_comment(encoder, "reason", profile_name(profile, profile->reason));
    add_comment(encoder, "inuse", profile->is_at_peak ? "at the peak" : "");
    protobuf_add_number(encoder->message, PROFILE_DEFAULT_SAMPLE_TYPE,
                        string_number(encoder, profile_value_names[PROFILE_INUSE_SPACE]));
}

static void add_strings(struct encoder *encoder)
{
    for (uint32_t i = 0; i < encoder->strings.count; i++) {
        const char *string = name_table_get(&encoder->strings, i);
        protobuf_add_bytes(encoder->message, PROFILE_STRING_TABLE, string, strlen(string));
    }
}

void pprof_format_add(struct text *message, const struct profile *profile)
{
    struct encoder encoder = {
        .message = message,
        .profile = profile,
        .location_ids = memory_zeroed(profile->location_count, sizeof(uint64_t)),
        .function_ids = memory_zeroed(profile->function_count, sizeof(uint64_t)),
        .object_ids = memory_zeroed(profile->object_count, sizeof(uint64_t)),
    };
    text_clear(&encoder.part);
    name_table_add_text(&encoder.strings, ""); /* must be the first */
    give_ids(&encoder);
    add_sample_types(&encoder);
    add_samples(&encoder);
    add_mappings(&encoder);
    add_locations(&encoder);
    add_functions(&encoder);
    add_circumstances(&encoder);
    add_strings(&encoder);
    name_table_free(&encoder.strings);
    text_free(&encoder.part);
    free(encoder.location_ids);
    free(encoder.function_ids);
    free(encoder.object_ids);
}
