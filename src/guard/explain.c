/* SPDX-License-Identifier: MIT
 * See explain.h. */
#include "guard/explain.h"

#include "base/config.h"
#include "guard/canary.h"
#include "guard/guarded.h"
#include "guard/zero_size.h"
#include "heap/block.h"
#include "heap/mapped.h"
#include "kit/backtrace.h"
#include "kit/options.h"
#include "kit/proc_maps.h"
#include "kit/where.h"
#include "kit/wiped.h"
#include "system/os.h"

/* What an access was meant for. */
struct finding {
    enum fault fault;
    const void *block;
    size_t size;
    const struct guarded_block *guarded; /* NULL for other blocks */
};

/* Which words stand for an access to a kind of blocks. */
struct fault_kinds {
    enum fault past_end, before_start, after_free;
};

static const struct fault_kinds guarded_kinds = {FAULT_GUARDED_PAST_END, FAULT_GUARDED_BEFORE_START,
                                                 FAULT_GUARDED_AFTER_FREE};
static const struct fault_kinds mapped_kinds = {FAULT_MAPPED_PAST_END, FAULT_MAPPED_BEFORE_START,
                                                FAULT_MAPPED_AFTER_FREE};

/* ---- Stacks ---- */

static void say_trace(const char *done, const struct guarded_trace *trace)
{
    if (trace->thread != 0) {
        brkm__where_tell_stack(done, trace->thread, trace->frames, trace->count);
    }
}

static void say_owners(const struct guarded_block *block)
{
    if (block != NULL) {
        say_trace("allocated", &block->allocated);
        say_trace("freed", &block->freed);
    }
}

/* Return addresses of the signal handler itself, at the most. */
#define HANDLER_FRAMES 8

/* The stack from the instruction that faulted on; the rest of it where the unwinder found the way
 * out of the signal handler. */
static void say_access(const struct os_fault *fault)
{
    void *frames[HANDLER_FRAMES + GUARDED_FRAMES] = {(void *)(uintptr_t)fault->instruction};
    size_t count = fault->has_stack ? brkm__backtrace(frames, HANDLER_FRAMES + GUARDED_FRAMES) : 0;
    size_t first = 0;
    while (first < count && (uintptr_t)frames[first] != (uintptr_t)fault->instruction + 1) {
        first++;
    }
    if (first == count) {
        first = 0;
        count = fault->instruction != NULL;
    }
    frames[first] = (void *)(uintptr_t)fault->instruction;
    brkm__where_tell_stack("touched", brkm__os_thread_id(), frames + first, count - first);
    brkm__where_tell_builds(frames + first, count - first);
}

/* ---- What was meant ---- */

static enum fault fault_of(const struct fault_kinds *kinds, const struct finding *finding,
                           bool is_freed, uintptr_t address)
{
    if (is_freed) {
        return kinds->after_free;
    }
    return address < (uintptr_t)finding->block ? kinds->before_start : kinds->past_end;
}

static bool find_guarded(uintptr_t address, struct finding *finding)
{
    const struct guarded_block *block = brkm__guarded_near((const void *)address);
    if (block == NULL) {
        return false;
    }
    *finding = (struct finding){.block = block->memory, .size = block->size, .guarded = block};
    finding->fault = fault_of(&guarded_kinds, finding, !block->is_in_use, address);
    /* On the page of a block in use only what may not be executed faults. */
    return !block->is_in_use || address - (uintptr_t)block->memory >= block->size;
}

/* What the program asked for, where that is known. */
static size_t requested_size(const struct mapped_place *place)
{
    struct canary canary;
    bool is_known = !place->is_retired && brkm__canary_read(place->payload, place->size, &canary);
    return is_known ? canary.requested : place->size;
}

static bool find_mapped(uintptr_t address, struct finding *finding)
{
    struct mapped_place place;
    if (!brkm__mapped_around((const void *)address, &place) ||
        (!place.has_guards && !place.is_retired)) {
        return false;
    }
    *finding = (struct finding){.block = place.payload, .size = requested_size(&place)};
    finding->fault = fault_of(&mapped_kinds, finding, place.is_retired, address);
    return place.is_retired || address - (uintptr_t)place.payload >= place.size;
}

static bool find_zero_size(uintptr_t address, struct finding *finding)
{
    if (!brkm__zero_size_contains((const void *)address)) {
        return false;
    }
    *finding = (struct finding){.fault = FAULT_ZERO_SIZE_TOUCHED,
                                .block = (const void *)align_down(address, BRKM_ALIGNMENT)};
    return true;
}

static bool find(uintptr_t address, struct finding *finding)
{
    return find_guarded(address, finding) || find_zero_size(address, finding) ||
           find_mapped(address, finding);
}

/* ---- The message ---- */

static const char *const access_words[] = {
    [OS_ACCESS_UNKNOWN] = "access",
    [OS_ACCESS_READ] = "read",
    [OS_ACCESS_WRITE] = "write",
};

static void say_fault(const struct os_fault *fault, const struct finding *finding)
{
    struct line caller = {0};
    if (!brkm__modules_add_place(&caller, fault->instruction, MODULES_LAST_NAME)) {
        brkm__line_add_pointer(&caller, fault->instruction);
    }
    brkm__report(access_words[fault->access], finding->fault,
                 (struct fault_place){fault->address, finding->size, brkm__line_text(&caller)});
}

/* Where the address lies, seen from the block. */
static void say_distance(uintptr_t address, const struct finding *finding)
{
    uintptr_t start = (uintptr_t)finding->block;
    size_t bytes = address - start;
    const char *where = " behind the start";
    if (address < start) {
        bytes = start - address;
        where = " before the start";
    } else if (bytes >= finding->size) {
        bytes -= finding->size;
        where = " behind the end";
    }
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc:   ");
    brkm__line_add_number(&line, bytes);
    brkm__line_add_text(&line, bytes == 1 ? " byte" : " bytes");
    brkm__line_add_text(&line, where);
    brkm__line_add_text(&line, " of the block at ");
    brkm__line_add_pointer(&line, finding->block);
    brkm__line_write(&line);
}

/* ---- One at a time ---- */

enum { NOBODY_EXPLAINS, SOMEBODY_EXPLAINS, EXPLAINED };

_Static_assert(NOBODY_EXPLAINS == 0, "wiped words say that nobody explains");

/* The word to end with, for the first. NULL for others, who wait until it is done: what they do
 * next may end the process. */
static uint32_t *begin(void)
{
    uint32_t *word = &wiped_words()->explanation;
    uint32_t expected = NOBODY_EXPLAINS;
    if (__atomic_compare_exchange_n(word, &expected, SOMEBODY_EXPLAINS, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        return word;
    }
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == SOMEBODY_EXPLAINS) {
        brkm__os_wait(word, SOMEBODY_EXPLAINS);
    }
    brkm__os_wake_one(word);
    return NULL;
}

static void end(uint32_t *word)
{
    __atomic_store_n(word, EXPLAINED, __ATOMIC_RELEASE);
    brkm__os_wake_one(word);
}

void brkm__explain_after_fork(void)
{
    __atomic_store_n(&wiped_words()->explanation, NOBODY_EXPLAINS, __ATOMIC_RELAXED);
}

bool brkm__explain_fault(const struct os_fault *fault)
{
    struct finding finding;
    if (!find((uintptr_t)fault->address, &finding)) {
        return false;
    }
    uint32_t *word = begin();
    if (word != NULL) {
        say_fault(fault, &finding);
        say_distance((uintptr_t)fault->address, &finding);
        brkm__where_tell_process();
        say_access(fault);
        say_owners(finding.guarded);
        end(word);
    }
    return true;
}

void brkm__explain_faults(void)
{
    if (brkm__option_get(OPTION_explain_faults) != 0) {
        brkm__os_catch_faults(brkm__explain_fault);
    }
}

void brkm__explain_owners(const void *address)
{
    say_owners(brkm__guarded_near(address));
}
