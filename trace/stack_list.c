/* SPDX-License-Identifier: MIT
 * See stack_list.h. */
#include "stack_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What is left of the records; a step past their end, or a number of more than 64 bits, is
 * remembered. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool is_sound;
};

static uint64_t take_number(struct reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        uint64_t bits = byte & 127;
        if (bits << shift >> shift != bits) {
            break;
        }
        number |= bits << shift;
        if (byte < 128) {
            return number;
        }
    }
    reader->is_sound = false;
    return 0;
}

static const unsigned char *take_bytes(struct reader *reader, size_t *length)
{
    uint64_t count = take_number(reader);
    const unsigned char *bytes = reader->at;
    if (count > (uint64_t)(reader->end - reader->at)) {
        reader->is_sound = false;
        count = 0;
    }
    reader->at += count;
    *length = (size_t)count;
    return bytes;
}

/* ---- Room ---- */

static void *grow(void *elements, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return elements;
    }
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = realloc(elements, wanted * size);
    *capacity = grown == NULL ? *capacity : wanted;
    return grown;
}

static bool no_memory(struct problem *problem, uint64_t offset)
{
    return problem_tell(problem, offset, "not enough memory for this trace's call stacks");
}

static bool add_object(struct stack_list *list, struct trace_object object, uint64_t offset,
                       struct problem *problem)
{
    if (list->object_count == TRACE_OBJECTS_MAX) {
        return problem_tell(problem, offset, "more than %d programs and libraries",
                            TRACE_OBJECTS_MAX);
    }
    struct trace_object *grown =
        grow(list->objects, list->object_count, &list->object_capacity, sizeof(*list->objects));
    if (grown == NULL) {
        return no_memory(problem, offset);
    }
    list->objects = grown;
    list->objects[list->object_count++] = object;
    return true;
}

static bool add_stack(struct stack_list *list, const unsigned char *record, uint64_t offset,
                      struct problem *problem)
{
    if (list->stack_count == TRACE_STACKS_MAX) {
        return problem_tell(problem, offset, "more than %" PRIu32 " call stacks", TRACE_STACKS_MAX);
    }
    const unsigned char **grown =
        grow(list->stacks, list->stack_count, &list->stack_capacity, sizeof(*list->stacks));
    if (grown == NULL) {
        return no_memory(problem, offset);
    }
    list->stacks = grown;
    list->stacks[list->stack_count++] = record;
    return true;
}

/* ---- Records ---- */

static bool read_object(struct stack_list *list, struct reader *reader, uint64_t offset,
                        struct problem *problem)
{
    struct trace_object object;
    uint64_t *const numbers[TRACE_OBJECT_NUMBERS] = {
        &object.start, &object.end,     &object.link_start,   &object.inode,
        &object.size,  &object.changed, &object.changed_nanos};
    for (size_t i = 0; i < TRACE_OBJECT_NUMBERS; i++) {
        *numbers[i] = take_number(reader);
    }
    object.build_id = take_bytes(reader, &object.build_id_length);
    object.path = (const char *)take_bytes(reader, &object.path_length);
    if (!reader->is_sound) {
        return problem_tell(problem, offset, "this object reaches beyond its chunk's last byte");
    }
    if (object.build_id_length > TRACE_BUILD_ID_MAX || object.path_length > TRACE_PATH_MAX) {
        return problem_tell(problem, offset,
                            "an object with a path of %zu bytes and a build id of %zu",
                            object.path_length, object.build_id_length);
    }
    return add_object(list, object, offset, problem);
}

static bool read_stack(struct stack_list *list, struct reader *reader, uint64_t offset,
                       struct problem *problem)
{
    const unsigned char *record = reader->at;
    uint64_t depth = take_number(reader);
    if (depth > TRACE_DEPTH_MAX) {
        return problem_tell(problem, offset, "a call stack of %" PRIu64 " addresses", depth);
    }
    for (uint64_t i = 0; i < depth; i++) {
        uint64_t object = take_number(reader);
        take_number(reader);
        if (object > list->object_count) {
            return problem_tell(problem, offset, "there is no program or library number %" PRIu64,
                                object);
        }
    }
    if (!reader->is_sound) {
        return problem_tell(problem, offset,
                            "this call stack reaches beyond its chunk's last byte");
    }
    return add_stack(list, record, offset, problem);
}

bool stack_list_add(struct stack_list *list, const unsigned char *file, uint64_t from, uint64_t to,
                    struct problem *problem)
{
    struct reader reader = {file + from, file + to, true};
    while (reader.at < reader.end) {
        uint64_t offset = (uint64_t)(reader.at - file);
        unsigned char kind = *reader.at++;
        bool done = kind == TRACE_RECORD_OBJECT ? read_object(list, &reader, offset, problem)
                    : kind == TRACE_RECORD_STACK
                        ? read_stack(list, &reader, offset, problem)
                        : problem_tell(problem, offset,
                                       "neither a call stack nor an object "
                                       "begins with byte %u",
                                       kind);
        if (!done) {
            return false;
        }
    }
    return true;
}

size_t stack_list_frames(const struct stack_list *list, uint32_t number,
                         struct trace_frame frames[TRACE_DEPTH_MAX])
{
    const unsigned char *record = list->stacks[number - 1];
    struct reader reader = {record, record + TRACE_STACK_RECORD_MAX, true};
    size_t depth = (size_t)take_number(&reader);
    uint64_t address = 0;
    for (size_t i = 0; i < depth; i++) {
        frames[i].object = (uint32_t)take_number(&reader);
        address += trace_unzigzag(take_number(&reader));
        frames[i].address = address;
    }
    return depth;
}

void stack_list_free(struct stack_list *list)
{
    free(list->objects);
    free(list->stacks);
    *list = (struct stack_list){.stack_count = 0};
}
