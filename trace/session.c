/* SPDX-License-Identifier: MIT
 * See session.h. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "stacks.h"

#define LANE_MAX 65536

/* Programs that one process executes in turn. */
#define FILES_PER_PROCESS_MAX 10000

/* Nanoseconds to measure the counter's speed in at the start; refined with each chunk. */
#define CALIBRATION_NANOSECONDS 20000

/* Digits of a number that the environment has. */
#define DIGITS_MAX 18

/* Descriptors that programs open do not come up to here; they expect low numbers to be theirs. */
#define DESCRIPTOR_MIN 3000

/* Chunks of a file with a limit: a tebibyte. */
#define LIMIT_CHUNKS_MAX ((uint64_t)1 << 24)

#define NO_SLOT UINT32_MAX

/* The part of a limit that stacks may take: they stay, as older events go. */
#define STACKS_SHARE 2

enum state { STATE_UNBORN, STATE_RECORDING, STATE_OFF };

struct session {
    uint32_t lock;
    enum state state;
    uint32_t lane_count;
    uint32_t idle_lane; /* index + 1 of the first; 0: none */
    uint32_t thread_count;
    uint64_t chunk_count;
    uint64_t oldest; /* with a limit: slots from here on, around the end, are older and older */
    struct trace_header *header;
    struct stack_table stacks;
    struct lane stack_lane; /* of the file's chunks of stacks: its window is the last of them */
    uint64_t stack_chunks;
    uint8_t windows[LIMIT_CHUNKS_MAX / 8]; /* a bit for each slot that stays, with a limit */
    _Alignas(64) struct lane lanes[LANE_MAX];
};

/* What a child of a fork keeps. */
static struct {
    char path[PATH_MAX]; /* as given by the user; empty: nothing is to be recorded */
    char own_path[PATH_MAX + 32];
    int descriptor;
    dev_t device;
    ino_t inode;
    uint64_t length_max;
    uint32_t sample;     /* one address in so many; 1: all */
    uint32_t depth;      /* of stacks; 0: none */
    uint64_t chunks_max; /* within the limit; 0: there is none */
    uint32_t generation; /* counts the sessions of this process and its ancestors */
    pthread_key_t key;
} file = {.descriptor = -1};

static struct session *session; /* cleared by the kernel in the child of a fork */
static struct lane no_lane;
static unsigned char zeros[TRACE_CHUNK_BYTES];

__thread struct lane *session_lane __attribute__((tls_model("initial-exec"))) = &no_lane;
bool session_has_counter;
uint32_t session_is_special;
uint32_t session_stack_depth;
uint32_t session_sample_floor;

static __thread struct {
    uint32_t generation; /* of the session that `number` belongs to */
    uint32_t number;
    bool is_busy; /* inside this file: its own calls of malloc are not recorded */
    bool has_ended;
} thread __attribute__((tls_model("initial-exec")));

/* ---- Words to the user ---- */

/* musl has no such function. */
#pragma weak strerrordesc_np

static const char *words_for(int problem)
{
    return strerrordesc_np != NULL ? strerrordesc_np(problem) : NULL;
}

static void complain(const char *what, const char *path, int problem)
{
    char line[PATH_MAX + 256];
    const char *words[] = {"brkmalloc record: ", what, path, ": ", words_for(problem), "\n"};
    size_t length = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t part = words[i] == NULL ? 0 : strlen(words[i]);
        memcpy(line + length, words[i] == NULL ? "" : words[i], part);
        length += part;
    }
    syscall(SYS_write, STDERR_FILENO, line, length);
}

static void stop(const char *what, int problem)
{
    session->state = STATE_OFF;
    complain(what, file.own_path, problem);
}

/* ---- Lock ---- */

static void lock(void)
{
    while (__atomic_exchange_n(&session->lock, 1, __ATOMIC_ACQUIRE) != 0) {
        sched_yield();
    }
}

static void unlock(void)
{
    __atomic_store_n(&session->lock, 0, __ATOMIC_RELEASE);
}

/* ---- The file. System calls by number: libc's functions are points of cancellation. ---- */

static int open_file(const char *path, int flags)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_RDWR | O_CLOEXEC | O_NOCTTY, 0666);
}

static bool is_our_file(int descriptor)
{
    struct stat status;
    return descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_dev == file.device &&
           status.st_ino == file.inode;
}

static void keep_descriptor(int descriptor)
{
    struct rlimit limit = {.rlim_cur = 0};
    getrlimit(RLIMIT_NOFILE, &limit);
    int least = limit.rlim_cur > DESCRIPTOR_MIN ? DESCRIPTOR_MIN : (int)limit.rlim_cur / 2;
    int high = fcntl(descriptor, F_DUPFD_CLOEXEC, least);
    if (high >= 0) {
        syscall(SYS_close, descriptor);
        descriptor = high;
    }
    file.descriptor = descriptor;
}

/* Programs close descriptors that they do not know, and open other files under the same number. */
static bool recover_descriptor(void)
{
    if (is_our_file(file.descriptor)) {
        return true;
    }
    int descriptor = open_file(file.own_path, 0);
    if (!is_our_file(descriptor)) {
        return false;
    }
    keep_descriptor(descriptor);
    return true;
}

static bool write_at(uint64_t offset, const void *bytes, size_t length)
{
    if (!recover_descriptor()) {
        return false;
    }
    if (offset + length > file.length_max) {
        errno = EFBIG;
        return false;
    }
    const unsigned char *from = bytes;
    while (length > 0) {
        long written = syscall(SYS_pwrite64, file.descriptor, from, length, offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        from += written;
        offset += (uint64_t)written;
        length -= (size_t)written;
    }
    return true;
}

static void append_text(char *text, size_t room, const char *more)
{
    size_t length = strlen(text);
    size_t added = strlen(more);
    if (added > room - length - 1) {
        added = room - length - 1;
    }
    memcpy(text + length, more, added);
    text[length + added] = '\0';
}

static void append_number(char *text, size_t room, unsigned long number)
{
    char digits[24];
    size_t at = sizeof(digits);
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    append_text(text, room, digits + at);
}

static void set_own_path(bool with_process)
{
    file.own_path[0] = '\0';
    append_text(file.own_path, sizeof(file.own_path), file.path);
    if (with_process) {
        append_text(file.own_path, sizeof(file.own_path), ".");
        append_number(file.own_path, sizeof(file.own_path), (unsigned long)getpid());
    }
}

/* Whether the file that is there already is of this very process: of a program that it was before
 * it executed the present one. */
static bool is_of_this_process(void)
{
    struct trace_header header;
    int descriptor = open_file(file.own_path, 0);
    long got = descriptor < 0 ? -1
                              : syscall(SYS_pread64, descriptor, &header,
                                        offsetof(struct trace_header, sample), 0);
    if (descriptor >= 0) {
        syscall(SYS_close, descriptor);
    }
    return got == offsetof(struct trace_header, sample) &&
           memcmp(header.magic, TRACE_MAGIC, sizeof(header.magic)) == 0 &&
           header.process == (uint32_t)getpid();
}

/* To FILE.PROCESS-1, or the next number that is free. */
static bool set_aside(void)
{
    char path[sizeof(file.own_path)];
    for (unsigned number = 1; number < FILES_PER_PROCESS_MAX; number++) {
        path[0] = '\0';
        append_text(path, sizeof(path), file.path);
        append_text(path, sizeof(path), ".");
        append_number(path, sizeof(path), (unsigned long)getpid());
        append_text(path, sizeof(path), "-");
        append_number(path, sizeof(path), number);
        if (syscall(SYS_renameat2, AT_FDCWD, file.own_path, AT_FDCWD, path, RENAME_NOREPLACE) ==
            0) {
            return true;
        }
        if (errno != EEXIST) {
            return false;
        }
    }
    return false;
}

/* FILE for the first process, FILE.PROCESS for others. */
static int create_file(void)
{
    int descriptor = -1;
    for (int with_process = 0; with_process <= 1 && descriptor < 0; with_process++) {
        set_own_path(with_process);
        descriptor = open_file(file.own_path, O_CREAT | O_EXCL);
        if (descriptor < 0 && errno == EEXIST && is_of_this_process() && set_aside()) {
            descriptor = open_file(file.own_path, O_CREAT | O_EXCL);
        }
        if (descriptor < 0 && errno != EEXIST) {
            return -1;
        }
    }
    return descriptor;
}

static void read_command_line(char *command)
{
    int descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        long got = syscall(SYS_read, descriptor, command, TRACE_COMMAND_BYTES - 1);
        memset(command + (got > 0 ? got : 0), 0, TRACE_COMMAND_BYTES - (size_t)(got > 0 ? got : 0));
        syscall(SYS_close, descriptor);
    }
}

static void measure_clock(struct trace_header *header)
{
    static uint64_t start; /* CLOCK_MONOTONIC at start_ticks */
    if (header->start_ticks == 0) {
        header->start_unix_nanoseconds = clock_nanoseconds(CLOCK_REALTIME);
        start = clock_nanoseconds(CLOCK_MONOTONIC);
        header->start_ticks = clock_ticks_after(session_has_counter);
        while (clock_nanoseconds(CLOCK_MONOTONIC) - start < CALIBRATION_NANOSECONDS) {
        }
    }
    header->measured_nanoseconds = clock_nanoseconds(CLOCK_MONOTONIC) - start;
    header->measured_ticks = clock_ticks_after(session_has_counter) - header->start_ticks;
}

static uint64_t chunk_offset(uint64_t slot)
{
    return TRACE_HEADER_BYTES + slot * TRACE_CHUNK_BYTES;
}

static bool map_header(void)
{
    if (!write_at(0, zeros, TRACE_HEADER_BYTES)) {
        return false;
    }
    struct trace_header *header =
        mmap(NULL, TRACE_HEADER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0);
    if (header == MAP_FAILED) {
        return false;
    }
    bool is_partial = file.sample > 1 || file.chunks_max != 0;
    header->version = file.depth != 0 ? TRACE_VERSION_STACKS
                      : is_partial    ? TRACE_VERSION_PARTIAL
                                      : TRACE_VERSION;
    header->stack_depth = file.depth;
    header->sample = file.sample > 1 ? file.sample : 0;
    header->limit = file.chunks_max == 0 ? 0 : chunk_offset(file.chunks_max);
    header->header_bytes = TRACE_HEADER_BYTES;
    header->chunk_bytes = TRACE_CHUNK_BYTES;
    header->process = (uint32_t)getpid();
    header->parent_process = (uint32_t)getppid();
    read_command_line(header->command);
    measure_clock(header);
    memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
    session->header = header;
    return true;
}

static void begin(void)
{
    if (is_our_file(file.descriptor)) {
        syscall(SYS_close, file.descriptor); /* that of the process which forked us */
    }
    file.descriptor = -1;
    int descriptor = create_file();
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        stop("nothing is recorded: cannot create ", errno);
        return;
    }
    file.device = status.st_dev;
    file.inode = status.st_ino;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &limit);
    file.length_max = limit.rlim_cur;
    keep_descriptor(descriptor);
    if (!map_header()) {
        stop("nothing is recorded: cannot write ", errno);
        return;
    }
    file.generation++;
    stacks_begin();
    session->state = STATE_RECORDING;
}

/* ---- Chunks ---- */

static void count_chunk(void)
{
    __atomic_store_n(&session->header->chunk_count, ++session->chunk_count, __ATOMIC_RELEASE);
}

static bool is_full(void)
{
    return file.chunks_max != 0 && session->chunk_count >= file.chunks_max;
}

/* A window, or a chunk of stacks. */
static bool is_window(uint64_t slot)
{
    return (session->windows[slot / 8] >> slot % 8 & 1) != 0;
}

/* Takes the oldest chunk that is no window from a full file; NO_SLOT when all are windows. */
static uint32_t take_oldest(void)
{
    for (uint64_t tried = 0; tried < file.chunks_max; tried++) {
        uint64_t slot = session->oldest;
        session->oldest = (slot + 1) % file.chunks_max;
        if (!is_window(slot)) {
            return (uint32_t)slot;
        }
    }
    return NO_SLOT;
}

/* At each moment a reader finds the old chunk, a void one, or the new one as a whole. */
static bool write_chunk(uint64_t slot, const struct trace_chunk *head, const void *records)
{
    static const struct trace_chunk empty = {.magic = TRACE_CHUNK_VOID};
    uint64_t offset = chunk_offset(slot);
    return write_at(offset, &empty, sizeof(empty)) &&
           write_at(offset + sizeof(empty), records, TRACE_CHUNK_ROOM) &&
           (head == NULL || write_at(offset, head, sizeof(*head)));
}

static void seal(struct trace_chunk *chunk)
{
    uint32_t used = chunk->used;
    chunk->sealed = 0;
    chunk->checksum = trace_checksum(chunk, (unsigned char *)(chunk + 1), used);
    __atomic_store_n(&chunk->sealed, used, __ATOMIC_RELEASE);
}

/* Makes the window one of the next serial number. At each moment a reader finds either the old
 * chunk, which also stands at the file's end by now, or an empty one. */
static void renew_window(struct lane *lane)
{
    struct trace_chunk *window = lane->window;
    __atomic_store_n(&window->sealed, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&window->used, 0, __ATOMIC_RELEASE);
    window->checksum = 0;
    window->thread = lane->thread;
    window->start_ticks = lane->ticks;
    __atomic_store_n(&window->serial, window->serial + 1, __ATOMIC_RELEASE);
    lane->cursor = lane_records(lane);
    lane->rotated_address = 0;
}

/* To the file's end, or with a limit in the place of the oldest chunk; where all others are
 * windows, the lane's own records are the oldest. */
static bool copy_window(const struct lane *lane)
{
    if (is_full()) {
        uint32_t slot = take_oldest();
        return slot == NO_SLOT || write_chunk(slot, lane->window, lane->window + 1);
    }
    bool done = write_at(chunk_offset(session->chunk_count), lane->window, TRACE_CHUNK_BYTES);
    if (done) {
        count_chunk();
    }
    return done;
}

static bool flush(struct lane *lane)
{
    seal(lane->window);
    if (!copy_window(lane)) {
        stop("recording ends here: cannot write ", errno);
        return false;
    }
    measure_clock(session->header);
    renew_window(lane);
    return true;
}

static bool take_slot(struct lane *lane)
{
    lane->slot = is_full() ? take_oldest() : (uint32_t)session->chunk_count;
    return lane->slot != NO_SLOT;
}

/* The whole chunk is written before it is mapped: a full disk is an error here, not a signal
 * later. */
static bool map_window(struct lane *lane, uint32_t magic, uint32_t serial)
{
    if (!write_chunk(lane->slot, NULL, zeros)) {
        return false;
    }
    void *window = mmap(NULL, TRACE_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                        file.descriptor, (off_t)chunk_offset(lane->slot));
    if (window == MAP_FAILED) {
        return false;
    }
    lane->window = window;
    lane->window->lane = lane->index;
    lane->window->serial = serial;
    lane->cursor = lane_records(lane);
    __atomic_store_n(&lane->window->magic, magic, __ATOMIC_RELEASE);
    return true;
}

static void count_window(const struct lane *lane)
{
    if (lane->slot == session->chunk_count) {
        count_chunk();
    }
    if (file.chunks_max != 0) {
        session->windows[lane->slot / 8] |= (uint8_t)(1u << lane->slot % 8);
    }
}

/* ---- Stacks ---- */

static bool may_have_more_stacks(void)
{
    return file.chunks_max == 0 || session->stack_chunks < file.chunks_max / STACKS_SHARE;
}

/* A chunk of stacks that is full stays where it is, with its checksum. */
static bool open_stack_window(void)
{
    struct lane *old = &session->stack_lane;
    struct lane new = {.stack = 0};
    uint32_t serial = old->window == NULL ? 0 : old->window->serial + 1;
    if (!may_have_more_stacks() || !take_slot(&new) ||
        !map_window(&new, TRACE_CHUNK_STACKS, serial)) {
        return false;
    }
    count_window(&new);
    if (old->window != NULL) {
        seal(old->window);
        munmap(old->window, TRACE_CHUNK_BYTES);
    }
    session->stack_chunks++;
    *old = new;
    return true;
}

static bool write_stack_record(const unsigned char *record, size_t length)
{
    struct lane *lane = &session->stack_lane;
    const unsigned char *end = (unsigned char *)lane->window + TRACE_CHUNK_BYTES;
    if ((lane->window == NULL || (size_t)(end - lane->cursor) < length) && !open_stack_window()) {
        return false;
    }
    memcpy(lane->cursor, record, length);
    lane->cursor += length;
    __atomic_store_n(&lane->window->used, (uint32_t)(lane->cursor - lane_records(lane)),
                     __ATOMIC_RELEASE);
    return true;
}

static uint32_t add_stack(const struct stack *stack)
{
    int saved = errno;
    lock();
    uint32_t number = session->state == STATE_RECORDING
                          ? stacks_add(&session->stacks, stack, write_stack_record)
                          : 0;
    session->header->lost_stacks += number == 0;
    unlock();
    errno = saved;
    return number;
}

uint32_t session_find_stack(void)
{
    if (thread.is_busy) {
        return 0;
    }
    struct stack stack;
    thread.is_busy = true;
    stacks_take(&stack, session_stack_depth);
    uint32_t number = stacks_find(&session->stacks, &stack);
    if (number == 0) {
        number = add_stack(&stack);
    }
    thread.is_busy = false;
    return number;
}

void session_note_unloading(void)
{
    stacks_doubt();
}

/* ---- Lanes and threads ---- */

static struct lane *new_lane(void)
{
    if (session->lane_count == LANE_MAX) {
        return NULL;
    }
    struct lane *lane = &session->lanes[session->lane_count];
    lane->index = session->lane_count;
    if (!take_slot(lane)) {
        stop("recording ends here: one more thread has no room within the limit of ", EFBIG);
        return NULL;
    }
    if (!map_window(lane, TRACE_CHUNK_MAGIC, 0)) {
        stop("recording ends here: cannot write ", errno);
        return NULL;
    }
    lane->ticks = clock_ticks_after(session_has_counter);
    lane->window->start_ticks = lane->ticks;
    count_window(lane);
    session->lane_count++;
    return lane;
}

static struct lane *take_lane(void)
{
    if (session->idle_lane == 0) {
        return new_lane();
    }
    struct lane *lane = &session->lanes[session->idle_lane - 1];
    session->idle_lane = lane->next_idle;
    return lane;
}

static bool has_room(const struct lane *lane)
{
    return lane->cursor < (unsigned char *)lane->window + TRACE_CHUNK_BYTES - TRACE_RECORD_SLACK;
}

static void note(struct lane *lane, unsigned operation, uint64_t number)
{
    lane_write(lane, (struct call){.operation = operation,
                                   .ticks = clock_ticks_after(session_has_counter),
                                   .address = trace_unrotate_address(lane->rotated_address),
                                   .size = number});
}

/* Gives the calling thread a lane with room for two records: one to name the thread. */
static struct lane *attach(void)
{
    struct lane *lane = take_lane();
    if (lane == NULL || (!has_room(lane) && !flush(lane))) {
        return NULL;
    }
    if (thread.generation != file.generation) {
        thread.generation = file.generation;
        thread.number = ++session->thread_count;
    }
    if (lane->thread != thread.number) {
        lane->thread = thread.number;
        note(lane, TRACE_THREAD, thread.number);
        if (!has_room(lane) && !flush(lane)) {
            return NULL;
        }
    }
    lane->calls_until_clock = 0;
    lane->limit = (unsigned char *)lane->window + TRACE_CHUNK_BYTES - TRACE_RECORD_SLACK;
    return lane;
}

static struct lane *make_room_locked(void)
{
    if (session->state == STATE_UNBORN) {
        begin();
    }
    if (session->state == STATE_OFF) {
        session_lane->limit = NULL;
        return NULL;
    }
    struct lane *lane = session_lane;
    if (lane->limit == NULL) {
        lane = attach();
        if (lane != NULL && !thread.has_ended) {
            session_lane = lane;
        }
        return lane;
    }
    if (!flush(lane)) {
        lane->limit = NULL;
        return NULL;
    }
    return lane;
}

struct lane *session_make_room(void)
{
    if (session == NULL || session->state == STATE_OFF || thread.is_busy) {
        return NULL;
    }
    int saved = errno;
    thread.is_busy = true;
    bool is_first = session_lane == &no_lane && !thread.has_ended;
    lock();
    struct lane *lane = make_room_locked();
    unlock();
    if (is_first && lane != NULL) {
        pthread_setspecific(file.key, (void *)(uintptr_t)1);
    }
    thread.is_busy = false;
    errno = saved;
    return lane;
}

static void leave_lane(struct lane *lane)
{
    lock();
    lane->limit = NULL;
    lane->next_idle = session->idle_lane;
    session->idle_lane = lane->index + 1;
    unlock();
}

void session_give_back(struct lane *lane)
{
    if (lane != session_lane) {
        leave_lane(lane);
    }
}

static void end_thread(void)
{
    struct lane *lane = session_lane;
    thread.has_ended = true;
    session_lane = &no_lane;
    if (lane->limit == NULL) {
        return;
    }
    if (has_room(lane)) {
        note(lane, TRACE_THREAD_END, 0);
    }
    leave_lane(lane);
}

/* Other destructors free, too: the thread has ended for us in the last round that POSIX promises.
 */
static void destroy_thread(void *round)
{
    uintptr_t count = (uintptr_t)round;
    if (count < PTHREAD_DESTRUCTOR_ITERATIONS &&
        pthread_setspecific(file.key, (void *)(count + 1)) == 0) {
        return;
    }
    end_thread();
}

/* ---- Begin and end of the process ---- */

static void set_path(const char *path)
{
    if (path[0] != '/' && getcwd(file.path, sizeof(file.path)) != NULL) {
        append_text(file.path, sizeof(file.path), "/");
    }
    append_text(file.path, sizeof(file.path), path);
}

/* What `brkmalloc record` has checked; anything else counts as 0. */
static uint64_t read_number(const char *name)
{
    const char *text = secure_getenv(name);
    size_t length = text == NULL ? 0 : strspn(text, "0123456789");
    if (length == 0 || length > DIGITS_MAX || text[length] != '\0') {
        return 0;
    }
    uint64_t number = 0;
    for (; *text != '\0'; text++) {
        number = number * 10 + (uint64_t)(*text - '0');
    }
    return number;
}

static void set_sample(uint64_t sample)
{
    file.sample = sample < 1 || sample > TRACE_SAMPLE_MAX ? 1 : (uint32_t)sample;
    session_sample_floor = trace_sample_floor(file.sample);
}

static void set_limit(uint64_t bytes)
{
    if (bytes >= TRACE_LIMIT_MIN) {
        uint64_t chunks = (bytes - TRACE_HEADER_BYTES) / TRACE_CHUNK_BYTES;
        file.chunks_max = chunks < LIMIT_CHUNKS_MAX ? chunks : LIMIT_CHUNKS_MAX;
    }
}

static void set_depth(uint64_t depth)
{
    file.depth = depth > TRACE_DEPTH_MAX ? TRACE_DEPTH_MAX : (uint32_t)depth;
    session_stack_depth = file.depth;
    session_is_special = file.depth != 0 || file.sample > 1;
}

void session_configure(void)
{
    const char *path = secure_getenv("BRKMALLOC_RECORD");
    if (path == NULL || path[0] == '\0') {
        return;
    }
    int saved = errno;
    set_path(path);
    session_has_counter = clock_has_counter();
    set_sample(read_number("BRKMALLOC_RECORD_SAMPLE"));
    set_limit(read_number("BRKMALLOC_RECORD_LIMIT"));
    set_depth(read_number("BRKMALLOC_RECORD_STACKS"));
    void *memory = mmap(NULL, sizeof(struct session), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, sizeof(struct session), MADV_WIPEONFORK) != 0) {
        complain("nothing is recorded: no memory that fork clears for ", file.path, errno);
    } else if (pthread_key_create(&file.key, destroy_thread) == 0) {
        session = memory;
    }
    errno = saved;
}

/* At an orderly end even what stands in windows gets its checksum; where other threads still write,
 * it cannot. */
static void __attribute__((destructor)) seal_windows(void)
{
    if (session == NULL || session->state != STATE_RECORDING) {
        return;
    }
    lock();
    measure_clock(session->header);
    if (session_lane->limit != NULL) {
        seal(session_lane->window);
    }
    for (uint32_t i = session->idle_lane; i != 0; i = session->lanes[i - 1].next_idle) {
        seal(session->lanes[i - 1].window);
    }
    if (session->stack_lane.window != NULL) {
        seal(session->stack_lane.window);
    }
    unlock();
}
