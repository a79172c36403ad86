/* SPDX-License-Identifier: MIT
 * See making.h. */
#include "making.h"

#include <inttypes.h>

#include "allocator_frames.h"
#include "function_name.h"
#include "memory.h"
#include "symbols.h"
#include "text.h"

_Static_assert(PROFILE_NO_OBJECT == RAW_NO_OBJECT, "objects have the same numbers in both");

struct maker {
    struct profile *profile;
    struct symbols *symbols;
    struct name_table function_keys; /* number = index of the function */
    struct name_table location_keys; /* number = index of the location */
    struct text text;                /* for texts on their way into the table */
    uint32_t object;                 /* of the address that is looked up */
    bool keeps_allocator;
};

static uint32_t text_to_name(struct maker *maker)
{
    return name_table_add(&maker->profile->names, maker->text.bytes, maker->text.length);
}

static uint32_t add_name(struct maker *maker, const char *string)
{
    text_clear(&maker->text);
    text_add_clean(&maker->text, string);
    return text_to_name(maker);
}

static void make_objects(struct maker *maker, const struct raw_profile *raw)
{
    struct profile *profile = maker->profile;
    profile->object_count = raw->object_count;
    profile->objects = memory_zeroed(profile->object_count, sizeof(*profile->objects));
    for (size_t i = 0; i < profile->object_count; i++) {
        const struct raw_object *object = &raw->objects[i];
        profile->objects[i] = (struct profile_object){
            .start = object->start,
            .end = object->end,
            .link_start = object->link_start,
            .path = add_name(maker, object->path),
            .base_name = add_name(maker, base_name_of(object->path)),
            .build_id = add_name(maker, object->build_id),
        };
    }
}

static uint32_t add_function(struct maker *maker, struct profile_function function)
{
    struct profile *profile = maker->profile;
    const uint32_t key[] = {function.name, function.linkage_name, function.file,
                            function.first_line, function.object};
    uint32_t index = name_table_add(&maker->function_keys, key, sizeof(key));
    if (index == profile->function_count) {
        profile->functions = memory_grow(profile->functions, profile->function_count,
                                         &profile->function_capacity, sizeof(*profile->functions));
        profile->functions[profile->function_count++] = function;
    }
    return index;
}

static void add_frame(struct maker *maker, uint32_t function, int line)
{
    struct profile *profile = maker->profile;
    profile->frames = memory_grow(profile->frames, profile->frame_count, &profile->frame_capacity,
                                  sizeof(*profile->frames));
    profile->frames[profile->frame_count++] =
        (struct profile_frame){function, line > 0 ? (uint32_t)line : 0};
}

static void add_symbol_frame(void *context, const struct symbol_frame *frame)
{
    struct maker *maker = context;
    struct profile_function function = {
        .linkage_name = add_name(maker, frame->linkage_name),
        .file = add_name(maker, frame->file),
        .first_line = frame->first_line > 0 ? (uint32_t)frame->first_line : 0,
        .object = maker->object,
        .is_named = true,
    };
    text_clear(&maker->text);
    function_name_add(&maker->text, frame->linkage_name);
    function.name = text_to_name(maker);
    add_frame(maker, add_function(maker, function), frame->line);
    if (maker->object != PROFILE_NO_OBJECT) {
        struct profile_object *object = &maker->profile->objects[maker->object];
        object->has_names = true;
        object->has_lines = object->has_lines || frame->line > 0;
    }
}

/* Named after the place in the file, which is the same on every run. */
static void add_unnamed_frame(struct maker *maker, uint64_t address)
{
    struct profile *profile = maker->profile;
    text_clear(&maker->text);
    if (address == 0) {
        text_add(&maker->text, "[no stack]");
    } else if (maker->object == PROFILE_NO_OBJECT) {
        text_format(&maker->text, "0x%" PRIx64, address);
    } else {
        const struct profile_object *object = &profile->objects[maker->object];
        text_add(&maker->text, profile_name(profile, object->base_name));
        text_format(&maker->text, "+0x%" PRIx64, address - object->start + object->link_start);
    }
    uint32_t name = text_to_name(maker);
    add_frame(maker,
              add_function(maker, (struct profile_function){.name = name,
                                                            .linkage_name = name,
                                                            .object = maker->object}),
              0);
}

/* Wrappers of malloc and its like that the compiler inlined into the function that calls them. */
static void leave_out_inlined_allocator(const struct profile *profile,
                                        struct profile_location *location)
{
    while (location->frame_count > 1) {
        const struct profile_frame *frame = &profile->frames[location->first_frame];
        uint32_t name = profile->functions[frame->function].name;
        if (!allocator_frames_has_way_in(profile_name(profile, name))) {
            return;
        }
        location->first_frame++;
        location->frame_count--;
    }
}

static uint32_t add_location(struct maker *maker, uint64_t address, uint32_t object)
{
    struct profile *profile = maker->profile;
    const uint64_t key[] = {address, object};
    uint32_t index = name_table_add(&maker->location_keys, key, sizeof(key));
    if (index != profile->location_count) {
        return index;
    }
    maker->object = object;
    struct profile_location location = {
        .address = address, .object = maker->object, .first_frame = profile->frame_count};
    struct symbol_receiver receiver = {add_symbol_frame, maker};
    if (object == PROFILE_NO_OBJECT || !symbols_find(maker->symbols, object, address, &receiver)) {
        /* Functions that were inlined into one that is not known tell nothing. */
        profile->frame_count = location.first_frame;
        add_unnamed_frame(maker, address);
    }
    location.frame_count = profile->frame_count - location.first_frame;
    if (!maker->keeps_allocator) {
        leave_out_inlined_allocator(profile, &location);
    }
    profile->locations = memory_grow(profile->locations, profile->location_count,
                                     &profile->location_capacity, sizeof(*profile->locations));
    profile->locations[profile->location_count++] = location;
    return index;
}

static void add_stack_location(struct profile *profile, uint32_t location)
{
    profile->stack_locations =
        memory_grow(profile->stack_locations, profile->stack_location_count,
                    &profile->stack_location_capacity, sizeof(*profile->stack_locations));
    profile->stack_locations[profile->stack_location_count++] = location;
}

static void make_stack(struct maker *maker, struct profile_sample *sample,
                       const struct raw_profile *raw, const struct raw_sample *raw_sample)
{
    struct profile *profile = maker->profile;
    sample->first = profile->stack_location_count;
    for (size_t i = 0; i < raw_sample->address_count; i++) {
        /* A return address is behind the call, perhaps behind the function. */
        struct raw_address address = raw->addresses[raw_sample->first_address + i];
        add_stack_location(profile, add_location(maker, address.address - 1, address.object));
    }
    if (raw_sample->address_count == 0) {
        add_stack_location(profile, add_location(maker, 0, PROFILE_NO_OBJECT));
    }
    sample->location_count = profile->stack_location_count - sample->first;
}

static void make_values(struct profile_sample *sample, const struct raw_sample *raw,
                        bool is_at_peak)
{
    sample->values[PROFILE_INUSE_OBJECTS] =
        raw->numbers[is_at_peak ? RAW_PEAK_BLOCKS : RAW_LIVE_BLOCKS];
    sample->values[PROFILE_INUSE_SPACE] =
        raw->numbers[is_at_peak ? RAW_PEAK_BYTES : RAW_LIVE_BYTES];
    sample->values[PROFILE_ALLOC_OBJECTS] = raw->numbers[RAW_TOTAL_BLOCKS];
    sample->values[PROFILE_ALLOC_SPACE] = raw->numbers[RAW_TOTAL_BYTES];
}

static void make_samples(struct maker *maker, const struct raw_profile *raw,
                         struct profile_options options)
{
    struct profile *profile = maker->profile;
    profile->sample_count = raw->sample_count;
    profile->samples = memory_zeroed(raw->sample_count, sizeof(*profile->samples));
    for (size_t i = 0; i < raw->sample_count; i++) {
        struct profile_sample *sample = &profile->samples[i];
        make_values(sample, &raw->samples[i], options.is_at_peak);
        make_stack(maker, sample, raw, &raw->samples[i]);
        if (!options.keeps_allocator) {
            size_t dropped = allocator_frames_count(
                profile, profile->stack_locations + sample->first, sample->location_count);
            sample->first += dropped;
            sample->location_count -= dropped;
        }
    }
}

void profile_make(struct profile *profile, const struct raw_profile *raw,
                  struct profile_options options)
{
    *profile = (struct profile){
        .process = raw->process,
        .interval = raw->interval,
        .started = raw->started,
        .nanoseconds = raw->nanoseconds,
        .is_at_peak = options.is_at_peak,
    };
    struct maker maker = {.profile = profile,
                          .symbols = symbols_open(raw, options.symbols),
                          .keeps_allocator = options.keeps_allocator};
    name_table_add_text(&profile->names, "");
    profile->program = add_name(&maker, raw->program);
    profile->reason = add_name(&maker, raw->reason);
    make_objects(&maker, raw);
    make_samples(&maker, raw, options);
    name_table_free(&maker.function_keys);
    name_table_free(&maker.location_keys);
    text_free(&maker.text);
    symbols_close(maker.symbols);
}
