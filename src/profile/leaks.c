/* SPDX-License-Identifier: MIT
 * See leaks.h. */
#include "profile/leaks.h"

#include <string.h>

#include "kit/options.h"
#include "kit/report.h"
#include "profile/frame.h"
#include "profile/objects.h"
#include "profile/records.h"
#include "system/os.h"
#include "system/os_loader.h"

/* Stacks that are shown, and frames of each: what people read. */
#define STACKS_SHOWN 20
#define FRAMES_SHOWN 24

/* ---- What is no leak ---- */

static bool has_name(const struct profile_object *object, const char *beginning)
{
    size_t length = strlen(beginning);
    size_t start = object->path_length;
    while (start > 0 && object->path[start - 1] != '/') {
        start--;
    }
    return object->path_length - start >= length &&
           memcmp(object->path + start, beginning, length) == 0;
}

/* The function that a return address lies in; NULL when its object does not tell, or is gone. */
static struct os_symbol find_symbol(const void *frame, const struct profile_object *object)
{
    return object != NULL && brkm__objects_is_there(object)
               ? brkm__os_find_symbol((const char *)frame - 1)
               : (struct os_symbol){.function = NULL};
}

static bool is_stream_buffer(const void *frame, const struct profile_object *object)
{
    struct os_symbol symbol = find_symbol(frame, object);
    return symbol.function != NULL && strcmp(symbol.function, "_IO_file_doallocate") == 0;
}

/* The first frame is whose memory it is: the loader's, a stream's, or that of a library whose
 * constructor the loader called. Static programs have no loader. */
static bool stays_for_good_reason(const struct profile_stack *stack)
{
    bool library_only = true;
    for (size_t i = 0; i < stack->depth && library_only; i++) {
        const struct profile_object *object = brkm__objects_at(profile_stack_objects(stack)[i]);
        if (object != NULL &&
            (has_name(object, "ld-") || (i == 0 && is_stream_buffer(stack->frames[i], object)))) {
            return true;
        }
        library_only = object != NULL && !object->is_program;
    }
    return false;
}

static bool is_leak(const struct profile_stack *stack)
{
    return stack->live.bytes != 0 && !stays_for_good_reason(stack);
}

/* ---- The report ---- */

/* True when `stack` is to be shown after `other`: it has fewer bytes, or as many and is older. */
static bool comes_after(const struct profile_stack *stack, const struct profile_stack *other)
{
    if (stack->live.bytes != other->live.bytes) {
        return stack->live.bytes < other->live.bytes;
    }
    return (uintptr_t)stack < (uintptr_t)other;
}

/* The one to show after `last`, which is NULL at first. */
static const struct profile_stack *next_shown(const struct profile_stack *first,
                                              const struct profile_stack *last)
{
    const struct profile_stack *next = NULL;
    for (const struct profile_stack *stack = first; stack != NULL; stack = stack->next) {
        bool is_candidate = last == NULL || comes_after(stack, last);
        if (is_candidate && (next == NULL || comes_after(next, stack)) && is_leak(stack)) {
            next = stack;
        }
    }
    return next;
}

static void add_amount(struct line *line, struct profile_sum sum)
{
    uint64_t blocks = profile_blocks(sum);
    brkm__line_add_text(line, brkm__option_get(OPTION_profile_interval) > 1 ? "about " : "");
    brkm__line_add_number(line, sum.bytes);
    brkm__line_add_text(line, sum.bytes == 1 ? " byte in " : " bytes in ");
    brkm__line_add_number(line, blocks);
    brkm__line_add_text(line, blocks == 1 ? " block" : " blocks");
}

/* "  0x55d0c8a2b1c4 function+0x1c (/path/to/object+0x11c4)": the last address, of the call itself,
 * is what addr2line takes. */
static void show_frame(const void *frame, const struct profile_object *object)
{
    struct os_symbol symbol = find_symbol(frame, object);
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc:   ");
    brkm__line_add_pointer(&line, frame);
    if (symbol.function != NULL) {
        brkm__line_add_text(&line, " ");
        brkm__line_add_text(&line, symbol.function);
        brkm__line_add_text(&line, "+");
        brkm__line_add_pointer(&line, (const void *)((uintptr_t)frame - symbol.start));
    }
    if (object != NULL) {
        brkm__line_add_text(&line, " (");
        brkm__frame_add_place(&line, frame, object, 1);
        brkm__line_add_text(&line, ")");
    }
    brkm__line_write(&line);
}

static void show_stack(const struct profile_stack *stack)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: ");
    add_amount(&line, stack->live);
    brkm__line_add_text(&line, stack->depth == 0 ? " from an unknown caller" : " from");
    brkm__line_write(&line);
    for (size_t i = 0; i < stack->depth && i < FRAMES_SHOWN; i++) {
        show_frame(stack->frames[i], brkm__objects_at(profile_stack_objects(stack)[i]));
    }
}

static void show_total(struct profile_sum sum, size_t stacks)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: in use at exit of process ");
    brkm__line_add_number(&line, (uint64_t)brkm__os_process_id());
    brkm__line_add_text(&line, ": ");
    add_amount(&line, sum);
    brkm__line_add_text(&line, ", from ");
    brkm__line_add_number(&line, stacks);
    brkm__line_add_text(&line, stacks == 1 ? " call stack" : " call stacks");
    brkm__line_add_text(&line, stacks > STACKS_SHOWN ? ", the largest are:" : ":");
    brkm__line_write(&line);
}

static bool report(const struct profile_stack *first)
{
    struct profile_sum sum = {0, 0};
    size_t stacks = 0;
    for (const struct profile_stack *stack = first; stack != NULL; stack = stack->next) {
        if (is_leak(stack)) {
            sum.bytes += stack->live.bytes;
            sum.block_parts += stack->live.block_parts;
            stacks++;
        }
    }
    if (stacks == 0) {
        return false;
    }
    show_total(sum, stacks);
    const struct profile_stack *shown = NULL;
    for (unsigned i = 0; i < STACKS_SHOWN && (shown = next_shown(first, shown)) != NULL; i++) {
        show_stack(shown);
    }
    return true;
}

bool brkm__leaks_report(void)
{
    bool found = report(brkm__profile_read());
    brkm__profile_read_end();
    return found;
}
