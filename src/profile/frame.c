/* SPDX-License-Identifier: MIT
 * See frame.h. */
#include "profile/frame.h"

#include "profile/records.h"

void brkm__frame_add_place(struct line *line, const void *frame,
                           const struct profile_object *object, size_t behind)
{
    uintptr_t in_object = (uintptr_t)frame - behind - object->start + object->link_start;
    brkm__line_add_span(line, object->path, min_size(object->path_length, BRKM_REPORT_LINE / 2));
    brkm__line_add_text(line, "+");
    brkm__line_add_pointer(line, (const void *)in_object);
}

void brkm__frame_add_build_id(struct line *line, const struct profile_object *object)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < object->build_id_length; i++) {
        brkm__line_add_span(line, &digits[object->build_id[i] >> 4], 1);
        brkm__line_add_span(line, &digits[object->build_id[i] & 15], 1);
    }
}

static const struct profile_object *object_of(const struct profile_stack *stack, size_t index)
{
    return brkm__objects_at(profile_stack_objects(stack)[index]);
}

static bool is_first_of_object(const struct profile_stack *stack, size_t index)
{
    const object_number *objects = profile_stack_objects(stack);
    size_t first = 0;
    while (objects[first] != objects[index]) {
        first++;
    }
    return first == index;
}

bool brkm__frame_add(struct line *line, const void *stack, size_t index)
{
    const struct profile_stack *of = stack;
    if (index >= of->depth) {
        return false;
    }
    brkm__line_add_pointer(line, of->frames[index]);
    if (object_of(of, index) != NULL) {
        brkm__line_add_text(line, " ");
        brkm__frame_add_place(line, of->frames[index], object_of(of, index), 0);
    }
    return true;
}

bool brkm__frame_add_build(struct line *line, const void *stack, size_t index)
{
    const struct profile_stack *of = stack;
    if (index >= of->depth) {
        return false;
    }
    const struct profile_object *object = object_of(of, index);
    if (object != NULL && object->build_id_length != 0 && is_first_of_object(of, index)) {
        brkm__frame_add_build_id(line, object);
        brkm__line_add_text(line, " of ");
        brkm__line_add_span(line, object->path,
                            min_size(object->path_length, BRKM_REPORT_LINE / 2));
    }
    return true;
}
