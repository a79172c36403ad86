/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: a sequence of calls of the public functions on the fake system, against a model of
 * what each block must be: where, how large, how aligned, with which contents. The heap is walked
 * after every step.
 *
 * An input is a header (mode, kind of system) and then steps. Steps are executed by the main thread
 * or by one of three others, one at a time, so that blocks pass between threads and yet every input
 * repeats exactly. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brkmalloc/brkmalloc.h"
#include "cache/depot.h"
#include "cache/thread_cache.h"
#include "guard/hardened.h"
#include "heap/heap.h"
#include "kit/options.h"
#include "kit/options_read.h"
#include "modes.h"
#include "os_fake.h"
#include "process/options_apply.h"
#include "profile/control.h"
#include "source.h"
#include "stats/stats.h"
#include "target.h"

#define SLOTS 256
#define HELPERS 3

/* Bytes that may be live, as requested. */
#define LIVE_MAX (32 * BRKM_MIB)

/* The fake system keeps a list of what foreign code got, with room for as many steps. */
#define STEPS_MAX 3000

struct mode {
    const char *name;
    const char *options;
};

static const struct mode modes[] = {
#define MODE_ROW(name, options) {#name, options},
    FUZZ_MODES(MODE_ROW)
#undef MODE_ROW
};
#define MODES (sizeof(modes) / sizeof(modes[0]))

/* How a block may be freed besides free itself. */
enum freeing { FREE_ONLY, FREE_SIZED, FREE_ALIGNED_SIZED };

struct slot {
    unsigned char *memory; /* NULL: no block */
    size_t size;
    size_t usable;
    size_t alignment;
    enum freeing how;
    unsigned char seed;
};

/* A thread that executes steps when it is told to. */
struct helper {
    pthread_t thread;
    bool is_alive, is_to_end;
    sem_t go, done;
};

static struct {
    struct source source;
    const struct mode *mode;
    size_t page;
    bool no_break;
    unsigned step;
    unsigned char next_seed;
    const char *operation;
    size_t size; /* that was asked for last */
    size_t live;
    size_t perturb; /* what new memory is filled with, as an option; 0 when that is not sure */
    bool unmap_has_failed, read_has_failed;
    uintptr_t foreign_end; /* where the break stands after a foreign raise, 0 when there is none */
    size_t foreign_size;
    struct helper helpers[HELPERS];
    struct helper *executing; /* NULL: the main thread */
    struct slot slots[SLOTS];
} model;

static void tell_step(void)
{
    fprintf(stderr, "operations: mode %s (%s), step %u, %s of %zu bytes\n", model.mode->name,
            model.mode->options, model.step, model.operation, model.size);
}

static _Noreturn void finding(const char *condition, int line)
{
    tell_step();
    fprintf(stderr, "not %s (line %d)\n", condition, line);
    fprintf(stderr, "failed calls 0x%x, limit %zu, break %zu, mapped %zu, live %zu\n%s\n",
            fake_os_failed_kinds(), fake_os.memory_limit, fake_os_break_raised(),
            fake_os_mapped_bytes(), model.live, fake_os_text());
    abort();
}

#define expect(condition) ((condition) ? (void)0 : finding(#condition, __LINE__))

static uint32_t draw(uint32_t bound)
{
    return source_below(&model.source, bound);
}

/* ---- Contents: every byte of small blocks; ends, and bytes in between, of others ---- */

#define ENDS 160
#define STRIDE 16381

static size_t place_behind(size_t place, size_t size)
{
    bool inside = place >= ENDS && place + ENDS + STRIDE < size;
    return place + (inside ? STRIDE : 1);
}

static unsigned char byte_at(const struct slot *slot, size_t place)
{
    return (unsigned char)(slot->seed + place * 167);
}

static void fill(struct slot *slot)
{
    slot->seed = ++model.next_seed;
    for (size_t i = 0; i < slot->size; i = place_behind(i, slot->size)) {
        slot->memory[i] = byte_at(slot, i);
    }
}

/* Of the bytes that were filled for the slot's size, those below `end`. */
static void expect_bytes(const struct slot *slot, const unsigned char *memory, size_t end)
{
    for (size_t i = 0; i < end; i = place_behind(i, slot->size)) {
        expect(memory[i] == byte_at(slot, i));
    }
}

static void expect_all_bytes(const unsigned char *memory, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i += i < 4096 || i + 4096 > size ? 1 : 509) {
        expect(memory[i] == byte);
    }
}

static void expect_contents(const struct slot *slot)
{
    expect(brkm_malloc_usable_size(slot->memory) == slot->usable);
    expect_bytes(slot, slot->memory, slot->size);
}

static void expect_apart_from_others(const struct slot *slot)
{
    for (const struct slot *other = model.slots; other < model.slots + SLOTS; other++) {
        expect(other == slot || other->memory == NULL ||
               other->memory + other->usable <= slot->memory ||
               slot->memory + slot->usable <= other->memory);
    }
}

/* ---- Sizes and failures ---- */

static size_t draw_size(void)
{
    static const uint32_t bounds[] = {64, 64, 256, 1100, 2100, 8192, 70000, 300000};
    uint32_t kind = draw(32);
    size_t threshold = brkm__option_get(OPTION_mapped_threshold);
    switch (kind) {
    case 0:
        return max_size(min_size(threshold, 4 * BRKM_MIB) + draw(200), 100) - 100;
    case 1:
        return draw(6 * BRKM_MIB);
    case 2:
        return (size_t)1 << draw(22);
    case 3:
        return max_size((size_t)1 << draw(22), 8) - 8;
    case 4:
        return (1 + draw(64)) * model.page - draw(2) * BRKM_HEADER_SIZE;
    default:
        return draw(bounds[kind % 8]);
    }
}

static size_t draw_impossible_size(void)
{
    static const size_t sizes[] = {SIZE_MAX,
                                   SIZE_MAX - 4096,
                                   SIZE_MAX / 2 + 1,
                                   PTRDIFF_MAX,
                                   (size_t)PTRDIFF_MAX - 65536,
                                   (size_t)1 << 62,
                                   (size_t)1 << 47};
    return sizes[draw(sizeof(sizes) / sizeof(sizes[0]))] - draw(64);
}

/* A failure is allowed only past a limit, or where neither the break nor a mapping could be had. */
static void expect_failure_is_due(void)
{
    unsigned failed = fake_os_failed_kinds();
    bool no_break = (failed & (FAKE_ONLY(FAKE_BREAK_RAISE) | FAKE_ONLY(FAKE_BREAK_READ))) != 0;
    bool no_map = (failed & FAKE_ONLY(FAKE_MAP)) != 0;
    expect(brkm__option_get(OPTION_limit_hard) != 0 || (no_break && no_map));
}

static void expect_out_of_memory(const void *memory)
{
    expect(memory == NULL);
    expect(errno == ENOMEM);
}

/* ---- Blocks ---- */

static struct slot *draw_slot(void)
{
    return &model.slots[draw(SLOTS)];
}

/* The first slot with, or without, a block from a drawn one on; NULL when there is none. */
static struct slot *find_slot(bool with_block)
{
    struct slot *first = draw_slot();
    struct slot *slot = first;
    do {
        if ((slot->memory != NULL) == with_block) {
            return slot;
        }
        slot = slot + 1 == model.slots + SLOTS ? model.slots : slot + 1;
    } while (slot != first);
    return NULL;
}

/* What was allocated, or resized, with whatever contents. */
static bool begin_slot(struct slot *slot, void *memory, size_t size, size_t alignment,
                       enum freeing how)
{
    if (memory == NULL) {
        expect(errno == ENOMEM);
        expect_failure_is_due();
        return false;
    }
    expect((uintptr_t)memory % max_size(alignment, BRKM_ALIGNMENT) == 0);
    size_t usable = brkm_malloc_usable_size(memory);
    expect(usable >= size);
    expect(fake_os_is_accessible(memory, usable));
    *slot = (struct slot){memory, size, usable, alignment, how, 0};
    model.live += size;
    expect_apart_from_others(slot);
    return true;
}

/* New memory, whose contents nobody knows unless it is perturbed. */
static void begin_new(struct slot *slot, void *memory, size_t size, size_t alignment,
                      enum freeing how)
{
    if (begin_slot(slot, memory, size, alignment, how)) {
        if (model.perturb != 0) {
            expect_all_bytes(slot->memory, size, (unsigned char)~model.perturb);
        }
        fill(slot);
    }
}

static void forget_slot(struct slot *slot)
{
    model.live -= slot->size;
    slot->memory = NULL;
}

static struct slot *free_slot_for(size_t size)
{
    model.size = size;
    return model.live + size > LIVE_MAX ? NULL : find_slot(false);
}

static void allocate(void)
{
    size_t size = draw_size();
    struct slot *slot = free_slot_for(size);
    if (slot == NULL) {
        return;
    }
    errno = 0;
    if (draw(4) == 0) {
        model.operation = "realloc of NULL";
        begin_new(slot, brkm_realloc(NULL, size), size, 1, FREE_SIZED);
    } else {
        model.operation = "malloc";
        begin_new(slot, brkm_malloc(size), size, 1, FREE_SIZED);
    }
}

static void allocate_zeroed(void)
{
    model.operation = "calloc";
    size_t count = draw(16) + 1;
    size_t each = draw_size() / count;
    struct slot *slot = free_slot_for(count * each);
    if (slot == NULL) {
        return;
    }
    errno = 0;
    if (begin_slot(slot, brkm_calloc(count, each), count * each, 1, FREE_SIZED)) {
        expect_all_bytes(slot->memory, slot->size, 0);
        fill(slot);
    }
}

static void allocate_aligned(void)
{
    size_t alignment = (size_t)1 << draw(21);
    size_t size = draw_size();
    struct slot *slot = free_slot_for(size + alignment);
    if (slot == NULL) {
        return;
    }
    void *memory = NULL;
    errno = 0;
    switch (draw(3)) {
    case 0:
        model.operation = "aligned_alloc";
        memory = brkm_aligned_alloc(alignment, size);
        begin_new(slot, memory, size, alignment, FREE_ALIGNED_SIZED);
        break;
    case 1:
        model.operation = "memalign";
        memory = brkm_memalign(alignment - draw(2) * (alignment / 3), size);
        begin_new(slot, memory, size, alignment, FREE_ONLY);
        break;
    default:
        model.operation = "posix_memalign";
        alignment = max_size(alignment, sizeof(void *));
        int result = brkm_posix_memalign(&memory, alignment, size);
        expect(result == (memory == NULL ? ENOMEM : 0));
        errno = result;
        begin_new(slot, memory, size, alignment, FREE_ONLY);
    }
}

static void allocate_pages(void)
{
    size_t size = draw(20000);
    struct slot *slot = free_slot_for(size);
    if (slot == NULL) {
        return;
    }
    errno = 0;
    if (draw(2) == 0) {
        model.operation = "valloc";
        begin_new(slot, brkm_valloc(size), size, model.page, FREE_ONLY);
    } else {
        model.operation = "pvalloc";
        size = max_size((size + model.page - 1) / model.page * model.page, model.page);
        begin_new(slot, brkm_pvalloc(size - draw(2)), size, model.page, FREE_ONLY);
    }
}

static void release(struct slot *slot, unsigned how)
{
    model.size = slot->size;
    expect_contents(slot);
    int before = errno = (int)(how + 1);
    if (how % 4 == 1 && slot->how == FREE_SIZED) {
        model.operation = "free_sized";
        brkm_free_sized(slot->memory, slot->size);
    } else if (how % 4 == 1 && slot->how == FREE_ALIGNED_SIZED) {
        model.operation = "free_aligned_sized";
        brkm_free_aligned_sized(slot->memory, slot->alignment, slot->size);
    } else if (how % 4 == 2) {
        model.operation = "realloc to 0";
        expect(brkm_realloc(slot->memory, 0) == NULL);
    } else if (how % 4 == 3) {
        model.operation = "cfree";
        brkm_cfree(slot->memory);
    } else {
        model.operation = "free";
        brkm_free(slot->memory);
    }
    expect(errno == before);
    forget_slot(slot);
}

static void release_one(void)
{
    struct slot *slot = find_slot(true);
    if (slot != NULL) {
        release(slot, draw(4));
    }
}

/* Many blocks in a row, so that caches run over and free neighbours meet. */
static void release_many(void)
{
    uint32_t first = draw(SLOTS);
    uint32_t step = draw(4) + 1;
    uint32_t count = draw(SLOTS);
    for (uint32_t i = 0; i < count; i++) {
        struct slot *slot = &model.slots[(first + i * step) % SLOTS];
        if (slot->memory != NULL) {
            release(slot, 0);
        }
    }
}

static void allocate_many(void)
{
    size_t size = model.size = draw_size();
    uint32_t count = draw(64);
    for (uint32_t i = 0; i < count && i < SLOTS; i++) {
        struct slot *slot = &model.slots[i];
        if (slot->memory == NULL && model.live + size <= LIVE_MAX) {
            model.operation = "malloc in a row";
            errno = 0;
            begin_new(slot, brkm_malloc(size), size, 1, FREE_SIZED);
        }
    }
}

static void resize(void)
{
    struct slot *slot = find_slot(true);
    if (slot == NULL) {
        return;
    }
    size_t size = draw(3) == 0 ? slot->size + draw(64) : draw_size();
    size = max_size(size, 1);
    if (model.live + size > LIVE_MAX) {
        return;
    }
    model.size = size;
    expect_contents(slot);
    struct slot old = *slot;
    void *memory;
    errno = 0;
    if (draw(4) == 0) {
        model.operation = "reallocarray";
        memory = brkm_reallocarray(old.memory, size, 1);
    } else {
        model.operation = "realloc";
        memory = brkm_realloc(old.memory, size);
    }
    if (memory == NULL) {
        expect(errno == ENOMEM);
        expect_failure_is_due();
        expect_contents(slot);
        return;
    }
    forget_slot(slot);
    begin_slot(slot, memory, size, 1, FREE_SIZED);
    expect_bytes(&old, memory, min_size(size, old.size));
    fill(slot);
}

/* ---- Calls that must fail, or do nothing ---- */

static void ask_for_the_impossible(void)
{
    model.operation = "impossible size";
    struct slot *slot = find_slot(true);
    size_t size = draw_impossible_size();
    void *memory = &model;
    errno = 0;
    switch (draw(8)) {
    case 0:
        expect_out_of_memory(brkm_malloc(size));
        break;
    case 1:
        expect_out_of_memory(brkm_calloc(size, draw(3) + 2));
        break;
    case 2:
        expect_out_of_memory(brkm_aligned_alloc((size_t)16 << draw(40), size));
        break;
    case 3:
        expect(brkm_posix_memalign(&memory, (size_t)16 << draw(40), size) == ENOMEM);
        expect(memory == &model);
        break;
    case 4:
        expect_out_of_memory(brkm_pvalloc(size));
        break;
    case 5:
        expect_out_of_memory(brkm_valloc(size));
        break;
    case 6:
        expect_out_of_memory(brkm_reallocarray(slot == NULL ? NULL : slot->memory, size, 3));
        break;
    default:
        expect_out_of_memory(brkm_realloc(slot == NULL ? NULL : slot->memory, size));
    }
    if (slot != NULL) {
        expect_contents(slot);
    }
}

static void ask_for_odd_alignments(void)
{
    model.operation = "odd alignment";
    void *memory = &model;
    size_t alignment = 2 * (size_t)draw(1 << 20) + 3;
    alignment += (alignment & (alignment - 1)) == 0;
    expect(brkm_posix_memalign(&memory, draw(2) == 0 ? alignment : 4, 8) == EINVAL);
    expect(memory == &model);
    errno = 0;
    expect(brkm_aligned_alloc(draw(2) == 0 ? alignment : 0, 8) == NULL && errno == EINVAL);
    errno = 0;
    expect(brkm_memalign(SIZE_MAX - draw(1000), 8) == NULL && errno == EINVAL);
}

static void hand_in_nothing(void)
{
    model.operation = "NULL";
    errno = 77;
    brkm_free(NULL);
    brkm_cfree(NULL);
    brkm_free_sized(NULL, draw(100));
    brkm_free_aligned_sized(NULL, 16, draw(100));
    expect(brkm_malloc_usable_size(NULL) == 0);
    expect(errno == 77);
}

/* ---- Options, trimming, statistics ---- */

static void set_option(const char *name, size_t value)
{
    size_t now = 0;
    expect(brkm_option_set(name, value) == 0);
    expect(brkm_option_get(name, &now) == 0 && now == value);
}

static void change_options(void)
{
    model.operation = "options";
    switch (draw(10)) {
    case 0:
        expect(brkm_mallopt(-1, (int)draw(3 * BRKM_MIB) - 10) == 1);
        break;
    case 1:
        expect(brkm_mallopt(-2, (int)draw(BRKM_MIB)) == 1);
        break;
    case 2:
        expect(brkm_mallopt(-3, (int)draw(BRKM_MIB)) == 1);
        break;
    case 3:
        expect(brkm_mallopt(-4, draw(3) != 0 ? 65536 : (int)draw(40)) == 1);
        break;
    case 4:
        model.perturb = 0;
        expect(brkm_mallopt(-6, (int)draw(256) * (int)draw(2)) == 1);
        break;
    case 5:
        set_option("purge_threshold", draw(4 * BRKM_MIB));
        break;
    case 6:
        set_option("limit_soft", draw(3) != 0 ? 0 : draw(16 * BRKM_MIB));
        break;
    case 7:
        set_option("limit_hard", draw(3) != 0 ? 0 : BRKM_MIB + draw(32 * BRKM_MIB));
        break;
    case 8:
        expect(brkm_option_set("mapped_threshold", SIZE_MAX) == EINVAL);
        expect(brkm_option_set("mapped", 0) == ENOENT);
        expect(brkm_option_set("confirm", 1) == EPERM);
        break;
    default:
        fake_os.milliseconds += draw(5000);
    }
}

/* Calls of the system by which memory may have gone back. */
static unsigned calls_that_give_back(void)
{
    return fake_os.calls[FAKE_BREAK_LOWER] + fake_os.calls[FAKE_UNMAP] +
           fake_os.calls[FAKE_DISCARD];
}

static void trim(void)
{
    model.operation = "malloc_trim";
    errno = 77;
    unsigned before = calls_that_give_back();
    int result = brkm_malloc_trim(draw(2) * draw(300000));
    expect(result == 0 || (result == 1 && calls_that_give_back() != before));
    expect(errno == 77);
}

/* What a text must begin and end with. */
struct ends {
    size_t length;
    char first, last;
};

static void note_ends(void *context, const char *text, size_t length)
{
    struct ends *ends = context;
    ends->first = ends->length == 0 ? text[0] : ends->first;
    ends->last = text[length - 1];
    ends->length += length;
}

static void expect_counters(void)
{
    const struct heap *heap = &brkm__main_heap;
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    /* What was raised is lost where the break cannot be read afterwards. */
    expect(heap->top.from_system == fake_os_break_raised() ||
           (model.read_has_failed && heap->top.from_system < fake_os_break_raised()));
    expect(model.unmap_has_failed || fake_os_mapped_bytes() >= info.hblkhd + heap->fallback_bytes);
    expect(info.uordblks + info.hblkhd >= model.live);
}

static void print_statistics(void)
{
    model.operation = "statistics";
    struct ends ends = {0, '\0', '\0'};
    enum brkm_stats_format format = draw(2) == 0 ? BRKM_STATS_TEXT : BRKM_STATS_JSON;
    expect(brkm_stats_print(note_ends, &ends, format) == 0);
    expect(ends.first == (format == BRKM_STATS_JSON ? '{' : 'b') && ends.last == '\n');
    ends.length = 0;
    expect(brkm_stats_print(note_ends, &ends, (enum brkm_stats_format)7) == EINVAL);
    expect(ends.length == 0);
    struct brkm_mallinfo2 wide = brkm_mallinfo2();
    struct brkm_mallinfo small = brkm_mallinfo();
    expect((size_t)small.arena == wide.arena && (size_t)small.uordblks == wide.uordblks &&
           (size_t)small.fordblks == wide.fordblks);
}

/* ---- The system ---- */

/* Other code raises the break, and gives all of it or a part back later. */
static void move_break(void)
{
    model.operation = "foreign sbrk";
    if (model.foreign_end != 0 && model.foreign_end == fake_os_break() && draw(2) == 0) {
        size_t back =
            draw(2) == 0 ? model.foreign_size : draw((uint32_t)model.foreign_size) + (size_t)1;
        fake_os_foreign_sbrk(-(intptr_t)back);
        model.foreign_size -= back;
        model.foreign_end = model.foreign_size == 0 ? 0 : fake_os_break();
    } else if (draw(3) == 0) {
        fake_os.race_bytes = draw(5000) + 1;
    } else {
        model.foreign_size = draw(draw(2) == 0 ? 100 : 20000) + 1;
        fake_os_foreign_sbrk((intptr_t)model.foreign_size);
        model.foreign_end = fake_os_break();
    }
}

static void fail_never(void)
{
    fake_os_fail(model.no_break ? FAKE_ONLY(FAKE_BREAK_RAISE) : 0, 1, true);
}

/* The calls of the step that follows fail. */
static void choose_failures(void)
{
    unsigned mask = draw(4) == 0 ? FAKE_EVERY_CALL : draw(FAKE_EVERY_CALL + 1);
    mask |= model.no_break ? FAKE_ONLY(FAKE_BREAK_RAISE) : 0;
    uint32_t nth = 1 + draw(3);
    fake_os_fail(mask, nth, draw(2) == 0 || model.no_break);
}

static void note_failures(void)
{
    model.unmap_has_failed |= (fake_os_failed_kinds() & FAKE_ONLY(FAKE_UNMAP)) != 0;
    model.read_has_failed |= (fake_os_failed_kinds() & FAKE_ONLY(FAKE_BREAK_READ)) != 0;
    fail_never();
}

/* ---- Steps ---- */

static void execute_step(void)
{
    static void (*const calls[])(void) = {
        allocate,
        allocate,
        allocate,
        allocate_zeroed,
        allocate_aligned,
        allocate_pages,
        release_one,
        release_one,
        release_one,
        resize,
        resize,
        release_many,
        allocate_many,
        change_options,
        trim,
        print_statistics,
        ask_for_the_impossible,
        ask_for_odd_alignments,
        hand_in_nothing,
        move_break,
    };
    calls[draw(sizeof(calls) / sizeof(calls[0]))]();
}

static void *help(void *argument)
{
    struct helper *helper = argument;
    for (;;) {
        sem_wait(&helper->go);
        if (helper->is_to_end) {
            return NULL;
        }
        execute_step();
        sem_post(&helper->done);
    }
}

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void begin_helper(struct helper *helper)
{
    helper->is_to_end = false;
    helper->is_alive = true;
    sem_init(&helper->go, 0, 0);
    sem_init(&helper->done, 0, 0);
    if (pthread_create(&helper->thread, NULL, help, helper) != 0) {
        perror("operations: pthread_create");
        _Exit(1);
    }
}

static void end_helper(struct helper *helper)
{
    if (helper->is_alive) {
        model.operation = "thread's end";
        helper->is_to_end = true;
        sem_post(&helper->go);
        pthread_join(helper->thread, NULL);
        sem_destroy(&helper->go);
        sem_destroy(&helper->done);
        helper->is_alive = false;
    }
}

/* The next steps are another thread's. From the first such on locks are real. */
static void change_thread(void)
{
    uint32_t which = draw(2 * HELPERS + 1);
    model.executing = NULL;
    if (which >= 2 * HELPERS) {
        return;
    }
    struct helper *helper = &model.helpers[which % HELPERS];
    if (which >= HELPERS) {
        end_helper(helper);
        return;
    }
    fake_os_set_threads(true);
    if (!helper->is_alive) {
        begin_helper(helper);
    }
    model.executing = helper;
}

static void step(void)
{
    uint32_t around = draw(32);
    model.operation = "";
    if (around == 0) {
        choose_failures();
    } else if (around <= 2) {
        change_thread();
    }
    if (model.executing == NULL) {
        execute_step();
    } else {
        sem_post(&model.executing->go);
        wait_for(&model.executing->done);
    }
    note_failures();
    expect(brkm_check_heap() == 0);
    expect_counters();
    if (model.step % 64 == 0) {
        expect(fake_os_foreign_is_intact());
    }
}

static void release_everything(void)
{
    for (struct slot *slot = model.slots; slot < model.slots + SLOTS; slot++) {
        if (slot->memory != NULL) {
            release(slot, 0);
        }
    }
    for (struct helper *helper = model.helpers; helper < model.helpers + HELPERS; helper++) {
        end_helper(helper);
    }
    brkm_malloc_trim(0);
    expect(brkm_check_heap() == 0);
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    expect(info.uordblks == 0);
    expect(brkm__snapshot_of_counters().memory_cached == 0);
    expect(info.hblkhd == 0 && info.hblks == 0);
    expect(fake_os_foreign_is_intact());
}

/* ---- Any set of options ---- */

/* What writes to standard error by itself, or makes a status of it. */
static bool is_telling(enum option option)
{
    return option == OPTION_help || option == OPTION_confirm || option == OPTION_stats_at_exit ||
           option == OPTION_profile_leaks || option == OPTION_profile_leaks_exit_status;
}

static size_t draw_value(const struct option_row *row)
{
    static const size_t values[] = {0, 1, 2, 20, 255, 4096, 64 * BRKM_KIB, BRKM_MIB, 16 * BRKM_MIB};
    if (row->type == OPTION_TYPE_FLAG || row->type == OPTION_TYPE_WORD) {
        return draw((uint32_t)row->largest + 1);
    }
    return min_size(values[draw(sizeof(values) / sizeof(values[0]))], row->largest);
}

/* Writes the value as the environment has it; returns how many letters. */
static int write_option(char *text, size_t room, const struct option_row *row)
{
    size_t value = draw_value(row);
    if (row->type == OPTION_TYPE_FLAG) {
        return snprintf(text, room, "%s:%s,", row->name, value != 0 ? "true" : "false");
    }
    if (row->type == OPTION_TYPE_WORD) {
        return snprintf(text, room, "%s:%s,", row->name, row->words[value]);
    }
    return snprintf(text, room, "%s:%zu,", row->name, value);
}

/* A set of a few options, or of many, each with a value of its kind. */
static const struct mode *draw_mode(void)
{
    static char text[4096];
    static struct mode drawn = {"drawn", text};
    size_t length = 0;
    uint32_t one_in = 2 + draw(8);
    for (enum option option = 0; option < OPTION_COUNT; option++) {
        if (!is_telling(option) && draw(one_in) == 0) {
            length += (size_t)write_option(text + length, sizeof(text) - length,
                                           &brkm__option_rows[option]);
        }
    }
    text[length == 0 ? 0 : length - 1] = '\0';
    return &drawn;
}

/* ---- An input ---- */

/* Of the numbers of modes these and higher ones are for a set of options that the input draws. */
#define DRAWN_FROM 160

/* The environment's FUZZ_MODE replaces the mode that the input names. */
static const struct mode *choose_mode(unsigned number)
{
    const char *name = getenv("FUZZ_MODE");
    if (name == NULL || name[0] == '\0') {
        return number >= DRAWN_FROM ? draw_mode() : &modes[number % MODES];
    }
    if (strcmp(name, "drawn") == 0) {
        return draw_mode();
    }
    for (const struct mode *mode = modes; mode < modes + MODES; mode++) {
        if (strcmp(mode->name, name) == 0) {
            return mode;
        }
    }
    fprintf(stderr, "operations: FUZZ_MODE=%s is none of the modes in tests/fuzz/modes.h\n", name);
    _Exit(2);
}

static void begin_system(void)
{
    static const size_t pages[] = {4096, 4096, 16384, 65536};
    unsigned kind = source_byte(&model.source);
    model.page = pages[kind & 3];
    fake_os_start(model.page, draw(3) == 0 ? draw((uint32_t)model.page) : 0);
    fake_os.remap_moves = (kind & 4) != 0;
    fake_os.map_never_reuses = (kind & 8) != 0;
    fake_os_set_threads((kind & 16) != 0);
    model.no_break = (kind & 224) == 224;
    uint32_t limit = source_byte(&model.source);
    fake_os.memory_limit = limit % 4 == 0 ? (limit + 4) * 256 * BRKM_KIB : 0;
    fake_os.entropy = 0x9e3779b97f4a7c15u * (source_byte(&model.source) + 1u);
}

static void begin_mode(void)
{
    fake_os.environment = model.mode->options;
    brkm__environment_read();
    brkm__tune_apply();
    brkm__hardened_apply();
    brkm__profiling_apply();
    model.operation = "start";
    /* Without memory the heap profile says that it does not begin. */
    expect(fake_os_text()[0] == '\0' || brkm__option_get(OPTION_limit_hard) != 0 ||
           fake_os.memory_limit != 0);
    model.perturb = brkm__option_get(OPTION_perturb);
}

#ifndef FUZZ_RESET
/* The allocator ended the program. A fuzzer has a handler of its own. */
static void tell_end(int number)
{
    tell_step();
    signal(number, SIG_DFL);
    raise(number);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    target_begin();
    memset(&model, 0, sizeof(model));
    model.source = (struct source){bytes, length};
    model.mode = choose_mode(source_byte(&model.source));
#ifndef FUZZ_RESET
    signal(SIGABRT, tell_end);
    signal(SIGSEGV, tell_end);
#endif
    begin_system();
    begin_mode();
    fail_never();
    for (; model.step < STEPS_MAX && !source_is_empty(&model.source); model.step++) {
        step();
    }
    release_everything();
    return 0;
}
