/* SPDX-License-Identifier: MIT
 * A heap profile with the names of functions: what every view is made of. */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name_table.h"

enum profile_value {
    PROFILE_INUSE_OBJECTS,
    PROFILE_INUSE_SPACE,
    PROFILE_ALLOC_OBJECTS,
    PROFILE_ALLOC_SPACE,
    PROFILE_VALUE_COUNT
};

/* As users and pprof call them. */
extern const char *const profile_value_names[PROFILE_VALUE_COUNT];

bool profile_value_is_bytes(enum profile_value value);

/* A file with code. Texts are numbers in the profile's table of names. */
struct profile_object {
    uint64_t start;
    uint64_t end;
    uint64_t link_start; /* what its own tables call `start` */
    uint32_t path;
    uint32_t base_name;
    uint32_t build_id;
    bool has_names; /* at least one of its functions has */
    bool has_lines;
};

struct profile_function {
    uint32_t name;
    uint32_t linkage_name;
    uint32_t file; /* "" when unknown */
    uint32_t first_line;
    uint32_t object; /* index; PROFILE_NO_OBJECT */
    bool is_named;   /* otherwise the name is made of the file and the address */
};

#define PROFILE_NO_OBJECT UINT32_MAX

/* A place in a function. */
struct profile_frame {
    uint32_t function;
    uint32_t line; /* 0 when unknown */
};

/* A call, with the functions that the compiler inlined there first. */
struct profile_location {
    uint64_t address;
    uint32_t object;
    size_t first_frame;
    size_t frame_count;
};

struct profile_sample {
    uint64_t values[PROFILE_VALUE_COUNT];
    size_t first; /* of its locations in `stack_locations`, innermost first; at least one */
    size_t location_count;
};

struct profile {
    struct name_table names; /* UTF-8 without control characters; 0 is "" */
    struct profile_object *objects;
    size_t object_count;
    struct profile_function *functions;
    size_t function_count, function_capacity;
    struct profile_frame *frames;
    size_t frame_count, frame_capacity;
    struct profile_location *locations;
    size_t location_count, location_capacity;
    uint32_t *stack_locations;
    size_t stack_location_count, stack_location_capacity;
    struct profile_sample *samples;
    size_t sample_count;
    /* As in struct raw_profile. */
    uint64_t process, interval, started, nanoseconds;
    uint32_t program, reason;
    bool is_at_peak;
};

void profile_free(struct profile *profile);

const char *profile_name(const struct profile *profile, uint32_t name);
uint64_t profile_total(const struct profile *profile, enum profile_value value);

/* Frames of a stack, innermost first. To be used again and again; freed with free(). */
struct profile_stack {
    struct profile_frame *frames;
    size_t count;
    size_t capacity;
};

void profile_read_stack(const struct profile *profile, const struct profile_sample *sample,
                        struct profile_stack *stack);

/* The last part of a path. */
const char *base_name_of(const char *path);

#endif
