/* SPDX-License-Identifier: MIT
 * See write.h. */
#include "profile/write.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "kit/options.h"
#include "kit/report.h"
#include "kit/text.h"
#include "profile/frame.h"
#include "profile/records.h"
#include "system/os.h"

#define STANDARD_PATTERN "brkmalloc.%p.%n.heap"

/* Bytes of a path with its zero, as the kernel takes them; and of a line with its end. */
#define PATH_BYTES 4096
#define LINE_BYTES 4096

/* Bytes of an object's path that its line has room for. */
#define OBJECT_PATH_SHOWN (LINE_BYTES - 512)

/* Names by the pattern that are tried where files of earlier processes stand in the way. */
#define NAMES_TRIED 10000

static const char *const reason_words[] = {
    [PROFILE_AT_EXIT] = "exit",
    [PROFILE_AT_PEAK] = "peak",
    [PROFILE_REQUESTED] = "request",
    [PROFILE_SIGNALLED] = "signal",
};

/* Written by the constructor, then under the profile's lock. */
static struct {
    char pattern[PATH_BYTES];
    char path[PATH_BYTES];    /* of the file that is written, or was last */
    char program[PATH_BYTES]; /* its file; as it was when the profile began, like the pattern */
    size_t program_length;
    uint64_t number;     /* of the last name that was tried */
    uint64_t started;    /* seconds since 1970 */
    uint64_t started_ms; /* on the clock that only goes forward */
} file;

/* A signal came while the records were in somebody's hands. Relaxed: the next sample will do. */
static atomic_bool signal_pending;

/* Bytes in use, by estimate, at which the next file is due (option profile_growth). Relaxed: who
 * raises it writes the file. */
static _Atomic(uint64_t) due_at;

/* ---- Names ---- */

/* Text with a bound; `length` past it says that it did not fit. */
struct text {
    char *start;
    size_t length, room;
};

static void add(struct text *text, const char *more, size_t length)
{
    if (text->length + length <= text->room) {
        memcpy(text->start + text->length, more, length);
    }
    text->length += length;
}

static void add_decimal(struct text *text, uint64_t number)
{
    struct line digits = {0};
    brkm__line_add_number(&digits, number);
    add(text, digits.text, digits.length);
}

static void add_program_name(struct text *text)
{
    size_t start = file.program_length;
    while (start > 0 && file.program[start - 1] != '/') {
        start--;
    }
    add(text, file.program + start, file.program_length - start);
}

/* What stands for %letter. */
static void add_directive(struct text *text, char letter)
{
    switch (letter) {
    case 'p':
        add_decimal(text, (uint64_t)brkm__os_process_id());
        break;
    case 'n':
        add_decimal(text, file.number);
        break;
    case 'e':
        add_program_name(text);
        break;
    case '%':
        add(text, "%", 1);
        break;
    default: /* as it stands */
        add(text, "%", 1);
        add(text, &letter, 1);
    }
}

/* Makes file.path of the pattern. False when it is too long. */
static bool make_path(void)
{
    struct text path = {.start = file.path, .room = sizeof(file.path) - 1};
    for (const char *letter = file.pattern; *letter != '\0'; letter++) {
        if (letter[0] == '%' && letter[1] != '\0') {
            add_directive(&path, *++letter);
        } else {
            add(&path, letter, 1);
        }
    }
    if (path.length > path.room) {
        return false;
    }
    file.path[path.length] = '\0';
    return true;
}

/* Where a name has its number, an existing file is passed by. */
static int create_by_pattern(void)
{
    int descriptor = -EEXIST;
    for (unsigned i = 0; descriptor == -EEXIST && i < NAMES_TRIED; i++) {
        file.number++;
        descriptor = make_path() ? brkm__os_create_file(file.path) : -ENAMETOOLONG;
        if (strstr(file.pattern, "%n") == NULL) {
            break;
        }
    }
    return descriptor;
}

static int create(const char *path)
{
    if (path == NULL) {
        return create_by_pattern();
    }
    size_t length = strlen(path);
    if (length >= sizeof(file.path)) {
        return -ENAMETOOLONG;
    }
    memcpy(file.path, path, length + 1);
    return brkm__os_create_file(file.path);
}

/* Adds a path, which counts from the working directory. */
static void add_from_here(struct text *text, const char *path, size_t length)
{
    if (path[0] != '/') {
        text->length = brkm__os_working_directory(text->start, text->room);
        add(text, "/", text->length > 1);
    }
    add(text, path, length);
}

/* file.path is free before a file is written. */
static void note_program(void)
{
    struct text text = {.start = file.program, .room = sizeof(file.program)};
    size_t length = brkm__os_program(file.path, sizeof(file.path));
    if (length != 0) {
        add_from_here(&text, file.path, length);
    }
    file.program_length = min_size(text.length, text.room);
}

bool brkm__profile_file_begin(const char *pattern)
{
    lock_acquire(&brkm__profile_lock);
    file.started = brkm__os_time();
    file.started_ms = brkm__os_milliseconds();
    atomic_store_explicit(&due_at, brkm__option_get(OPTION_profile_growth), memory_order_relaxed);
    note_program();
    pattern = pattern != NULL ? pattern : STANDARD_PATTERN;
    struct text text = {.start = file.pattern, .room = sizeof(file.pattern) - 1};
    add_from_here(&text, pattern, strlen(pattern));
    bool fits = text.length <= text.room;
    file.pattern[fits ? text.length : 0] = '\0';
    lock_release(&brkm__profile_lock);
    return fits;
}

/* ---- Contents ---- */

/* A file that is being written; after an error nothing more is. */
struct output {
    int descriptor;
    int error; /* errno value */
};

static void write_output(void *context, const char *text, size_t length)
{
    struct output *output = context;
    if (output->error == 0) {
        output->error = brkm__os_write(output->descriptor, text, length);
    }
}

/* A line "word number". */
static void add_number_line(struct writer *writer, const char *word, uint64_t number)
{
    brkm__writer_add(writer, word);
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, number);
    brkm__writer_add(writer, "\n");
}

/* Control characters would end the line. */
static void add_path(struct writer *writer, const char *path, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool is_plain = (unsigned char)path[i] >= ' ';
        brkm__writer_add_span(writer, is_plain ? path + i : "?", 1);
    }
}

static void add_program(struct writer *writer)
{
    static const char word[] = "program ";
    brkm__writer_add(writer, word);
    add_path(writer, file.program, min_size(file.program_length, LINE_BYTES - sizeof(word)));
    brkm__writer_add(writer, "\n");
}

/* `number` thousandths as "12.345"; or billionths, with nine digits. */
static void add_fraction(struct writer *writer, uint64_t whole, uint64_t fraction, uint64_t unit)
{
    brkm__writer_add_number(writer, whole);
    brkm__writer_add(writer, ".");
    for (uint64_t worth = unit / 10; worth != 0; worth /= 10) {
        brkm__writer_add_number(writer, fraction / worth % 10);
    }
}

/* Seconds since the profile began. */
static void add_seconds(struct writer *writer, uint64_t time_ms)
{
    uint64_t age = time_ms > file.started_ms ? time_ms - file.started_ms : 0;
    add_fraction(writer, age / 1000, age % 1000, 1000);
}

static void add_head(struct writer *writer, enum profile_reason reason)
{
    brkm__writer_add(writer, "brkmalloc heap profile 2\n");
    add_number_line(writer, "pid", (uint64_t)brkm__os_process_id());
    add_program(writer);
    add_number_line(writer, "interval", max_size(brkm__option_get(OPTION_profile_interval), 1));
    add_number_line(writer, "started", file.started);
    brkm__writer_add(writer, "seconds ");
    add_seconds(writer, brkm__os_milliseconds());
    brkm__writer_add(writer, "\nreason ");
    brkm__writer_add(writer, reason_words[reason]);
    brkm__writer_add(writer, "\n");
}

static void add_sum(struct writer *writer, struct profile_sum sum)
{
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, profile_blocks(sum));
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, sum.bytes);
}

static void add_sample(struct writer *writer, const struct profile_stack *stack)
{
    static const struct profile_sum none = {0, 0};
    bool with_peak = brkm__option_get(OPTION_profile_peak) != 0;
    brkm__writer_add(writer, "sample");
    add_sum(writer, stack->live);
    add_sum(writer, stack->total);
    add_sum(writer, with_peak ? stack->peak : none);
    for (size_t i = 0; i < stack->depth; i++) {
        brkm__writer_add(writer, " ");
        brkm__writer_add_pointer(writer, stack->frames[i]);
        if (profile_stack_objects(stack)[i] != 0) {
            brkm__writer_add(writer, "@");
            brkm__writer_add_number(writer, profile_stack_objects(stack)[i]);
        }
    }
    brkm__writer_add(writer, stack->depth == 0 ? " 0x0\n" : "\n");
}

static void add_hexadecimal(struct writer *writer, uint64_t number)
{
    struct line digits = {0};
    brkm__line_add_pointer(&digits, (const void *)(uintptr_t)number);
    brkm__writer_add_span(writer, digits.text + sizeof("0x") - 1,
                          digits.length - (sizeof("0x") - 1));
}

static void add_build_id(struct writer *writer, const struct profile_object *object)
{
    struct line digits = {0};
    brkm__frame_add_build_id(&digits, object);
    brkm__writer_add_span(writer, digits.text, digits.length);
    brkm__writer_add(writer, object->build_id_length == 0 ? "- " : " ");
}

/* Where the object lay, which file it was, when it was seen first and last, and the file's path. */
static void add_object(struct writer *writer, const struct profile_object *object)
{
    brkm__writer_add_number(writer, object->number);
    brkm__writer_add(writer, " ");
    add_hexadecimal(writer, object->start);
    brkm__writer_add(writer, "-");
    add_hexadecimal(writer, object->end);
    brkm__writer_add(writer, " ");
    add_hexadecimal(writer, object->link_start);
    brkm__writer_add(writer, " ");
    add_hexadecimal(writer, object->device >> 32);
    brkm__writer_add(writer, ":");
    add_hexadecimal(writer, (uint32_t)object->device);
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, object->inode);
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, object->size);
    brkm__writer_add(writer, " ");
    add_fraction(writer, object->changed, object->changed_nanos, 1000000000);
    brkm__writer_add(writer, " ");
    add_seconds(writer, object->first_seen);
    brkm__writer_add(writer, " ");
    add_seconds(writer, object->last_seen);
    brkm__writer_add(writer, " ");
    add_build_id(writer, object);
    add_path(writer, object->path, min_size(object->path_length, OBJECT_PATH_SHOWN));
    brkm__writer_add(writer, "\n");
}

static void add_all(struct writer *writer, enum profile_reason reason,
                    const struct profile_stack *first)
{
    add_head(writer, reason);
    for (const struct profile_stack *stack = first; stack != NULL; stack = stack->next) {
        if (stack->total.bytes != 0) {
            add_sample(writer, stack);
        }
    }
    brkm__writer_add(writer, "objects\n");
    for (const struct profile_object *object = brkm__objects_first(); object != NULL;
         object = object->next) {
        add_object(writer, object);
    }
    brkm__writer_add(writer, "end\n");
    brkm__writer_flush(writer);
}

/* ---- Writing ---- */

/* The lock is held. */
static int write_file(enum profile_reason reason, const char *path,
                      const struct profile_stack *first)
{
    struct output output = {.descriptor = create(path)};
    if (output.descriptor < 0) {
        return -output.descriptor;
    }
    struct writer writer = {.write = write_output, .context = &output};
    add_all(&writer, reason, first);
    int close_error = brkm__os_close(output.descriptor);
    output.error = output.error != 0 ? output.error : close_error;
    if (output.error != 0) {
        brkm__os_remove_file(file.path);
    }
    return output.error;
}

int brkm__profile_file_write(enum profile_reason reason, const char *path)
{
    struct profile_stack *first;
    if (reason != PROFILE_SIGNALLED) {
        first = brkm__profile_read();
    } else if (!brkm__profile_try_read(&first)) {
        return EDEADLK;
    }
    int error = write_file(reason, path, first);
    brkm__profile_read_end();
    return error;
}

void brkm__profile_write_to(brkm_writer write, void *context)
{
    struct writer writer = {.write = write, .context = context};
    add_all(&writer, PROFILE_REQUESTED, brkm__profile_read());
    brkm__profile_read_end();
}

static void complain(int error)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: the heap profile cannot be written to \"");
    brkm__line_add_span(&line, file.path, min_size(strlen(file.path), BRKM_REPORT_LINE / 2));
    brkm__line_add_text(&line, "\": ");
    brkm__line_add_text(&line, brkm__os_error_text(error));
    brkm__line_add_text(&line, "; BRKMALLOC_PROFILE names another file");
    brkm__line_write(&line);
}

void brkm__profile_file_report(enum profile_reason reason)
{
    int error = brkm__profile_file_write(reason, NULL);
    if (error != 0) {
        complain(error);
    }
}

/* ---- What is due ---- */

/* True for one of those who find that a file is due. */
static bool has_grown(void)
{
    size_t step = brkm__option_get(OPTION_profile_growth);
    if (likely(step == 0)) {
        return false;
    }
    uint64_t in_use = brkm__profile_totals().in_use.bytes;
    uint64_t due = atomic_load_explicit(&due_at, memory_order_relaxed);
    return in_use >= due &&
           atomic_compare_exchange_strong_explicit(&due_at, &due, in_use + step,
                                                   memory_order_relaxed, memory_order_relaxed);
}

void brkm__profile_file_on_signal(int number)
{
    (void)number;
    int error = brkm__profile_file_write(PROFILE_SIGNALLED, NULL);
    if (error == EDEADLK) {
        atomic_store_explicit(&signal_pending, true, memory_order_relaxed);
    } else if (error != 0) {
        complain(error);
    }
}

void brkm__profile_file_if_due(void)
{
    if (unlikely(atomic_load_explicit(&signal_pending, memory_order_relaxed)) &&
        atomic_exchange_explicit(&signal_pending, false, memory_order_relaxed)) {
        brkm__profile_file_on_signal(0);
    }
    if (has_grown()) {
        brkm__profile_file_report(PROFILE_AT_PEAK);
    }
}
