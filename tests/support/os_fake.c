/* SPDX-License-Identifier: MIT
 * See os_fake.h. */
#define _GNU_SOURCE
#include "os_fake.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system/os.h"
#include "system/os_fault.h"
#include "system/os_loader.h"

/* Bytes of address space. Enough for blocks above 4 GiB. */
#define BREAK_SPACE ((size_t)8 << 30)
#define MAP_SPACE ((size_t)24 << 30)

/* A page of 64 KiB must not be cut by the end of the break's space. */
#define SPACE_ALIGNMENT ((size_t)1 << 20)

#define RANGES_MAX 4096
#define TEXT_MAX (64 * 1024)
#define CREATED_MAX (1024 * 1024)

/* Descriptors of the file that was created, and of the one that is read. */
#define CREATED_DESCRIPTOR 1000
#define READ_DESCRIPTOR 1001

/* What was in the page of the first break before, and what foreign code writes. */
#define DIRT 0xdd
#define FOREIGN 0xf0

struct range {
    uintptr_t start, end;
};

struct ranges {
    size_t count;
    struct range items[RANGES_MAX]; /* ordered by address */
};

struct fake_os fake_os;

static struct {
    size_t page;
    uintptr_t break_start, break_now, break_committed, break_limit;
    size_t raised;
    uintptr_t map_start, map_limit, map_fresh;
    struct ranges foreign, mapped;
    unsigned fail_mask, fail_countdown, failed, failed_kinds;
    bool fail_for_ever;
    size_t text_length;
    char text[TEXT_MAX];
    char created_path[PATH_MAX]; /* empty when there is no file */
    size_t created_length;
    char created_text[CREATED_MAX];
    size_t read_offset; /* in the file that is read */
    int signal_number;
    void (*signal_handler)(int);
    bool dying_is_expected;
    jmp_buf death;
} state = {.page = 4096};

static _Noreturn void violation(const char *what, uintptr_t address)
{
    fprintf(stderr, "fake system: the allocator %s at %#lx\n", what, (unsigned long)address);
    abort();
}

/* ---- Pages ---- */

static uintptr_t page_up(uintptr_t address)
{
    return (address + state.page - 1) / state.page * state.page;
}

static void map_fixed(uintptr_t start, uintptr_t end, int protection)
{
    if (start < end &&
        mmap((void *)start, end - start, protection,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
        perror("fake system: mmap");
        abort();
    }
}

static void commit(uintptr_t start, uintptr_t end)
{
    map_fixed(start, end, PROT_READ | PROT_WRITE);
}

static void decommit(uintptr_t start, uintptr_t end)
{
    map_fixed(start, end, PROT_NONE);
}

/* ---- Sets of ranges ---- */

static void ranges_insert(struct ranges *ranges, uintptr_t start, uintptr_t end)
{
    if (ranges->count == RANGES_MAX) {
        fprintf(stderr, "fake system: too many ranges\n");
        abort();
    }
    size_t i = ranges->count++;
    for (; i > 0 && ranges->items[i - 1].start > start; i--) {
        ranges->items[i] = ranges->items[i - 1];
    }
    ranges->items[i] = (struct range){start, end};
}

static void ranges_delete(struct ranges *ranges, size_t i)
{
    ranges->count--;
    memmove(&ranges->items[i], &ranges->items[i + 1],
            (ranges->count - i) * sizeof(ranges->items[0]));
}

/* Takes [start, end) out of all ranges; returns how many bytes of it were covered. */
static size_t ranges_cut(struct ranges *ranges, uintptr_t start, uintptr_t end)
{
    size_t covered = 0;
    for (size_t i = 0; i < ranges->count;) {
        struct range range = ranges->items[i];
        if (range.end <= start || range.start >= end) {
            i++;
            continue;
        }
        uintptr_t cut_start = range.start > start ? range.start : start;
        uintptr_t cut_end = range.end < end ? range.end : end;
        covered += cut_end - cut_start;
        ranges_delete(ranges, i);
        if (range.start < cut_start) {
            ranges_insert(ranges, range.start, cut_start);
            i++;
        }
        if (cut_end < range.end) {
            ranges_insert(ranges, cut_end, range.end);
        }
    }
    return covered;
}

static bool ranges_meet(const struct ranges *ranges, uintptr_t start, uintptr_t end)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->items[i].start < end && start < ranges->items[i].end) {
            return true;
        }
    }
    return false;
}

/* ---- Control ---- */

void fake_os_start(size_t page_size, size_t break_offset)
{
    static void *reserved;
    size_t space = BREAK_SPACE + MAP_SPACE;
    if (reserved != NULL) {
        munmap(reserved, space + SPACE_ALIGNMENT);
    }
    reserved = mmap(NULL, space + SPACE_ALIGNMENT, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED || page_size % (size_t)sysconf(_SC_PAGESIZE) != 0) {
        perror("fake system: cannot start");
        abort();
    }
    uintptr_t base = (uintptr_t)reserved;
    base = (base + SPACE_ALIGNMENT - 1) / SPACE_ALIGNMENT * SPACE_ALIGNMENT;
    memset(&state, 0, sizeof(state));
    fake_os =
        (struct fake_os){.entropy = 0x0123456789abcdef, .thread_id = 4242, .process_id = 4242};
    fake_os_set_threads(false);
    state.page = page_size;
    /* Nothing lies right below the break, so that a write before the first block is noticed. */
    uintptr_t first_page = base + page_size;
    state.break_start = state.break_now = first_page + break_offset;
    state.break_committed = page_up(state.break_now);
    state.break_limit = base + BREAK_SPACE;
    state.map_start = state.map_fresh = state.break_limit + page_size;
    state.map_limit = base + space;
    commit(first_page, state.break_committed);
    memset((void *)first_page, DIRT, state.break_committed - first_page);
    if (break_offset != 0) {
        memset((void *)first_page, FOREIGN, break_offset);
        ranges_insert(&state.foreign, first_page, state.break_now);
    }
}

void fake_os_fail(unsigned mask, unsigned nth, bool for_ever)
{
    state.fail_mask = mask;
    state.fail_countdown = nth;
    state.fail_for_ever = for_ever;
    state.failed = 0;
    state.failed_kinds = 0;
}

unsigned fake_os_failed(void)
{
    return state.failed;
}

unsigned fake_os_failed_kinds(void)
{
    return state.failed_kinds;
}

/* Counts a call; true when it is to fail. */
static bool fails(enum fake_call call)
{
    fake_os.calls[call]++;
    if ((state.fail_mask & FAKE_ONLY(call)) == 0 || state.fail_countdown == 0) {
        return false;
    }
    if (state.fail_countdown > 1) {
        state.fail_countdown--;
        return false;
    }
    if (!state.fail_for_ever) {
        state.fail_countdown = 0;
    }
    state.failed++;
    state.failed_kinds |= FAKE_ONLY(call);
    return true;
}

/* True when the allocator may not have `more` bytes. A call that is refused counts as failed. */
static bool is_past_limit(enum fake_call call, size_t more)
{
    if (fake_os.memory_limit == 0 ||
        state.raised + fake_os_mapped_bytes() + more <= fake_os.memory_limit) {
        return false;
    }
    state.failed++;
    state.failed_kinds |= FAKE_ONLY(call);
    return true;
}

/* ---- The break ---- */

static bool move_break(intptr_t increment)
{
    uintptr_t moved = state.break_now + (uintptr_t)increment;
    bool overflow = increment > 0 ? moved < state.break_now : moved > state.break_now;
    if (overflow || moved < state.break_start || moved > state.break_limit) {
        return false;
    }
    uintptr_t committed = page_up(moved);
    if (committed > state.break_committed) {
        commit(state.break_committed, committed);
    } else {
        decommit(committed, state.break_committed);
    }
    state.break_committed = committed;
    state.break_now = moved;
    return true;
}

void *fake_os_foreign_sbrk(intptr_t increment)
{
    uintptr_t before = state.break_now;
    if (!move_break(increment)) {
        return OS_SBRK_FAILED;
    }
    if (increment > 0) {
        memset((void *)before, FOREIGN, (size_t)increment);
        ranges_insert(&state.foreign, before, state.break_now);
    } else if (increment < 0) {
        size_t lost = before - state.break_now;
        state.raised -= lost - ranges_cut(&state.foreign, state.break_now, before);
    }
    return (void *)before;
}

bool fake_os_foreign_is_intact(void)
{
    for (size_t i = 0; i < state.foreign.count; i++) {
        for (uintptr_t a = state.foreign.items[i].start; a < state.foreign.items[i].end; a++) {
            if (*(const unsigned char *)a != FOREIGN) {
                return false;
            }
        }
    }
    return true;
}

/* The system's calls come from several threads, under different locks of the allocator's. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static void end_alone(pthread_mutex_t *const *mutex)
{
    pthread_mutex_unlock(*mutex);
}

static void call_hook(void)
{
    if (fake_os.before_call != NULL) {
        fake_os.before_call();
    }
}

/* To the end of the function no other thread is in such a one. */
#define ALONE                                                                          \
    call_hook();                                                                       \
    __attribute__((cleanup(end_alone))) pthread_mutex_t *const alone = &one_at_a_time; \
    pthread_mutex_lock(alone)

void *brkm__os_sbrk(intptr_t increment)
{
    ALONE;
    if (fails(increment == 0  ? FAKE_BREAK_READ
              : increment > 0 ? FAKE_BREAK_RAISE
                              : FAKE_BREAK_LOWER)) {
        return OS_SBRK_FAILED;
    }
    if (increment > 0 && fake_os.race_bytes != 0) {
        fake_os_foreign_sbrk((intptr_t)fake_os.race_bytes);
        fake_os.race_bytes = 0;
    }
    uintptr_t before = state.break_now;
    uintptr_t lowered = before + (uintptr_t)increment;
    if (increment < 0 &&
        (lowered < state.break_start || ranges_meet(&state.foreign, lowered, before))) {
        violation("lowered the break over memory of others", lowered);
    }
    if ((increment > 0 && is_past_limit(FAKE_BREAK_RAISE, (size_t)increment)) ||
        !move_break(increment)) {
        return OS_SBRK_FAILED;
    }
    state.raised += (size_t)increment;
    return (void *)before;
}

uintptr_t fake_os_break(void)
{
    return state.break_now;
}

size_t fake_os_break_raised(void)
{
    return state.raised;
}

/* ---- Mappings ---- */

/* The lowest address with room for `size` bytes; 0 when there is none. */
static uintptr_t place_for(size_t size)
{
    uintptr_t place = fake_os.map_never_reuses ? state.map_fresh : state.map_start;
    if (!fake_os.map_never_reuses) {
        for (size_t i = 0; i < state.mapped.count; i++) {
            if (state.mapped.items[i].start - place >= size) {
                break;
            }
            place = state.mapped.items[i].end;
        }
    }
    if (size > state.map_limit - place) {
        return 0;
    }
    return place;
}

static void begin_mapping(uintptr_t start, uintptr_t end)
{
    ranges_insert(&state.mapped, start, end);
    if (end + state.page > state.map_fresh) {
        state.map_fresh = end + state.page;
    }
}

static void verify_pages(const void *start, size_t size, const char *what)
{
    if (size == 0 || (uintptr_t)start % state.page != 0 || size % state.page != 0) {
        violation(what, (uintptr_t)start);
    }
}

/* Forgets [start, start + size), all of which must be mapped. */
static void cut_mapped(uintptr_t start, size_t size, const char *what)
{
    if (ranges_cut(&state.mapped, start, start + size) != size) {
        violation(what, start);
    }
}

/* A page of the real system, since locks are for real threads. */
/* No low addresses are to be had here. */
bool brkm__os_map_at(void *start, size_t size)
{
    (void)start;
    (void)size;
    return false;
}

void *brkm__os_map_wiped_on_fork(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    call_hook();
    void *page = fake_os.has_no_wiping
                     ? MAP_FAILED
                     : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, size, MADV_WIPEONFORK) != 0) {
        return NULL;
    }
    return page;
}

void *brkm__os_map(size_t size)
{
    ALONE;
    verify_pages(NULL, size, "mapped other than whole pages");
    uintptr_t start;
    if (fails(FAKE_MAP) || size > MAP_SPACE || is_past_limit(FAKE_MAP, size) ||
        (start = place_for(size)) == 0) {
        return NULL;
    }
    commit(start, start + size);
    begin_mapping(start, start + size);
    return (void *)start;
}

void *brkm__os_map_between_guards(size_t size)
{
    char *start = brkm__os_map(size);
    if (start == NULL) {
        return NULL;
    }
    ALONE;
    if (fails(FAKE_PROTECT) || mprotect(start, state.page, PROT_NONE) != 0 ||
        mprotect(start + size - state.page, state.page, PROT_NONE) != 0) {
        commit((uintptr_t)start, (uintptr_t)start + size);
    }
    return start;
}

static bool is_in_map_space(const void *address)
{
    return (uintptr_t)address >= state.map_start && (uintptr_t)address < state.map_limit;
}

bool brkm__os_unmap(void *start, size_t size)
{
    if (!is_in_map_space(start)) {
        return munmap(start, size) == 0;
    }
    ALONE;
    verify_pages(start, size, "unmapped other than whole pages");
    if (fails(FAKE_UNMAP)) {
        return false;
    }
    cut_mapped((uintptr_t)start, size, "unmapped what it had not mapped");
    decommit((uintptr_t)start, (uintptr_t)start + size);
    return true;
}

/* Moves pages, so that tools which watch memory follow them. */
static bool move_whole(uintptr_t from, uintptr_t to, size_t size)
{
    return mremap((void *)from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to) !=
           MAP_FAILED;
}

static void move_pages(uintptr_t from, size_t old_size, uintptr_t to, size_t new_size)
{
    size_t kept = old_size < new_size ? old_size : new_size;
    /* The kernel moves only what it mapped as one; a mapping that grew is several to it. */
    if (!move_whole(from, to, kept)) {
        for (size_t done = 0; done < kept; done += state.page) {
            if (!move_whole(from + done, to + done, state.page)) {
                perror("fake system: mremap");
                abort();
            }
        }
    }
    commit(to + kept, to + new_size);
    decommit(from, from + old_size);
}

void *brkm__os_remap(void *old_start, size_t old_size, size_t new_size)
{
    ALONE;
    uintptr_t start = (uintptr_t)old_start;
    verify_pages(old_start, old_size, "resized other than whole pages");
    verify_pages(old_start, new_size, "resized to other than whole pages");
    if (fails(FAKE_REMAP) || new_size > MAP_SPACE ||
        (new_size > old_size && is_past_limit(FAKE_REMAP, new_size - old_size))) {
        return NULL;
    }
    cut_mapped(start, old_size, "resized what it had not mapped");
    bool fits = new_size <= old_size || (!ranges_meet(&state.mapped, start, start + new_size) &&
                                         start + new_size <= state.map_limit);
    if (fits && !(fake_os.remap_moves && new_size != old_size)) {
        commit(start + old_size, start + new_size);
        decommit(start + new_size, start + old_size);
        begin_mapping(start, start + new_size);
        return old_start;
    }
    begin_mapping(start, start + old_size);
    uintptr_t moved = place_for(new_size);
    if (moved == 0) {
        return NULL;
    }
    move_pages(start, old_size, moved, new_size);
    cut_mapped(start, old_size, "resized what it had not mapped");
    begin_mapping(moved, moved + new_size);
    return (void *)moved;
}

bool brkm__os_protect(void *start, size_t size)
{
    ALONE;
    verify_pages(start, size, "protected other than whole pages");
    if (!fake_os_is_accessible(start, size)) {
        violation("protected what it does not have", (uintptr_t)start);
    }
    return !fails(FAKE_PROTECT) && mprotect(start, size, PROT_NONE) == 0;
}

bool brkm__os_unprotect(void *start, size_t size)
{
    ALONE;
    verify_pages(start, size, "unprotected other than whole pages");
    if (!fake_os_is_accessible(start, size)) {
        violation("unprotected what it does not have", (uintptr_t)start);
    }
    return !fails(FAKE_UNPROTECT) && mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
}

bool brkm__os_discard(void *start, size_t size)
{
    ALONE;
    verify_pages(start, size, "discarded other than whole pages");
    if (!fake_os_is_accessible(start, size)) {
        violation("discarded what it does not have", (uintptr_t)start);
    }
    if (fails(FAKE_DISCARD)) {
        return false;
    }
    if (madvise(start, size, MADV_DONTNEED) != 0) {
        perror("fake system: madvise");
        abort();
    }
    return true;
}

bool brkm__os_discard_guarded(void *start, size_t size)
{
    return brkm__os_discard(start, size);
}

void brkm__os_discard_begin(void)
{
}

void brkm__os_discard_after_fork(void)
{
}

bool brkm__os_advise_huge(void *start, size_t size, bool wanted)
{
    ALONE;
    verify_pages(start, size, "advised other than whole pages");
    if (!fake_os_is_accessible(start, size)) {
        violation("advised what it does not have", (uintptr_t)start);
    }
    if (fails(FAKE_ADVISE)) {
        return false;
    }
    fake_os.advised_wanted += wanted ? size : 0;
    fake_os.advised_refused += wanted ? 0 : size;
    return true;
}

size_t brkm__os_huge_page_size(void)
{
    return fake_os.huge_page_size;
}

void *brkm__os_next_symbol(const char *name)
{
    return fake_os.next_symbol == NULL ? NULL : fake_os.next_symbol(name);
}

size_t fake_os_mapped_bytes(void)
{
    size_t bytes = 0;
    for (size_t i = 0; i < state.mapped.count; i++) {
        bytes += state.mapped.items[i].end - state.mapped.items[i].start;
    }
    return bytes;
}

size_t fake_os_mapped_count(void)
{
    return state.mapped.count;
}

bool fake_os_is_accessible(const void *memory, size_t size)
{
    uintptr_t start = (uintptr_t)memory / state.page * state.page;
    uintptr_t end = page_up((uintptr_t)memory + size);
    if (start >= state.break_start / state.page * state.page && end <= state.break_committed) {
        return true;
    }
    uintptr_t covered = start;
    for (size_t i = 0; i < state.mapped.count; i++) {
        if (state.mapped.items[i].start <= covered && covered < state.mapped.items[i].end) {
            covered = state.mapped.items[i].end;
        }
    }
    return covered >= end;
}

/* ---- The rest of os.h ---- */

size_t brkm__os_resident(const void *start, size_t size)
{
    return start != NULL ? size : SIZE_MAX;
}

bool brkm__os_is_readable(const void *address)
{
    return address != NULL;
}

bool brkm__os_has_unwind_tables(const void *code)
{
    return code != NULL;
}

bool brkm__os_tell_resident(const void *start, size_t size, unsigned char *pages)
{
    verify_pages(start, size, "asked for other than whole pages");
    memset(pages, 1, size / state.page);
    return true;
}

size_t brkm__os_page_size(void)
{
    return state.page;
}

void brkm__os_entropy(struct os_entropy *entropy)
{
    *entropy = (struct os_entropy){.at_start = {fake_os.entropy}, .drawn = {fake_os.entropy_drawn}};
}

bool brkm__os_is_secure_mode(void)
{
    return fake_os.secure_mode;
}

const char *brkm__os_environment(const char *name)
{
    if (strcmp(name, "BRKMALLOC") == 0) {
        return fake_os.environment;
    }
    const char *const *variable = fake_os.variables;
    while (variable != NULL && variable[0] != NULL && strcmp(variable[0], name) != 0) {
        variable += 2;
    }
    return variable == NULL || variable[0] == NULL ? NULL : variable[1];
}

intptr_t brkm__os_read_file(const char *path, char *buffer, size_t size)
{
    if (fake_os.file_path == NULL || strcmp(path, fake_os.file_path) != 0) {
        return -1;
    }
    size_t length = strlen(fake_os.file_text);
    length = length < size ? length : size;
    memcpy(buffer, fake_os.file_text, length);
    return (intptr_t)length;
}

bool brkm__os_read_pieces(const char *path, char *buffer, size_t size,
                          bool (*take)(void *context, const char *piece, size_t length),
                          void *context)
{
    if (fake_os.file_path == NULL || strcmp(path, fake_os.file_path) != 0) {
        return false;
    }
    const char *text = fake_os.file_text;
    size_t length;
    do {
        length = strlen(text) < size ? strlen(text) : size;
        memcpy(buffer, text, length);
        text += length;
    } while (length != 0 && take(context, buffer, length));
    return true;
}

static size_t copy_bounded(char *buffer, size_t size, const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text);
    length = length < size ? length : size;
    memcpy(buffer, text == NULL ? "" : text, length);
    return length;
}

size_t brkm__os_working_directory(char *buffer, size_t size)
{
    return copy_bounded(buffer, size, fake_os.directory);
}

size_t brkm__os_program(char *buffer, size_t size)
{
    return copy_bounded(buffer, size, fake_os.program);
}

int brkm__os_create_file(const char *path)
{
    if (fake_os.create_error != 0) {
        return -fake_os.create_error;
    }
    if (strcmp(path, state.created_path) == 0 ||
        (fake_os.file_path != NULL && strcmp(path, fake_os.file_path) == 0)) {
        return -EEXIST;
    }
    snprintf(state.created_path, sizeof(state.created_path), "%s", path);
    state.created_length = 0;
    return CREATED_DESCRIPTOR;
}

int brkm__os_write(int file, const char *text, size_t length)
{
    if (file != CREATED_DESCRIPTOR || length >= CREATED_MAX - state.created_length) {
        violation("wrote to no file, or too much", (uintptr_t)file);
    }
    if (fake_os.write_error != 0) {
        return fake_os.write_error;
    }
    memcpy(state.created_text + state.created_length, text, length);
    state.created_length += length;
    state.created_text[state.created_length] = '\0';
    return 0;
}

int brkm__os_close(int file)
{
    return file == CREATED_DESCRIPTOR ? fake_os.close_error : 0;
}

void brkm__os_remove_file(const char *path)
{
    if (strcmp(path, state.created_path) != 0) {
        violation("removed a file that is not its own", 0);
    }
    state.created_path[0] = '\0';
}

int brkm__os_open_file(const char *path)
{
    state.read_offset = 0;
    return fake_os.file_path != NULL && strcmp(path, fake_os.file_path) == 0 ? READ_DESCRIPTOR : -1;
}

size_t brkm__os_read(int file, char *buffer, size_t size)
{
    (void)file;
    size_t length = copy_bounded(buffer, size, fake_os.file_text + state.read_offset);
    state.read_offset += length;
    return length;
}

uint64_t brkm__os_time(void)
{
    return fake_os.time;
}

const char *brkm__os_error_text(int error)
{
    return strerror(error);
}

bool brkm__os_handle_signal(int number, void (*handler)(int number))
{
    if (fake_os.signal_in_use) {
        return false;
    }
    state.signal_number = number;
    state.signal_handler = handler;
    return true;
}

void brkm__os_replace_symbol(const char *name, void *function, void *replacement)
{
    (void)name;
    (void)function;
    (void)replacement;
}

bool brkm__os_can_find_objects(void)
{
    return !fake_os.no_objects;
}

bool brkm__os_find_object(const void *address, struct os_object *object)
{
    *object = fake_os.object;
    return (uintptr_t)address - object->start < object->end - object->start;
}

void brkm__os_each_object(void (*see)(const void *address))
{
    if (fake_os.object.end != 0) {
        see((const void *)fake_os.object.start);
    }
}

bool brkm__os_file_status(const char *path, struct os_file_status *status)
{
    *status = fake_os.file_status;
    return fake_os.file_path != NULL && path[0] == '/' && status->inode != 0;
}

struct os_symbol brkm__os_find_symbol(const void *address)
{
    (void)address;
    return (struct os_symbol){.function = NULL};
}

const char *fake_os_created_path(void)
{
    return state.created_path[0] == '\0' ? NULL : state.created_path;
}

const char *fake_os_created_text(void)
{
    return state.created_path[0] == '\0' ? NULL : state.created_text;
}

void (*fake_os_signal_handler(int number))(int)
{
    return number == state.signal_number ? state.signal_handler : NULL;
}

uint64_t brkm__os_milliseconds(void)
{
    return fake_os.milliseconds;
}

uint64_t brkm__os_microseconds(void)
{
    static uint64_t looked;
    looked += fake_os.look_takes;
    return fake_os.milliseconds * 1000 + looked;
}

void brkm__os_keep_error_open(void)
{
}

void brkm__os_write_error(const char *text, size_t length)
{
    if (length > TEXT_MAX - 1 - state.text_length) {
        length = TEXT_MAX - 1 - state.text_length;
    }
    memcpy(state.text + state.text_length, text, length);
    state.text_length += length;
    state.text[state.text_length] = '\0';
    void (*written)(void) = fake_os.error_written;
    fake_os.error_written = NULL;
    if (written != NULL) {
        written();
    }
}

const char *fake_os_text(void)
{
    return state.text;
}

void fake_os_forget_text(void)
{
    state.text_length = 0;
    state.text[0] = '\0';
}

int brkm__os_process_id(void)
{
    return fake_os.process_id;
}

unsigned brkm__os_processors(void)
{
    return fake_os.processors != 0 ? fake_os.processors : 2;
}

int brkm__os_thread_id(void)
{
    return fake_os.thread_id;
}

void brkm__os_catch_faults(bool (*explain)(const struct os_fault *fault))
{
    fake_os.explain_fault = explain;
}

void fake_os_set_threads(bool several)
{
    __libc_single_threaded = !several;
}

_Noreturn void brkm__os_abort(void)
{
    if (state.dying_is_expected) {
        longjmp(state.death, 1);
    }
    fputs(state.text, stderr);
    abort();
}

_Noreturn void brkm__os_exit(int status)
{
    exit(status);
}

bool fake_os_dies(void (*function)(void *), void *argument)
{
    state.dying_is_expected = true;
    bool died = setjmp(state.death) != 0;
    if (!died) {
        function(argument);
    }
    state.dying_is_expected = false;
    return died;
}
