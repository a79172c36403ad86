/* SPDX-License-Identifier: MIT
 * See note.h. */
#include "kernel/note.h"

#include "kit/report.h"

/* Frames of a call site: what people read. */
#define FRAMES_TOLD 12u

bool brkm__kernel_note_wants(size_t size, brkm_gfp_t flags, struct sample_weight *weight)
{
    if (likely(!recorder_is_on()) || !gfp_may_wait(flags) || watch_passes(size)) {
        return false;
    }
    *weight = brkm__watch_weigh(size);
    return weight->bytes != 0;
}

void brkm__kernel_note(const void *memory, struct sample_weight weight)
{
    relaxed_load(brkm__recorder)->note(memory, weight);
}

/* ---- Call sites ---- */

void brkm__sites_add(struct sites *sites, const void *object, bool is_noted)
{
    struct note note = is_noted ? relaxed_load(brkm__recorder)->find(object) : (struct note){0};
    size_t i = 0;
    while (i < sites->count && sites->at[i].stack != note.stack) {
        i++;
    }
    if (note.address == 0 || i == SITES_TOLD) {
        sites->others++;
        return;
    }
    sites->count += i == sites->count;
    sites->at[i].stack = note.stack;
    sites->at[i].objects++;
}

static void tell_frames(const void *stack)
{
    for (unsigned i = 0; i < FRAMES_TOLD; i++) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc:   ");
        if (!relaxed_load(brkm__recorder)->add_frame(&line, stack, i)) {
            return;
        }
        brkm__line_write(&line);
    }
}

static void tell_number(size_t objects, const char *from)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    brkm__line_add_number(&line, objects);
    brkm__line_add_text(&line, from);
    brkm__line_write(&line);
}

void brkm__sites_tell(const struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        tell_number(sites->at[i].objects, " allocated at");
        tell_frames(sites->at[i].stack);
    }
    if (sites->count != 0 && sites->others != 0) {
        tell_number(sites->others, " elsewhere");
    }
}
