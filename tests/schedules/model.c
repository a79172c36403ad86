/* SPDX-License-Identifier: MIT
 *
 * The lock, the depot and the handlers of fork, as src/ has them, in every schedule. What lies
 * around them is replaced: the heap counts what it gets, the futex is the scheduler's.
 *
 * mutants.py builds this with errors put into src/ and demands that each is found. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hooks.h"

#include "cache/depot.c"
#include "cache/idle.c"
#include "heap/heaps.c"
#include "kit/lock.c"
#include "kit/wiped.c"
#include "process/bare_fork.c"
#include "process/locks.c"
#include "process/process.c"

/* ---- What the sources ask for ---- */

size_t brkm__cache_threads(void)
{
    return 2;
}

struct heap brkm__main_heap;
_Atomic(size_t) brkm__handed_out;
struct chunk_map brkm__chunk_map;
struct lock brkm__mapped_lock;
static struct lock cache_lock;

struct lock *brkm__cache_lock(void)
{
    return &cache_lock;
}

/* True in the child of a fork by a signal handler: nobody is there to end a sleep, but the kernel
 * does so after some time. */
static bool is_alone;

void brkm__os_wait(uint32_t *word, uint32_t expected)
{
    schedule_point();
    model_interrupt();
    if (*word == expected && !is_alone) {
        schedule_wait(word);
    }
}

static struct wiped_words page;
static bool mark_is_watched;

void brkm__os_discard_begin(void)
{
}

void brkm__os_discard_after_fork(void)
{
}

void *brkm__os_map_wiped_on_fork(void)
{
    return &page;
}

size_t brkm__os_page_size(void)
{
    return 4096;
}

void brkm__os_wake_one(uint32_t *word)
{
    schedule_point();
    schedule_wake_one(word);
}

bool brkm__fatal_has_begun(void)
{
    return false;
}

size_t brkm__option_get(enum option option)
{
    (void)option;
    return 0;
}

void brkm__environment_read(void)
{
}

void brkm__cache_watch_malloc(bool watched)
{
    (void)watched;
}

void brkm__options_tell(void)
{
}

void brkm__options_applied_by(void (*apply)(void))
{
    (void)apply;
}

void brkm__tune_apply(void)
{
}

/* What a build may go without has no part in it. */
const struct optional_room brkm__guard_room, brkm__profile_room, brkm__stats_room,
    brkm__service_room;

/* Locks that nobody else takes here, so that nothing is to be seen at them. */
struct lock brkm__zero_size_lock, brkm__rows_lock, brkm__guarded_lock, brkm__profile_lock;
static struct lock server_lock, quarantine_lock;

struct lock *brkm__server_lock(void)
{
    return &server_lock;
}

struct lock *brkm__quarantine_lock(void)
{
    return &quarantine_lock;
}

/* How often each part was settled. */
static unsigned settled_caches, abandoned_heaps, settled_others;

void brkm__cache_settle(void)
{
    settled_caches++;
}

void *brkm__os_sbrk(ptrdiff_t increment)
{
    return (void *)increment;
}

/* There are none. Who abandons the heap asks for them first. */
struct region *brkm__regions_next(const struct region *region)
{
    (void)region;
    abandoned_heaps++;
    return NULL;
}

struct region *brkm__regions_around(uintptr_t address)
{
    (void)address;
    return NULL;
}

void brkm__regions_move_end(struct region *region, uintptr_t end)
{
    (void)region;
    (void)end;
}

bool brkm__footprint_discard(void *start, size_t size)
{
    return start != NULL && size != 0;
}

void brkm__rows_settle(void)
{
    settled_others++;
}

void brkm__quarantine_abandon(void)
{
    settled_others++;
}

void brkm__profile_abandon(void)
{
    settled_others++;
}

void brkm__guarded_abandon(void)
{
    settled_others++;
}

void brkm__server_abandon(void)
{
    settled_others++;
}

void brkm__foreign_take_over(void)
{
}

_Noreturn void brkm__os_exit(int status)
{
    _exit(status);
}

void brkm__cache_watch_threads(void)
{
}

void brkm__homes_begin(void)
{
}

void brkm__cache_forget_other_threads(void)
{
}

const struct cached_end brkm__cached_sentinel;
uintptr_t brkm__cached_secret;

/* No list is looked into while there is one heap. */
void brkm__cached_list_push(struct cached_list *list, struct mem_control_block *block)
{
    (void)list;
    (void)block;
    abort();
}

void brkm__cached_link_is_bad(const struct cached_block *block)
{
    (void)block;
    abort();
}

/* A batch is a number, without blocks. */
void brkm__cached_list_verify(struct cached_list list)
{
    (void)list;
}

/* Blocks stay where they are: there is no chunk. */
void brkm__chunks_abandon(void)
{
}

void *brkm__own_map(size_t size)
{
    (void)size;
    return NULL;
}

size_t brkm__own_bytes(size_t size)
{
    return size;
}

/* ---- Batches: a number in the place of the first block ---- */

#define BATCHES 32
#define SLOT 5
#define OTHER_SLOT 9
#define BLOCKS_PER_BATCH 2

static unsigned came_to_heap[BATCHES], taken[BATCHES];

static struct cached_list batch_of(unsigned number)
{
    return (struct cached_list){(struct cached_block *)((uintptr_t)(number + 1) * 16),
                                BLOCKS_PER_BATCH};
}

static unsigned number_of(struct cached_list batch)
{
    return (unsigned)((uintptr_t)batch.first / 16 - 1);
}

struct cached_list brkm__heap_free_list(struct heap *heap, struct cached_list list)
{
    lock_acquire(&heap->lock);
    came_to_heap[number_of(list)]++;
    lock_release(&heap->lock);
    return cached_list_empty();
}

/* ---- What else heaps.c asks for; no scenario gets there ---- */

void brkm__heap_free(struct heap *heap, struct mem_control_block *block, const char *caller)
{
    (void)heap;
    (void)block;
    (void)caller;
    abort();
}

bool brkm__heap_resize(struct heap *heap, struct mem_control_block *block, size_t size,
                       const char *caller)
{
    (void)size;
    brkm__heap_free(heap, block, caller);
    return false;
}

void brkm__heap_return_chunks(struct heap *heap)
{
    brkm__heap_free(heap, NULL, NULL);
}

size_t brkm__heap_trim(struct heap *heap, size_t pad)
{
    brkm__heap_free(heap, NULL, NULL);
    return pad;
}

struct heap_look brkm__heap_look(struct heap *heap)
{
    brkm__heap_free(heap, NULL, NULL);
    return (struct heap_look){0};
}

size_t brkm__heap_decay(struct heap *heap, size_t keep, bool *finished)
{
    (void)finished;
    brkm__heap_free(heap, NULL, NULL);
    return keep;
}

bool brkm__purge_is_within(const struct heap *heap)
{
    return heap != NULL;
}

void brkm__alarm_set(void)
{
    abort();
}

bool brkm__walk_is_sound(void)
{
    return true;
}

bool model_is_watched(const volatile void *word)
{
    const volatile char *place = word;
    /* Who reads the mark while nobody changes it may as well have done so before. */
    if (word == &page.lock_mark) {
        return mark_is_watched;
    }
    if (word == &brkm__wiped || word == &brkm__profile_lock.word ||
        word == &brkm__zero_size_lock.word || word == &brkm__rows_lock.word ||
        word == &brkm__guarded_lock.word || word == &server_lock.word ||
        word == &quarantine_lock.word) {
        return false;
    }
    const volatile char *shelves = (const volatile char *)main_depot.shelves;
    if (place < shelves || place >= shelves + sizeof(main_depot.shelves)) {
        return true;
    }
    size_t shelf = (size_t)(place - shelves) / sizeof(main_depot.shelves[0]);
    return shelf == SLOT || shelf == OTHER_SLOT;
}

static void put_everything_back(void)
{
    memset(&main_depot, 0, sizeof(main_depot));
    memset(&brkm__main_heap, 0, sizeof(brkm__main_heap));
    memset(&brkm__side_heaps[0], 0, sizeof(brkm__side_heaps[0]));
    brkm__side_heaps_used = 0;
    memset(&brkm__mapped_lock, 0, sizeof(brkm__mapped_lock));
    memset(&cache_lock, 0, sizeof(cache_lock));
    memset(came_to_heap, 0, sizeof(came_to_heap));
    memset(taken, 0, sizeof(taken));
    brkm__idle_reset(IDLE_IN_DEPOT, 0);
    brkm__lock_holds_all = false;
    mark_is_watched = false;
    is_alone = false;
    brkm__bare_fork_begin();
    settled_caches = abandoned_heaps = settled_others = 0;
}

/* ---- The lock: one thread at a time, and none waits for ever ---- */

static struct lock lock;

/* How many threads are behind each lock. */
static struct {
    const struct lock *lock;
    unsigned threads;
} insides[] = {{&lock, 0},
               {&cache_lock, 0},
               {&brkm__mapped_lock, 0},
               {&brkm__main_heap.lock, 0},
               {&brkm__side_heaps[0].lock, 0},
               {&main_depot.shelves[SLOT].lock, 0}};
#define INSIDES (sizeof(insides) / sizeof(insides[0]))

static void prepare_lock(void)
{
    put_everything_back();
    memset(&lock, 0, sizeof(lock));
    for (size_t i = 0; i < INSIDES; i++) {
        insides[i].threads = 0;
    }
}

static unsigned *inside_of(const struct lock *wanted)
{
    size_t i = 0;
    while (insides[i].lock != wanted) {
        i++;
    }
    return &insides[i].threads;
}

static void be_inside(struct lock *taken_lock)
{
    unsigned *inside = inside_of(taken_lock);
    lock_acquire(taken_lock);
    /* A lock without a mark could not be told from one of the program's first thread, alone. */
    schedule_expect((taken_lock->word & LOCK_TAKEN) != 0);
    schedule_expect((*inside)++ == 0);
    schedule_point();
    schedule_expect(--*inside == 0);
    lock_release(taken_lock);
}

static void expect_nobody_inside(void)
{
    for (size_t i = 0; i < INSIDES; i++) {
        schedule_expect(insides[i].threads == 0);
    }
}

static void enter_once(void)
{
    be_inside(&lock);
}

static void enter_twice(void)
{
    be_inside(&lock);
    be_inside(&lock);
}

static void verify_lock(void)
{
    schedule_expect(lock.word == 0);
}

/* ---- The depot: each batch is in one place, and what is reserved is what lies there ---- */

/* So many batches that nobody asked for make the shelf give one back for each that comes. */
#define UNASKED 8

static unsigned batches_in_play;

static void prepare_depot(unsigned before)
{
    put_everything_back();
    for (batches_in_play = 0; batches_in_play < before; batches_in_play++) {
        brkm__depot_put(SLOT, batch_of(batches_in_play));
    }
}

static void prepare_depot_of_one(void)
{
    prepare_depot(1);
    batches_in_play = 4;
}

static void prepare_unasked_depot(void)
{
    prepare_depot(UNASKED);
    batches_in_play = UNASKED + 3;
}

static void put(unsigned slot, unsigned number)
{
    brkm__depot_put(slot, batch_of(number));
}

static void take_batch(unsigned slot)
{
    struct cached_list batch = brkm__depot_take(&brkm__main_heap, slot);
    if (batch.count != 0) {
        taken[number_of(batch)]++;
    }
}

static void put_two_batches(void)
{
    put(SLOT, batches_in_play - 3);
    put(SLOT, batches_in_play - 2);
}

static void put_last_batch(void)
{
    put(SLOT, batches_in_play - 1);
}

static void take_one(void)
{
    take_batch(SLOT);
}

static void take_two(void)
{
    take_batch(SLOT);
    take_batch(SLOT);
}

/* A thread that ends hands in what it has of each size. */
static void end_thread(void)
{
    put(SLOT, batches_in_play - 3);
    put(OTHER_SLOT, batches_in_play - 2);
}

static void drain_both(void)
{
    while (true) {
        struct cached_list batch = brkm__depot_take(&brkm__main_heap, SLOT);
        if (batch.count == 0) {
            batch = brkm__depot_take(&brkm__main_heap, OTHER_SLOT);
        }
        if (batch.count == 0) {
            return;
        }
        brkm__heaps_free_list(batch);
    }
}

/* All that is reserved, noted or not. */
static size_t idle_bytes_in_depots(void)
{
    size_t bytes = reserved[IDLE_IN_DEPOT].bytes;
    for (unsigned i = 0; i <= BRKM_SIDE_HEAPS_MAX; i++) {
        bytes += (size_t)reserved[IDLE_IN_DEPOT].unnoted[i].bytes;
    }
    return bytes;
}

static void verify_depot(void)
{
    struct depot_totals totals = brkm__depot_totals();
    unsigned elsewhere = 0;
    brkm__depot_drain();
    for (unsigned i = 0; i < batches_in_play; i++) {
        schedule_expect(came_to_heap[i] + taken[i] == 1);
        elsewhere += taken[i];
    }
    schedule_expect(totals.blocks <= (size_t)(batches_in_play - elsewhere) * BLOCKS_PER_BATCH);
    schedule_expect(brkm__depot_totals().bytes == 0);
    schedule_expect(idle_bytes_in_depots() == 0);
}

/* Only the first and the last of the four. */
static void verify_depot_of_two(void)
{
    came_to_heap[1] = came_to_heap[2] = 1;
    verify_depot();
}

/* ---- fork ---- */

static struct {
    void (*prepare)(void);
    void (*parent)(void);
    void (*child)(void);
} handlers;

/* Handlers are kept instead of registered. */
void brkm__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    handlers.prepare = before;
    handlers.parent = parent;
    handlers.child = child;
}

/* A model of glibc's lock on the list of streams, which its owner may take again; and that of one
 * stream. */
static struct owned {
    unsigned depth, owner;
} list_lock, stream_lock;

static void take_owned(struct owned *owned)
{
    schedule_point();
    while (owned->depth != 0 && owned->owner != schedule_self()) {
        schedule_wait(owned);
    }
    owned->owner = schedule_self();
    owned->depth++;
}

static void open_owned(struct owned *owned)
{
    schedule_expect(owned->depth > 0 && owned->owner == schedule_self());
    if (--owned->depth == 0) {
        schedule_wake_one(owned);
    }
    schedule_point();
}

void brkm__os_streams_lock(void)
{
    take_owned(&list_lock);
}

void brkm__os_streams_unlock(void)
{
    open_owned(&list_lock);
}

void brkm__os_streams_reset(void)
{
    list_lock.depth = 0;
}

static void prepare_fork_scenario(void)
{
    prepare_lock();
    memset(&list_lock, 0, sizeof(list_lock));
    memset(&stream_lock, 0, sizeof(stream_lock));
}

static void use_each_lock(void)
{
    be_inside(&main_depot.shelves[SLOT].lock);
    be_inside(&cache_lock);
    be_inside(&brkm__mapped_lock);
    be_inside(&brkm__main_heap.lock);
}

/* Handlers of the program that run between ours may allocate. */
static void pass_a_lock(void)
{
    lock_acquire(&brkm__main_heap.lock);
    schedule_point();
    lock_release(&brkm__main_heap.lock);
}

/* The kernel wipes the page of the mark. */
static void become_child(void)
{
    schedule_forget_others();
    page.lock_mark = 0;
}

/* As glibc's fork: the prepare handlers, the list of streams, the fork itself, the handlers. Parent
 * and child are two schedules. */
static void fork_and_go_on(void)
{
    handlers.prepare();
    expect_nobody_inside();
    pass_a_lock();
    brkm__os_streams_lock();
    if (schedule_choose(2) == 0) {
        brkm__os_streams_unlock();
        handlers.parent();
    } else {
        become_child();
        brkm__os_streams_reset();
        handlers.child();
    }
    use_each_lock();
    /* What our handlers held is whole: in neither process is anything to be settled. */
    schedule_expect(settled_caches + abandoned_heaps + settled_others == 0);
}

/* True when the lock is orphaned; whoever was inside is gone. */
static unsigned leave_orphan(const struct lock *left)
{
    bool orphaned = is_orphaned(left);
    schedule_expect(orphaned || *inside_of(left) == 0);
    *inside_of(left) = 0;
    return orphaned;
}

/* As _Fork: no handler runs. */
static void fork_without_handlers(void)
{
    schedule_point();
    if (schedule_choose(2) != 0) {
        become_child();
        unsigned caches = leave_orphan(&cache_lock);
        leave_orphan(&brkm__mapped_lock);
        unsigned heaps = leave_orphan(&brkm__main_heap.lock);
        leave_orphan(&main_depot.shelves[SLOT].lock);
        use_each_lock();
        schedule_expect(settled_caches == caches);
        schedule_expect(abandoned_heaps == heaps);
        schedule_expect(settled_others == 0);
    }
    use_each_lock();
}

/* A signal handler that forks so, at any point of a thread's way to a lock and out of it; the child
 * comes back from the handler. */
static bool may_be_interrupted;

void model_interrupt(void)
{
    if (may_be_interrupted && schedule_self() == 0 && schedule_choose(2) != 0) {
        may_be_interrupted = false;
        is_alone = true;
        become_child();
        leave_orphan(&brkm__main_heap.lock);
        leave_orphan(&main_depot.shelves[SLOT].lock);
    }
}

static void use_heap_while_interrupted(void)
{
    may_be_interrupted = true;
    be_inside(&brkm__main_heap.lock);
    may_be_interrupted = false;
    use_each_lock();
}

/* In the child of such a fork: locks that another thread of the child takes before anybody settled
 * are none's that is gone. */
static void begin_child(void)
{
    prepare_fork_scenario();
    brkm__main_heap.lock.word = page.lock_mark;
    brkm__mapped_lock.word = page.lock_mark | LOCK_AWAITED;
    page.lock_mark = 0;
    mark_is_watched = true;
}

static void verify_fork(void);

static void verify_child(void)
{
    schedule_expect(abandoned_heaps == 1);
    schedule_expect(settled_caches + settled_others == 0);
    schedule_expect((page.lock_mark & LOCK_TAKEN) != 0);
    verify_fork();
}

static void use_heap_and_shelf(void)
{
    be_inside(&brkm__main_heap.lock);
    be_inside(&main_depot.shelves[SLOT].lock);
}

static void use_caches_and_mapped(void)
{
    be_inside(&cache_lock);
    be_inside(&brkm__mapped_lock);
}

/* A thread begins a side heap as home.c does, and borrows from the main heap. */
static void begin_and_borrow(void)
{
    lock_acquire(&cache_lock);
    struct heap *begun = brkm__heaps_begin(1);
    lock_release(&cache_lock);
    if (begun != NULL) {
        unsigned *inside = inside_of(&begun->lock);
        lock_acquire(&begun->lock);
        schedule_expect((*inside)++ == 0);
        be_inside(&brkm__main_heap.lock);
        schedule_expect(--*inside == 0);
        lock_release(&begun->lock);
    }
}

/* Nobody is in a heap meanwhile, nor in one that just began. */
static void look_at_all_heaps(void)
{
    brkm__heaps_acquire();
    schedule_expect(*inside_of(&brkm__main_heap.lock) == 0);
    schedule_expect(*inside_of(&brkm__side_heaps[0].lock) == 0);
    schedule_point();
    schedule_expect(*inside_of(&brkm__side_heaps[0].lock) == 0);
    brkm__heaps_release();
}

static void verify_heaps(void);

/* getline: a stream's lock, and under it an allocation. */
static void read_a_line(void)
{
    take_owned(&stream_lock);
    be_inside(&brkm__main_heap.lock);
    open_owned(&stream_lock);
}

/* fflush(NULL): the list, and under it each stream. */
static void flush_all_streams(void)
{
    brkm__os_streams_lock();
    take_owned(&stream_lock);
    open_owned(&stream_lock);
    brkm__os_streams_unlock();
}

static void verify_fork(void)
{
    schedule_expect(!brkm__lock_holds_all);
    schedule_expect(!lock_is_taken(&brkm__main_heap.lock));
    schedule_expect(!lock_is_taken(&main_depot.shelves[SLOT].lock));
}

static void verify_heaps(void)
{
    verify_fork();
    schedule_expect(!lock_is_taken(&brkm__side_heaps[0].lock));
    schedule_expect(brkm__side_heaps_used <= 1);
}

/* ---- All of it ---- */

/* Before schedules with so many stops, which most scenarios have at the most and which take long.
 */
#define FEW_STOPS 3

static const struct scenario scenarios[] = {
    {"lock, two threads", prepare_lock, {enter_twice, enter_twice}, verify_lock, 6},
    {"lock, three threads", prepare_lock, {enter_once, enter_twice, enter_once}, verify_lock, 4},
    {"depot, two put and one takes",
     prepare_depot_of_one,
     {put_two_batches, put_last_batch, take_two},
     verify_depot,
     3},
    {"depot, two take and one puts",
     prepare_depot_of_one,
     {take_one, take_two, put_last_batch},
     verify_depot_of_two,
     3},
    {"depot, nobody asked",
     prepare_unasked_depot,
     {put_two_batches, put_last_batch, take_one},
     verify_depot,
     3},
    {"thread's end while others flush and drain",
     prepare_depot_of_one,
     {end_thread, put_last_batch, drain_both},
     verify_depot,
     3},
    {"fork while others hold locks",
     prepare_fork_scenario,
     {fork_and_go_on, use_heap_and_shelf, use_caches_and_mapped},
     verify_fork,
     3},
    {"fork without handlers while others hold locks",
     prepare_fork_scenario,
     {fork_without_handlers, use_heap_and_shelf, use_caches_and_mapped},
     verify_fork,
     3},
    {"a fork without handlers on the way to a lock",
     prepare_fork_scenario,
     {use_heap_while_interrupted, use_heap_and_shelf, use_heap_and_shelf},
     verify_fork,
     3},
    {"threads of a child whose locks are orphaned",
     begin_child,
     {use_heap_and_shelf, use_caches_and_mapped, use_heap_and_shelf},
     verify_child,
     3},
    {"fork while others read and flush streams",
     prepare_fork_scenario,
     {fork_and_go_on, read_a_line, flush_all_streams},
     verify_fork,
     3},
    {"a side heap begins and borrows while others look at all heaps",
     prepare_fork_scenario,
     {begin_and_borrow, look_at_all_heaps, look_at_all_heaps},
     verify_heaps,
     3},
    {"fork while a side heap begins and borrows",
     prepare_fork_scenario,
     {fork_and_go_on, begin_and_borrow, look_at_all_heaps},
     verify_heaps,
     2},
};

#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* Every scenario with at most so many stops, or as many as it has. */
static unsigned long run_with_stops(unsigned most)
{
    unsigned long all = 0;
    for (size_t i = 0; i < SCENARIOS; i++) {
        struct scenario bounded = scenarios[i];
        bounded.stops = bounded.stops < most ? bounded.stops : most;
        unsigned long count = schedules_of(&bounded);
        printf("%s, %u stops: %lu schedules\n", bounded.name, bounded.stops, count);
        all += count;
    }
    return all;
}

/* With few-stops-first what needs few stops is found in any scenario before others have used up all
 * of theirs. The same schedules are tried in the end. */
int main(int count, char **words)
{
    bool few_stops_first = count == 2 && strcmp(words[1], "few-stops-first") == 0;
    if (count != 1 && !few_stops_first) {
        fputs("usage: schedules [few-stops-first]\n", stderr);
        return 2;
    }
    __libc_single_threaded = false;
    schedule_thread_flag = &brkm__lock_holds_all;
    for (unsigned stops = 0; few_stops_first && stops < FEW_STOPS; stops++) {
        run_with_stops(stops);
    }
    printf("%lu schedules, no violation\n", run_with_stops(UINT_MAX));
    return 0;
}
