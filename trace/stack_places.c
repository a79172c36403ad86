/* SPDX-License-Identifier: MIT
 * See stack_names.h: without elfutils. */
#include "stack_names.h"

#include <inttypes.h>

#include "../profile/text.h"

/* As addr2line takes it. */
static void add_place(struct text *lines, const struct stack_list *list, struct trace_frame frame)
{
    if (frame.object == 0) {
        text_format(lines, "0x%" PRIx64 "\n", frame.address);
        return;
    }
    const struct trace_object *object = &list->objects[frame.object - 1];
    for (size_t i = 0; i < object->path_length; i++) {
        char letter = object->path[i];
        text_add_character(lines, (unsigned char)letter < ' ' ? '?' : letter);
    }
    text_format(lines, "+0x%" PRIx64 "\n", frame.address - object->start + object->link_start);
}

void stack_names_each(const struct stack_list *list, stack_names_receive receive, void *context)
{
    struct trace_frame frames[TRACE_DEPTH_MAX];
    struct text lines = {.bytes = NULL};
    for (uint32_t number = 1; number <= list->stack_count; number++) {
        size_t depth = stack_list_frames(list, number, frames);
        text_clear(&lines);
        for (size_t i = 0; i < depth; i++) {
            add_place(&lines, list, frames[i]);
        }
        receive(context, number, depth == 0 ? "[no stack]\n" : lines.bytes);
    }
    text_free(&lines);
}
