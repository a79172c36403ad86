/* SPDX-License-Identifier: MIT
 *
 * Random operations on the public functions against a model of what each block must be: where, how
 * large, how aligned, with which contents. The heap is walked after every step.
 *
 * Environment: UNIT_SEED repeats a run, UNIT_STEPS and UNIT_ROUNDS make it longer. A failure says
 * which seed and step it was. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "heap.h"
#include "options.h"

#define SLOTS 300
#define LIVE_MAX (64 * BRKM_MIB)

/* What can go wrong around the allocator, in chances per mille of a step. */
struct configuration {
    const char *name;
    size_t page_size;
    size_t break_offset;
    unsigned failing; /* some calls of the system fail during the step */
    unsigned foreign; /* other code moves the break */
    unsigned options; /* mallopt and trim */
    unsigned large;   /* a request around the size of mapped blocks, or above */
    bool no_break;    /* the break can never be raised */
    bool remap_moves;
    bool map_never_reuses;
    bool threads; /* real atomic operations on the locks */
};

static const struct configuration configurations[] = {
    {.name = "plain", .page_size = 4096, .options = 5, .large = 20},
    {.name = "unaligned", .page_size = 4096, .break_offset = 1003, .options = 5, .large = 10},
    {.name = "pages_16k", .page_size = 16384, .break_offset = 16, .options = 5, .large = 20},
    {.name = "pages_64k", .page_size = 65536, .break_offset = 65535, .options = 5, .large = 20},
    {.name = "foreign", .page_size = 4096, .break_offset = 7, .foreign = 30, .options = 20},
    {.name = "failing", .page_size = 4096, .failing = 100, .options = 20, .large = 60},
    {.name = "mapped", .page_size = 4096, .options = 40, .large = 300, .remap_moves = true},
    {.name = "no_break", .page_size = 4096, .no_break = true, .options = 20, .large = 10},
    {.name = "threads", .page_size = 4096, .options = 5, .large = 20, .threads = true},
    {.name = "everything",
     .page_size = 4096,
     .break_offset = 4088,
     .failing = 80,
     .foreign = 20,
     .options = 20,
     .large = 60,
     .map_never_reuses = true,
     .threads = true},
};
#define CONFIGURATIONS (sizeof(configurations) / sizeof(configurations[0]))

struct slot {
    unsigned char *memory;
    size_t size;
    size_t usable;
    size_t alignment;                                       /* as asked for, or 1 */
    enum { FREE_ONLY, FREE_SIZED, FREE_ALIGNED_SIZED } how; /* to free it besides free itself */
    uint32_t seed;
};

static struct {
    const struct configuration *configuration;
    uint64_t seed;
    uint64_t random;
    unsigned step;
    const char *operation;
    size_t live;
    size_t own_use; /* bytes that the allocator uses itself, for the thread's cache */
    bool unmap_has_failed;
    bool read_has_failed;
    uintptr_t foreign_end; /* where the break stands after a foreign raise, 0 when there is none */
    size_t foreign_size;
    struct slot slots[SLOTS];
} model;

#define expect(condition)                                                                \
    ck_assert_msg(condition, "%s, UNIT_SEED=%llu, step %u, %s: not %s\n%s",              \
                  model.configuration->name, (unsigned long long)model.seed, model.step, \
                  model.operation, #condition, fake_os_text())

static uint32_t draw(uint32_t bound)
{
    return unit_random(&model.random) % bound;
}

static bool chance(unsigned per_mille)
{
    return draw(1000) < per_mille;
}

static size_t draw_size(void)
{
    if (chance(model.configuration->large)) {
        size_t threshold = brkm__option_get(OPTION_mapped_threshold);
        size_t base = chance(500) ? min_size(threshold, 4 * BRKM_MIB) : draw(6 * BRKM_MIB);
        return max_size(base + draw(200), 100) - 100;
    }
    static const uint32_t bounds[] = {64, 64, 256, 256, 1100, 1100, 8192, 70000};
    return draw(bounds[draw(sizeof(bounds) / sizeof(bounds[0]))]);
}

/* ---- What a block must be ---- */

static void expect_apart_from_others(const struct slot *slot)
{
    for (const struct slot *other = model.slots; other < model.slots + SLOTS; other++) {
        bool apart = other == slot || other->memory == NULL ||
                     other->memory + other->usable <= slot->memory ||
                     slot->memory + slot->usable <= other->memory;
        if (!apart) {
            fprintf(stderr, "%p + %zu (%zu) overlaps %p + %zu (%zu)\n", (void *)slot->memory,
                    slot->size, slot->usable, (void *)other->memory, other->size, other->usable);
        }
        expect(apart);
    }
}

static void expect_contents(const struct slot *slot)
{
    expect(unit_is_filled(slot->memory, slot->size, slot->seed));
    expect(brkm_malloc_usable_size(slot->memory) == slot->usable);
}

/* A failure is allowed only where neither the break nor a mapping could be had. */
static void expect_failure_is_due(void)
{
    unsigned failed = fake_os_failed_kinds();
    expect(errno == ENOMEM);
    expect((failed & (FAKE_ONLY(FAKE_BREAK_RAISE) | FAKE_ONLY(FAKE_BREAK_READ))) != 0 &&
           (failed & FAKE_ONLY(FAKE_MAP)) != 0);
}

static void begin_slot(struct slot *slot, void *memory, size_t size, size_t alignment)
{
    slot->how = FREE_ONLY;
    if (memory == NULL) {
        expect_failure_is_due();
        return;
    }
    slot->memory = memory;
    slot->size = size;
    slot->alignment = alignment;
    slot->usable = brkm_malloc_usable_size(memory);
    slot->seed = unit_random(&model.random);
    model.live += size;
    expect((uintptr_t)memory % max_size(alignment, BRKM_ALIGNMENT) == 0);
    expect(slot->usable >= size);
    expect_apart_from_others(slot);
    if (!BRKM_VALGRIND) {
        memset(memory, 0xa5, min_size(slot->usable, 2048));
        memset(slot->memory + slot->usable - min_size(slot->usable, 64), 0xa5,
               min_size(slot->usable, 64));
    }
    unit_fill(memory, size, slot->seed);
}

/* ---- Operations ---- */

static void allocate(struct slot *slot)
{
    size_t size = draw_size();
    size_t alignment = (size_t)1 << draw(chance(100) ? 22 : 14);
    void *memory = NULL;
    switch (draw(8)) {
    case 0:
        model.operation = "calloc";
        memory = brkm_calloc(1 + size / 8, 8);
        size = (1 + size / 8) * 8;
        expect(memory == NULL || unit_is_zero(memory, size));
        begin_slot(slot, memory, size, 1);
        slot->how = FREE_SIZED;
        break;
    case 1:
        model.operation = "aligned_alloc";
        begin_slot(slot, brkm_aligned_alloc(alignment, size), size, alignment);
        slot->how = FREE_ALIGNED_SIZED;
        break;
    case 2:
        model.operation = "posix_memalign";
        alignment = max_size(alignment, sizeof(void *));
        memory = model.slots;
        if (brkm_posix_memalign(&memory, alignment, size) != 0) {
            expect(memory == model.slots);
            memory = NULL;
        }
        begin_slot(slot, memory, size, alignment);
        break;
    case 3:
        model.operation = "pvalloc";
        begin_slot(slot, brkm_pvalloc(size % 20000), size % 20000, 1);
        expect((uintptr_t)slot->memory % model.configuration->page_size == 0);
        break;
    default:
        model.operation = "malloc";
        begin_slot(slot, brkm_malloc(size), size, 1);
        slot->how = FREE_SIZED;
    }
}

static void release(struct slot *slot)
{
    expect_contents(slot);
    int before = errno = (int)draw(100);
    if (slot->how == FREE_ONLY || chance(500)) {
        model.operation = "free";
        brkm_free(slot->memory);
    } else if (slot->how == FREE_SIZED) {
        model.operation = "free_sized";
        brkm_free_sized(slot->memory, slot->size);
    } else {
        model.operation = "free_aligned_sized";
        brkm_free_aligned_sized(slot->memory, slot->alignment, slot->size);
    }
    expect(errno == before);
    model.live -= slot->size;
    slot->memory = NULL;
}

static void resize(struct slot *slot)
{
    model.operation = "realloc";
    size_t size = chance(300) ? slot->size + draw(64) : draw_size();
    size = max_size(size, 1);
    errno = 0;
    void *memory = brkm_realloc(slot->memory, size);
    if (memory == NULL) {
        expect_failure_is_due();
        expect_contents(slot);
        return;
    }
    expect(unit_is_filled(memory, min_size(min_size(size, slot->size), 256), slot->seed));
    if (size >= slot->size) {
        expect(unit_is_filled(memory, slot->size, slot->seed));
    }
    model.live -= slot->size;
    slot->memory = NULL;
    begin_slot(slot, memory, size, 1);
    slot->how = FREE_SIZED;
}

static void change_options(void)
{
    model.operation = "mallopt";
    switch (draw(6)) {
    case 0:
        expect(brkm_mallopt(-1, (int)draw(3 * BRKM_MIB)) == 1);
        break;
    case 1:
        expect(brkm_mallopt(-2, (int)draw(BRKM_MIB)) == 1);
        break;
    case 2:
        expect(brkm_mallopt(-3, (int)draw(BRKM_MIB)) == 1);
        break;
    case 3:
        expect(brkm_mallopt(-4, chance(700) ? 65536 : (int)draw(40)) == 1);
        break;
    default:
        model.operation = "malloc_trim";
        brkm_malloc_trim(draw(2) * draw(300000));
    }
}

/* Other code raises the break, and gives all of it or a part back later. */
static void move_break(void)
{
    model.operation = "foreign sbrk";
    if (model.foreign_end != 0 && model.foreign_end == fake_os_break() && chance(600)) {
        size_t back = chance(500) ? model.foreign_size : draw((uint32_t)model.foreign_size) + 1;
        fake_os_foreign_sbrk(-(intptr_t)back);
        model.foreign_size -= back;
        model.foreign_end = model.foreign_size == 0 ? 0 : fake_os_break();
    } else if (chance(300)) {
        fake_os.race_bytes = draw(5000) + 1;
    } else {
        model.foreign_size = draw(chance(500) ? 100 : 20000) + 1;
        fake_os_foreign_sbrk((intptr_t)model.foreign_size);
        model.foreign_end = fake_os_break();
    }
}

static void choose_failures(void)
{
    const struct configuration *configuration = model.configuration;
    unsigned mask = configuration->no_break ? FAKE_ONLY(FAKE_BREAK_RAISE) : 0;
    fake_os_fail(mask, 1, true);
    if (chance(configuration->failing)) {
        mask |= chance(300) ? FAKE_EVERY_CALL : draw(FAKE_EVERY_CALL + 1);
        fake_os_fail(mask, 1 + draw(3), chance(500));
    }
}

/* ---- Steps ---- */

static void expect_whole_model(void)
{
    for (const struct slot *slot = model.slots; slot < model.slots + SLOTS; slot++) {
        if (slot->memory != NULL) {
            expect_contents(slot);
        }
    }
    expect(fake_os_foreign_is_intact());
}

static void expect_counters(void)
{
    const struct heap *heap = &brkm__main_heap;
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    size_t mapped = info.hblkhd + heap->fallback_bytes;
    /* What was raised is lost where the break cannot be read afterwards. */
    expect(heap->top.from_system == fake_os_break_raised() ||
           (model.read_has_failed && heap->top.from_system < fake_os_break_raised()));
    expect(model.unmap_has_failed || fake_os_mapped_bytes() >= mapped);
    expect(info.uordblks + info.hblkhd >= model.live);
}

static void step(void)
{
    struct slot *slot = &model.slots[draw(SLOTS)];
    model.operation = "";
    if (chance(model.configuration->foreign)) {
        move_break();
    }
    choose_failures();
    if (chance(model.configuration->options)) {
        change_options();
    } else if (slot->memory == NULL && model.live < LIVE_MAX) {
        allocate(slot);
    } else if (slot->memory != NULL && model.live < LIVE_MAX && chance(300)) {
        resize(slot);
    } else if (slot->memory != NULL) {
        release(slot);
    }
    model.unmap_has_failed |= (fake_os_failed_kinds() & FAKE_ONLY(FAKE_UNMAP)) != 0;
    model.read_has_failed |= (fake_os_failed_kinds() & FAKE_ONLY(FAKE_BREAK_READ)) != 0;
    fake_os_fail(0, 0, false);
    expect(brkm_check_heap() == 0);
    if (model.step % 64 == 0) {
        expect_whole_model();
        expect_counters();
    }
}

static void release_everything(void)
{
    for (struct slot *slot = model.slots; slot < model.slots + SLOTS; slot++) {
        if (slot->memory != NULL) {
            release(slot);
            expect(brkm_check_heap() == 0);
        }
    }
    brkm_malloc_trim(0);
    expect(brkm_check_heap() == 0);
    struct brkm_mallinfo2 info = brkm_mallinfo2();
    expect(info.uordblks == model.own_use);
    expect(info.hblkhd == 0 && info.hblks == 0);
    expect(fake_os_foreign_is_intact());
}

static void run(const struct configuration *configuration, uint64_t seed)
{
    fake_os_start(configuration->page_size, configuration->break_offset);
    fake_os.remap_moves = configuration->remap_moves;
    fake_os.map_never_reuses = configuration->map_never_reuses;
    fake_os_set_threads(configuration->threads);
    fake_os.entropy = seed * 0x9e3779b97f4a7c15;
    model.configuration = configuration;
    model.seed = seed;
    model.random = seed + 1;
    brkm_free(brkm_malloc(1));
    brkm_malloc_trim(0);
    model.own_use = brkm_mallinfo2().uordblks;
    unsigned steps = (unsigned)unit_number("UNIT_STEPS", 2000);
    for (model.step = 0; model.step < steps; model.step++) {
        step();
    }
    release_everything();
}

/* The loop counter is the round, which begins with its own seed in its own process. */
static void run_round(const char *name, int round)
{
    for (size_t i = 0; i < CONFIGURATIONS; i++) {
        if (strcmp(configurations[i].name, name) == 0) {
            run(&configurations[i], unit_number("UNIT_SEED", 20260101) + (uint64_t)round);
            return;
        }
    }
    ck_abort_msg("no configuration %s", name);
}

#define RANDOM_TEST(name)     \
    START_TEST(random_##name) \
    {                         \
        run_round(#name, _i); \
    }                         \
    END_TEST

RANDOM_TEST(plain)
RANDOM_TEST(unaligned)
RANDOM_TEST(pages_16k)
RANDOM_TEST(pages_64k)
RANDOM_TEST(foreign)
RANDOM_TEST(failing)
RANDOM_TEST(mapped)
RANDOM_TEST(no_break)
RANDOM_TEST(threads)
RANDOM_TEST(everything)

Suite *unit_suite(void)
{
    Suite *suite = suite_create("random");
    int rounds = (int)unit_number("UNIT_ROUNDS", 1);
#define ADD(name) tcase_add_loop_test(unit_case(suite, #name), random_##name, 0, rounds)
    ADD(plain);
    ADD(unaligned);
    ADD(pages_16k);
    ADD(pages_64k);
    ADD(foreign);
    ADD(failing);
    ADD(mapped);
    ADD(no_break);
    ADD(threads);
    ADD(everything);
    printf("UNIT_SEED=%llu\n", (unsigned long long)unit_number("UNIT_SEED", 20260101));
    return suite;
}
