/* SPDX-License-Identifier: MIT
 * See stack_names.h: with elfutils, through what reads heap profiles. */
#include "stack_names.h"

#include <stdlib.h>
#include <string.h>

#include "../profile/making.h"
#include "../profile/memory.h"
#include "../profile/stacks.h"

static char *copy_text(const char *start, size_t length)
{
    char *copy = memory_zeroed(length + 1, 1);
    memcpy(copy, start, length);
    return copy;
}

static char *hexadecimal(const unsigned char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    char *text = memory_zeroed(length * 2 + 1, 1);
    for (size_t i = 0; i < length; i++) {
        text[i * 2] = digits[bytes[i] >> 4];
        text[i * 2 + 1] = digits[bytes[i] & 15];
    }
    return text;
}

static void add_objects(struct raw_profile *raw, const struct stack_list *list)
{
    raw->objects = memory_zeroed(list->object_count, sizeof(*raw->objects));
    raw->object_count = list->object_count;
    for (size_t i = 0; i < list->object_count; i++) {
        const struct trace_object *object = &list->objects[i];
        raw->objects[i] = (struct raw_object){
            .start = object->start,
            .end = object->end,
            .link_start = object->link_start,
            .inode = object->inode,
            .size = object->size,
            .changed = object->changed,
            .changed_nanos = object->changed_nanos,
            .build_id = hexadecimal(object->build_id, object->build_id_length),
            .path = copy_text(object->path, object->path_length),
        };
    }
}

static void add_stack(struct raw_profile *raw, const struct stack_list *list, uint32_t number)
{
    struct trace_frame frames[TRACE_DEPTH_MAX];
    struct raw_sample *sample = &raw->samples[raw->sample_count++];
    sample->first_address = raw->address_count;
    sample->address_count = stack_list_frames(list, number, frames);
    for (size_t i = 0; i < sample->address_count; i++) {
        raw->addresses = memory_grow(raw->addresses, raw->address_count, &raw->address_capacity,
                                     sizeof(*raw->addresses));
        raw->addresses[raw->address_count++] = (struct raw_address){
            frames[i].address, frames[i].object == 0 ? RAW_NO_OBJECT : frames[i].object - 1};
    }
}

static void make_raw(struct raw_profile *raw, const struct stack_list *list)
{
    *raw = (struct raw_profile){.program = memory_copy_text(""), .reason = memory_copy_text("")};
    add_objects(raw, list);
    raw->samples = memory_zeroed(list->stack_count, sizeof(*raw->samples));
    for (uint32_t number = 1; number <= list->stack_count; number++) {
        add_stack(raw, list, number);
    }
}

void stack_names_each(const struct stack_list *list, stack_names_receive receive, void *context)
{
    struct raw_profile raw;
    struct profile profile;
    struct profile_stack stack = {.count = 0};
    struct text key = {.bytes = NULL};
    make_raw(&raw, list);
    profile_make(&profile, &raw, (struct profile_options){.is_at_peak = false});
    for (size_t i = 0; i < profile.sample_count; i++) {
        profile_read_stack(&profile, &profile.samples[i], &stack);
        text_clear(&key);
        stack_add_key(&key, &profile, &stack, true);
        receive(context, (uint32_t)i + 1, key.bytes);
    }
    free(stack.frames);
    text_free(&key);
    profile_free(&profile);
    raw_profile_free(&raw);
}
