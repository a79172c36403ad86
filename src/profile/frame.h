/* SPDX-License-Identifier: MIT
 * A frame of a recorded stack, as people and addr2line read it. None of these waits for the loader,
 * takes a lock or needs one: stacks and objects stay as they are once they are recorded. */
#ifndef BRKMALLOC_PROFILE_FRAME_H
#define BRKMALLOC_PROFILE_FRAME_H

#include "kit/report.h"
#include "profile/objects.h"

/* Adds "PATH+0xOFFSET", where a return address lay in its object; with 1 for `behind` the address
 * of the call itself. */
void brkm__frame_add_place(struct line *line, const void *frame,
                           const struct profile_object *object, size_t behind);

/* Adds "BUILD_ID", in hexadecimal. */
void brkm__frame_add_build_id(struct line *line, const struct profile_object *object);

/* The recorder's (malloc/watcher.h): frame and build number `index` of a profile_stack. */
bool brkm__frame_add(struct line *line, const void *stack, size_t index);
bool brkm__frame_add_build(struct line *line, const void *stack, size_t index);

#endif
