/* SPDX-License-Identifier: MIT
 * See backtrace.h. */
#include "kit/backtrace.h"

#include "base/config.h"
#include "system/os.h"
#include "system/os_loader.h"

#if BRKM_UNWINDER
#include <unwind.h>
#endif

/* Bytes. A frame larger than this is none: the register held something else. */
#define FRAME_MAX (4 * BRKM_MIB)

/* Bytes that are readable when one of them is: the smallest page of any system. */
#define PAGE_MIN ((uintptr_t)4096)

/* Where the entries of each name begin and end, from the linker; a byte, for those that the build
 * does not have. */
#define DECLARE_ENTRY(name, words)                                            \
    __asm__(".pushsection brkmalloc_" #name ",\"ax\"; .byte 0; .popsection"); \
    extern const char __start_brkmalloc_##name[] BRKM_HIDDEN;                 \
    extern const char __stop_brkmalloc_##name[] BRKM_HIDDEN;
BRKM_ENTRIES(DECLARE_ENTRY)

enum method { METHOD_UNKNOWN, METHOD_UNWINDER, METHOD_FRAME_POINTERS };

/* enum method. Whoever finds it out stores the same (relaxed_load, relaxed_store). */
static uint8_t method;

static _Thread_local bool is_busy;

/* Return addresses; the entries lie between them. */
struct range {
    uintptr_t first;
    uintptr_t last;
};

struct walk {
    struct range entries;
    void **frames;
    size_t most;
    size_t count;
    bool has_begun;     /* beyond the frame of this file, which the unwinder tells first */
    bool has_entered;   /* the way has come to an entry of ours, */
    bool has_left;      /* and to the code that called it */
    bool keeps_entry;   /* which is wanted, too */
    const char *called; /* the words for it, */
    bool wants_called;  /* which alone are wanted */
};

/* ---- Entries ---- */

static bool range_contains(struct range range, uintptr_t address)
{
    return address - range.first <= range.last - range.first;
}

#define ENTRY_RANGE(name) \
    ((struct range){(uintptr_t)__start_brkmalloc_##name + 1, (uintptr_t)__stop_brkmalloc_##name})

/* Linkers lay the sections side by side as a rule. */
static struct range entries_range(void)
{
    struct range all = {UINTPTR_MAX, 0};
#define WIDEN(name, words)                                    \
    all.first = min_size(all.first, ENTRY_RANGE(name).first); \
    all.last = max_size(all.last, ENTRY_RANGE(name).last);
    BRKM_ENTRIES(WIDEN)
#undef WIDEN
    return all;
}

/* True for an address in an entry, whose words, if it has some, are noted. */
static bool see_entry(struct walk *walk, uintptr_t address)
{
    if (!range_contains(walk->entries, address)) {
        return false;
    }
#define LOOK(name, words)                                        \
    if (range_contains(ENTRY_RANGE(name), address)) {            \
        walk->called = (words) != NULL ? (words) : walk->called; \
        return true;                                             \
    }
    BRKM_ENTRIES(LOOK)
#undef LOOK
    return false;
}

/* False when there is no room for more. */
static bool add_frame(struct walk *walk, uintptr_t address)
{
    if (!walk->has_left && see_entry(walk, address)) {
        walk->has_entered = true;
        walk->count = 0;
        if (!walk->keeps_entry) {
            return true;
        }
    } else {
        walk->has_left = walk->has_entered;
    }
    if (walk->wants_called && walk->has_left) {
        return false;
    }
    if (walk->count < walk->most) {
        walk->frames[walk->count++] = (void *)address;
    }
    return walk->count < walk->most;
}

/* ---- Frame pointers: where each points to lie the caller's and the return address ---- */

#if defined(__x86_64__) || defined(__aarch64__)

struct frame {
    const struct frame *caller;
    uintptr_t return_address;
};

/* aarch64 may have signed it; the instruction that takes the signature away is a hint, which older
 * processors skip. */
static uintptr_t plain_address(uintptr_t address)
{
#if defined(__aarch64__)
    register uintptr_t link __asm__("x30") = address;
    __asm__("hint #7" : "+r"(link));
    return link;
#else
    return address;
#endif
}

/* The address sanitizer cannot know that these are no accesses of the program. */
__attribute__((no_sanitize("address", "thread"))) static void
follow_frame_pointers(struct walk *walk, const struct frame *frame)
{
    uintptr_t readable_page = 0;
    for (;;) {
        uintptr_t here = (uintptr_t)frame;
        if (here / PAGE_MIN != readable_page) {
            if (!brkm__os_is_readable(frame)) {
                return;
            }
            readable_page = here / PAGE_MIN;
        }
        if (frame->return_address == 0 || !add_frame(walk, plain_address(frame->return_address))) {
            return;
        }
        uintptr_t above = (uintptr_t)frame->caller;
        if (above % sizeof(struct frame) != 0 || above <= here || above - here > FRAME_MAX) {
            return;
        }
        frame = frame->caller;
    }
}

#define follow_own_frame(walk) follow_frame_pointers(walk, __builtin_frame_address(0))

#else

#define follow_own_frame(walk) ((void)(walk))

#endif

/* ---- The unwinder ---- */

#if BRKM_UNWINDER

/* Called for each frame, first for the one that called the unwinder. */
static _Unwind_Reason_Code see_frame(struct _Unwind_Context *context, void *argument)
{
    struct walk *walk = argument;
    if (!walk->has_begun) {
        walk->has_begun = true;
        return _URC_NO_REASON;
    }
    /* Where a signal came in, the address is that of the instruction, not that behind a call. */
    int is_exact = 0;
    uintptr_t address = _Unwind_GetIPInfo(context, &is_exact);
    if (address == 0) {
        return _URC_END_OF_STACK;
    }
    return add_frame(walk, address + (is_exact != 0)) ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

#define unwind(walk) ((void)_Unwind_Backtrace(see_frame, walk))

#else

#define unwind(walk) ((void)(walk))

#endif

/* ---- The choice ---- */

void brkm__backtrace_use_frame_pointers(void)
{
    relaxed_store(method, METHOD_FRAME_POINTERS);
}

/* The unwinder ends the program where it does not find its own tables. */
static bool can_unwind(void)
{
    if (unlikely(relaxed_load(method) == METHOD_UNKNOWN)) {
        bool can = BRKM_UNWINDER && brkm__os_has_unwind_tables(__start_brkmalloc_entry);
        relaxed_store(method, can ? METHOD_UNWINDER : METHOD_FRAME_POINTERS);
    }
    return relaxed_load(method) == METHOD_UNWINDER;
}

/* In its callers, so that what they are called by is the same for both. */
static BRKM_ALWAYS_INLINE struct walk backtrace(struct walk walk)
{
    if (is_busy) {
        return walk;
    }
    is_busy = true;
    walk.entries = entries_range();
    if (can_unwind()) {
        unwind(&walk);
    } else {
        follow_own_frame(&walk);
    }
    is_busy = false;
    return walk;
}

BRKM_NOINLINE size_t brkm__backtrace(void **frames, size_t most)
{
    return backtrace((struct walk){.frames = frames, .most = most}).count;
}

BRKM_NOINLINE size_t brkm__backtrace_with_entry(void **frames, size_t most)
{
    return backtrace((struct walk){.frames = frames, .most = most, .keeps_entry = true}).count;
}

/* Frames of ours below that of an entry. */
#define OWN_FRAMES_MAX 24

/* Free alone, of the entries, ends in jumps to what is none, and leaves no frame. Frame pointers
 * may end before an entry. */
BRKM_NOINLINE const char *brkm__backtrace_called(void)
{
    void *frames[OWN_FRAMES_MAX];
    struct walk walk = {.frames = frames, .most = OWN_FRAMES_MAX, .wants_called = true};
    walk = backtrace(walk);
    const char *instead = walk.count != 0 && can_unwind() ? "free" : "?";
    return walk.called != NULL ? walk.called : instead;
}
