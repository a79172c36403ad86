/* SPDX-License-Identifier: MIT
 * See player.h.
 *
 * What the replay needs for itself is shared memory: the plan's file, the table of slots and the
 * samples. The kernel counts it apart from private memory, which is the program's: the allocator's
 * and what this executable and its libraries had before they allocated anything. */
#include "player.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../compare/heap_watch.h"
#include "plan.h"

#define STACK_BYTES ((size_t)256 << 10)

/* Turns before a thread that waits for another one sleeps. */
#define WAIT_SPINS 2000

/* Bytes between the places of a block that are written to: each cache line of small blocks, each
 * page of others. */
#define LINE_BYTES 64
#define PAGE_BYTES 4096
#define SMALL_BLOCK_BYTES 1024

/* Milliseconds to wait for threads that have returned to be gone. */
#define THREAD_END_MILLISECONDS 2000

struct slot {
    _Atomic(unsigned char *) memory; /* NULL: no block */
    size_t size;
};

struct measured {
    double seconds;
    uint64_t resident_bytes;
    uint64_t break_bytes;
    struct heap_figures heap; /* zero unless the heap is watched */
};

static struct {
    const unsigned char *file;
    const struct plan_header *header;
    const struct plan_sample *samples;
    struct measured *measured;
    struct slot *slots;
    uint64_t *addresses; /* of the blocks so far; NULL: not wanted */
    uint64_t address_count;
    _Atomic(uint32_t) *events_left; /* of each epoch */
    uint64_t own_bytes;
    uintptr_t first_break;
    struct heap_watch watch;
    int statm;
    double start;
    /* Functions that some allocators lack; NULL then. */
    void *(*memalign)(size_t alignment, size_t size);
    void *(*valloc)(size_t size);
    void *(*pvalloc)(size_t size);
    void (*free_sized)(void *memory, size_t size);
    void (*free_aligned_sized)(void *memory, size_t alignment, size_t size);
} play;

/* Epochs whose events are all done, and how many threads sleep until there are more. */
static _Atomic(uint32_t) epochs_done;
static _Atomic(uint32_t) epoch_sleepers;
static _Atomic(uint32_t) threads_running;

/* What malloc(0) may return, where NULL would mean that the block is not there yet. */
static unsigned char no_bytes;

/* ---- Failures: nothing here may allocate ---- */

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    (void)!write(STDERR_FILENO, "brkmalloc-replay: ", strlen("brkmalloc-replay: "));
    (void)!write(STDERR_FILENO, line, (size_t)length);
    (void)!write(STDERR_FILENO, "\n", 1);
    _exit(1);
}

/* ---- Measuring ---- */

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

uint64_t player_private_bytes(void)
{
    char text[2048];
    int descriptor = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
    ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof(text) - 1);
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    const char *line = strstr(text, "\nAnonymous:");
    return line == NULL ? 0 : strtoull(line + strlen("\nAnonymous:"), NULL, 10) * 1024;
}

/* Resident pages but the shared ones: quick, and on some kernels off by a few dozen pages. */
static uint64_t private_bytes_quickly(void)
{
    char text[128];
    ssize_t length = pread(play.statm, text, sizeof(text) - 1, 0);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    char *at = text;
    strtoull(at, &at, 10);
    uint64_t resident = strtoull(at, &at, 10);
    uint64_t shared = strtoull(at, &at, 10);
    return (resident - shared) * (uint64_t)page_bytes();
}

static struct measured measure(bool exactly)
{
    uint64_t bytes = exactly ? player_private_bytes() : 0;
    if (bytes == 0) {
        bytes = private_bytes_quickly();
    }
    struct heap_figures heap = {0, 0};
    if (play.watch.totals != NULL && !heap_watch_read(&play.watch, &heap)) {
        fail("the pages of the heap cannot be counted");
    }
    uintptr_t end = (uintptr_t)sbrk(0);
    return (struct measured){
        .seconds = clock_seconds() - play.start,
        .resident_bytes = bytes > play.own_bytes ? bytes - play.own_bytes : 0,
        .break_bytes = end > play.first_break ? end - play.first_break : 0,
        .heap = heap,
    };
}

/* ---- Waiting ---- */

static void pause_a_moment(unsigned turn)
{
    if (turn % 64 == 63) {
        sched_yield();
    }
}

static void wait_for_epoch(uint32_t epoch)
{
    uint32_t ahead = (uint32_t)play.header->epochs_ahead;
    uint32_t needed = epoch + 1 > ahead ? epoch + 1 - ahead : 0;
    for (unsigned turn = 0;; turn++) {
        uint32_t done = atomic_load(&epochs_done);
        if (done >= needed) {
            return;
        }
        if (turn < WAIT_SPINS) {
            pause_a_moment(turn);
            continue;
        }
        atomic_fetch_add(&epoch_sleepers, 1);
        syscall(SYS_futex, &epochs_done, FUTEX_WAIT_PRIVATE, done, NULL, NULL, 0);
        atomic_fetch_sub(&epoch_sleepers, 1);
    }
}

/* Marks events of an epoch as done, and epochs as such while all of theirs are. */
static void finish_events(uint32_t epoch, uint32_t count)
{
    if (count == 0 || atomic_fetch_sub(&play.events_left[epoch], count) != count) {
        return;
    }
    bool has_advanced = false;
    uint32_t done = atomic_load(&epochs_done);
    while (done < play.header->epoch_count && atomic_load(&play.events_left[done]) == 0) {
        if (atomic_compare_exchange_strong(&epochs_done, &done, done + 1)) {
            has_advanced = true;
            done++;
        }
    }
    if (has_advanced && atomic_load(&epoch_sleepers) != 0) {
        syscall(SYS_futex, &epochs_done, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
}

/* The block of a slot, once the thread that allocates it has done so; takes it out. */
static unsigned char *take_block(struct slot *slot)
{
    unsigned char *memory = atomic_load_explicit(&slot->memory, memory_order_acquire);
    for (unsigned turn = 0; memory == NULL; turn++) {
        pause_a_moment(turn + WAIT_SPINS);
        sched_yield();
        memory = atomic_load_explicit(&slot->memory, memory_order_acquire);
    }
    atomic_store_explicit(&slot->memory, NULL, memory_order_relaxed);
    return memory == &no_bytes ? NULL : memory;
}

/* ---- Memory ---- */

static unsigned char mark_of(const struct slot *slot)
{
    return (unsigned char)(slot - play.slots) | 1;
}

/* Writes to the bytes from `from` on as a program would, and a mark at both ends. */
static void touch(const struct slot *slot, unsigned char *memory, size_t from, size_t size)
{
    if (play.header->touch == TOUCH_NONE || size == 0) {
        return;
    }
    unsigned char mark = mark_of(slot);
    volatile unsigned char *bytes = memory;
    if (play.header->touch == TOUCH_ALL) {
        size_t step = size <= SMALL_BLOCK_BYTES ? LINE_BYTES : PAGE_BYTES;
        for (size_t i = from; i < size; i += step) {
            bytes[i] = mark;
        }
    }
    bytes[0] = mark;
    if (play.header->touch == TOUCH_ALL || size <= PAGE_BYTES) {
        bytes[size - 1] = mark;
    }
}

static bool has_last_mark(size_t size)
{
    return play.header->touch == TOUCH_ALL || size <= PAGE_BYTES;
}

static void check_marks(const struct slot *slot, const unsigned char *memory, size_t size)
{
    if (play.header->touch == TOUCH_NONE || size == 0 || memory == NULL) {
        return;
    }
    if (memory[0] != mark_of(slot) || (has_last_mark(size) && memory[size - 1] != mark_of(slot))) {
        fail("the contents of a block of %zu bytes changed: blocks overlap", size);
    }
}

/* Only in an exact order, in which a thread goes on when the one before it is done. */
static void note_address(const unsigned char *memory)
{
    if (play.addresses != NULL) {
        play.addresses[play.address_count++] = (uintptr_t)memory;
    }
}

static void put_block(struct slot *slot, unsigned char *memory, size_t from, size_t size)
{
    if (memory == NULL) {
        if (size != 0) {
            fail("the allocator has no block of %zu bytes: %s", size, strerror(errno));
        }
        note_address(NULL);
        memory = &no_bytes;
    } else {
        note_address(memory);
        touch(slot, memory, from, size);
    }
    slot->size = size;
    atomic_store_explicit(&slot->memory, memory, memory_order_release);
}

static void *call_posix_memalign(size_t alignment, size_t size)
{
    void *memory = NULL;
    errno = posix_memalign(&memory, alignment, size);
    return memory;
}

static void *call_memalign(size_t alignment, size_t size)
{
    size_t least = sizeof(void *);
    return play.memalign != NULL ? play.memalign(alignment, size)
                                 : call_posix_memalign(alignment < least ? least : alignment, size);
}

static void *call_pvalloc(size_t size)
{
    size_t page = page_bytes();
    return play.pvalloc != NULL ? play.pvalloc(size)
                                : call_posix_memalign(page, (size + page - 1) & ~(page - 1));
}

static void check_zero(const unsigned char *memory, size_t size)
{
    if (memory != NULL && size != 0 && play.header->touch != TOUCH_NONE &&
        (memory[0] != 0 || (has_last_mark(size) && memory[size - 1] != 0))) {
        fail("calloc returned a block of %zu bytes that is not zero", size);
    }
}

static void allocate(const struct step *step)
{
    size_t size = step->size;
    size_t alignment = (size_t)1 << step->alignment_bits;
    void *memory;
    switch (step->kind) {
    case STEP_CALLOC:
        memory = calloc(1, size);
        check_zero(memory, size);
        break;
    case STEP_ALIGNED_ALLOC:
        memory = aligned_alloc(alignment, size);
        break;
    case STEP_MEMALIGN:
        memory = call_memalign(alignment, size);
        break;
    case STEP_POSIX_MEMALIGN:
        memory = call_posix_memalign(alignment, size);
        break;
    case STEP_VALLOC:
        memory = play.valloc != NULL ? play.valloc(size) : call_posix_memalign(page_bytes(), size);
        break;
    case STEP_PVALLOC:
        memory = call_pvalloc(size);
        break;
    default:
        memory = malloc(size);
        break;
    }
    put_block(&play.slots[step->slot], memory, 0, size);
}

static void resize(const struct step *step)
{
    unsigned char *old = NULL;
    size_t kept = 0;
    if (step->old_slot != PLAN_NO_SLOT) {
        struct slot *slot = &play.slots[step->old_slot];
        old = take_block(slot);
        kept = slot->size < step->size ? slot->size : step->size;
        check_marks(slot, old, slot->size);
    }
    unsigned char *memory = realloc(old, step->size);
    if (memory != NULL && kept != 0 && play.header->touch != TOUCH_NONE &&
        memory[0] != mark_of(&play.slots[step->old_slot])) {
        fail("realloc to %zu bytes lost the block's contents", (size_t)step->size);
    }
    put_block(&play.slots[step->slot], memory, kept, step->size);
}

static void release(const struct step *step)
{
    struct slot *slot = &play.slots[step->slot];
    unsigned char *memory = take_block(slot);
    check_marks(slot, memory, slot->size);
    if (step->kind == STEP_FREE_SIZED && play.free_sized != NULL) {
        play.free_sized(memory, slot->size);
    } else if (step->kind == STEP_FREE_ALIGNED_SIZED && play.free_aligned_sized != NULL) {
        play.free_aligned_sized(memory, (size_t)1 << step->alignment_bits, slot->size);
    } else {
        free(memory);
    }
}

/* ---- Threads ---- */

static void *run_thread(void *number);

static void start_thread(uint32_t number)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&threads_running, 1);
    int problem = pthread_create(&thread, &attributes, run_thread, (void *)(uintptr_t)number);
    if (problem != 0) {
        fail("cannot start thread %" PRIu32 ": %s", number, strerror(problem));
    }
    pthread_attr_destroy(&attributes);
}

static const struct step *segment_at(uint32_t segment)
{
    const unsigned char *start = play.file + (1 + (uint64_t)segment) * PLAN_SEGMENT_BYTES;
    return (const struct step *)(const void *)start;
}

static void change_epoch(const struct step *step)
{
    finish_events(step->old_slot, (uint32_t)step->size);
    if (step->slot != PLAN_NO_SLOT) {
        wait_for_epoch(step->slot);
    }
}

static void run_steps(uint32_t number)
{
    const uint32_t *first =
        (const uint32_t *)(const void *)(play.file + play.header->thread_offset);
    const struct step *step = segment_at(first[number]);
    for (;; step++) {
        switch ((enum step_kind)step->kind) {
        case STEP_REALLOC:
            resize(step);
            break;
        case STEP_FREE:
        case STEP_FREE_SIZED:
        case STEP_FREE_ALIGNED_SIZED:
            release(step);
            break;
        case STEP_EPOCH:
            change_epoch(step);
            break;
        case STEP_THREAD:
            start_thread(step->slot);
            break;
        case STEP_SAMPLE:
            play.measured[step->slot] = measure(play.samples[step->slot].is_peak);
            break;
        case STEP_LINK:
            step = segment_at(step->slot) - 1;
            break;
        case STEP_END:
            return;
        default:
            allocate(step);
            break;
        }
    }
}

static void *run_thread(void *number)
{
    run_steps((uint32_t)(uintptr_t)number);
    if (atomic_fetch_sub(&threads_running, 1) == 1) {
        syscall(SYS_futex, &threads_running, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    }
    return NULL;
}

static void wait_for_threads(void)
{
    uint32_t running;
    while ((running = atomic_load(&threads_running)) != 0) {
        syscall(SYS_futex, &threads_running, FUTEX_WAIT_PRIVATE, running, NULL, NULL, 0);
    }
}

/* Threads that have returned still run destructors, in which allocators give memory back. The
 * folder has a link for itself, one from above and one from each thread. */
static void wait_for_destructors(void)
{
    struct timespec moment = {.tv_nsec = 1000000};
    struct stat status;
    for (int i = 0; i < THREAD_END_MILLISECONDS; i++) {
        if (stat("/proc/self/task", &status) != 0 || status.st_nlink <= 3) {
            return;
        }
        nanosleep(&moment, NULL);
    }
}

/* ---- The whole ---- */

static void stay_quiet(uint64_t milliseconds)
{
    struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000),
                            .tv_nsec = (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static void *shared_memory(uint64_t bytes)
{
    void *memory = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        fail("no memory of %" PRIu64 " bytes for the replay: %s", bytes, strerror(errno));
    }
    return memory;
}

static void map_addresses(void)
{
    size_t bytes = play.header->block_count * sizeof(*play.addresses);
    if (play.header->addresses < 0 || bytes == 0) {
        return;
    }
    int descriptor = (int)play.header->addresses;
    void *file = ftruncate(descriptor, (off_t)bytes) != 0
                     ? MAP_FAILED
                     : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (file == MAP_FAILED) {
        fail("mapping the file of addresses: %s", strerror(errno));
    }
    play.addresses = file;
}

static void map_plan(int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0 || (uint64_t)status.st_size < PLAN_SEGMENT_BYTES) {
        fail("file descriptor %d is no plan", descriptor);
    }
    void *file =
        mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (file == MAP_FAILED) {
        fail("mapping the plan: %s", strerror(errno));
    }
    play.file = file;
    play.header = file;
    if (play.header->magic != PLAN_MAGIC) {
        fail("file descriptor %d is no plan", descriptor);
    }
    play.samples =
        (const struct plan_sample *)(const void *)(play.file + play.header->sample_offset);
}

static const char *library_of(const void *function)
{
    Dl_info info;
    return dladdr(function, &info) != 0 && info.dli_fname != NULL ? info.dli_fname : "?";
}

/* ISO C has no conversion between pointers to data and to functions. */
static const char *library_of_malloc(void)
{
    void *(*function)(size_t size) = malloc;
    const void *address;
    memcpy(&address, &function, sizeof(address));
    return library_of(address);
}

/* Of the allocator that serves malloc: another one's blocks it could not free. */
static void look_up(void *function, const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    if (found != NULL && strcmp(library_of(found), library_of_malloc()) == 0) {
        memcpy(function, &found, sizeof(found));
    }
}

static void prepare(int descriptor, uint64_t own_bytes)
{
    map_plan(descriptor);
    const struct plan_header *header = play.header;
    map_addresses();
    play.own_bytes = own_bytes;
    play.slots = shared_memory(header->slot_count * sizeof(*play.slots));
    play.measured = shared_memory(header->sample_count * sizeof(*play.measured));
    play.events_left = shared_memory(header->epoch_count * sizeof(*play.events_left));
    for (uint64_t i = 0; i < header->epoch_count; i++) {
        uint64_t left = header->event_count - i * header->epoch_events;
        atomic_init(&play.events_left[i],
                    (uint32_t)(left < header->epoch_events ? left : header->epoch_events));
    }
    look_up(&play.memalign, "memalign");
    look_up(&play.valloc, "valloc");
    look_up(&play.pvalloc, "pvalloc");
    look_up(&play.free_sized, "free_sized");
    look_up(&play.free_aligned_sized, "free_aligned_sized");
    if (header->watches_heap && !heap_watch_begin(&play.watch)) {
        fail("--heap: %s serves malloc, not brkmalloc", library_of_malloc());
    }
    play.first_break = heap_first_break();
    play.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
}

static void free_all(void)
{
    for (uint64_t i = 0; i < play.header->slot_count; i++) {
        if (atomic_load(&play.slots[i].memory) != NULL) {
            struct step step = {.kind = STEP_FREE, .slot = (uint32_t)i};
            release(&step);
        }
    }
}

static uint64_t larger(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static struct measured highest(const struct measured *end)
{
    struct measured most = *end;
    for (uint64_t i = 0; i < play.header->sample_count; i++) {
        const struct measured *point = &play.measured[i];
        most.resident_bytes = larger(most.resident_bytes, point->resident_bytes);
        most.break_bytes = larger(most.break_bytes, point->break_bytes);
        most.heap.heap = larger(most.heap.heap, point->heap.heap);
        most.heap.pages = larger(most.heap.pages, point->heap.pages);
    }
    return most;
}

static void print_samples(void)
{
    printf("columns sample events recorded_seconds seconds live_bytes resident_bytes "
           "break_bytes\n");
    for (uint64_t i = 0; i < play.header->sample_count; i++) {
        const struct plan_sample *sample = &play.samples[i];
        const struct measured *point = &play.measured[i];
        printf("sample %" PRIu64 " %.9f %.9f %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", sample->event,
               (double)sample->nanoseconds / 1e9, point->seconds, sample->live_bytes,
               point->resident_bytes, point->break_bytes);
    }
}

static void print_trace_figures(void)
{
    const struct plan_header *header = play.header;
    printf("malloc_from %s\n", library_of_malloc());
    printf("events %" PRIu64 "\n", header->event_count);
    printf("threads %" PRIu64 "\n", header->thread_count);
    printf("allocations %" PRIu64 "\n", header->allocations);
    printf("reallocations %" PRIu64 "\n", header->reallocations);
    printf("frees %" PRIu64 "\n", header->frees);
    printf("unknown_frees %" PRIu64 "\n", header->unknown_frees);
    printf("lost_frees %" PRIu64 "\n", header->lost_frees);
    printf("recorded_seconds %.6f\n", (double)header->recorded_nanoseconds / 1e9);
    printf("peak_live_bytes %" PRIu64 "\n", header->peak_live_bytes);
    printf("end_live_bytes %" PRIu64 "\n", header->end_live_bytes);
}

static void print_heap(const char *point, const struct heap_figures *heap)
{
    if (play.watch.totals != NULL) {
        printf("%s_heap_bytes %zu\n", point, heap->heap);
        printf("%s_pages_bytes %zu\n", point, heap->pages);
    }
}

static int print_figures(const struct measured *end, const struct measured *freed)
{
    static char buffer[1 << 16];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    struct measured most = highest(end);
    print_trace_figures();
    printf("seconds %.6f\n", end->seconds);
    printf("peak_resident_bytes %" PRIu64 "\n", most.resident_bytes);
    printf("end_resident_bytes %" PRIu64 "\n", end->resident_bytes);
    printf("freed_resident_bytes %" PRIu64 "\n", freed->resident_bytes);
    printf("peak_break_bytes %" PRIu64 "\n", most.break_bytes);
    printf("freed_break_bytes %" PRIu64 "\n", freed->break_bytes);
    printf("own_bytes %" PRIu64 "\n", play.own_bytes);
    print_heap("peak", &most.heap);
    print_heap("freed", &freed->heap);
    print_samples();
    if (fflush(stdout) != 0) {
        fail("cannot write the figures: %s", strerror(errno));
    }
    return 0;
}

int player_run(int descriptor, uint64_t own_bytes)
{
    prepare(descriptor, own_bytes);
    play.start = clock_seconds();
    if (play.header->thread_count > 0) {
        run_steps(0);
    }
    wait_for_threads();
    double seconds = clock_seconds() - play.start;
    wait_for_destructors();
    struct measured end = measure(true);
    end.seconds = seconds;
    free_all();
    stay_quiet(play.header->quiet_milliseconds);
    struct measured freed = measure(true);
    return print_figures(&end, &freed);
}
