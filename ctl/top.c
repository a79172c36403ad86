/* SPDX-License-Identifier: MIT
 * See top.h. */
#include "top.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "screen.h"
#include "sparkline.h"
#include "statistics.h"

/* Classes that a page of plain text shows; a terminal scrolls through all. */
#define CLASSES_SHOWN 20

/* Columns in front of a course, and of a course that are of use at least. */
#define COURSE_START 32
#define COURSE_LEAST 4

/* One look at a process. */
struct look {
    struct statistics statistics;
    size_t resident;
    double time; /* seconds on some clock */
};

/* ---- Numbers as people read them ---- */

#define TEXT_SIZE 32

static const char *bytes_text(char *text, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while ((bytes >= 1024 || bytes <= -1024) && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, TEXT_SIZE - 1, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

/* With a sign; nothing where there is no change. */
static const char *change_text(char *text, double bytes)
{
    if (bytes == 0) {
        return "";
    }
    text[0] = '+';
    bytes_text(bytes > 0 ? text + 1 : text, bytes);
    return text;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

/* ---- Lines ---- */

static double difference(uint64_t now, uint64_t before)
{
    return (double)now - (double)before;
}

/* How often, or how many bytes, per second since the last look. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds <= 0 ? 0 : difference(now, before) / seconds;
}

static void print_memory_line(struct screen *screen, const char *title, uint64_t now,
                              uint64_t before, uint64_t whole)
{
    char size[TEXT_SIZE];
    char change[TEXT_SIZE];
    screen_add(screen, "%-10s %12s %6.1f %% %14s", title, bytes_text(size, (double)now),
               percent(now, whole), change_text(change, difference(now, before)));
}

static void print_memory(struct screen *screen, const struct statistics *now,
                         const struct statistics *before)
{
    print_memory_line(screen, "mapped", now->total, before->total, now->total);
    print_memory_line(screen, "in use", now->in_use, before->in_use, now->total);
    print_memory_line(screen, "cached", now->cached, before->cached, now->total);
    print_memory_line(screen, "free", now->free, before->free, now->total);
    print_memory_line(screen, "overhead", now->overhead, before->overhead, now->total);
}

/* Free bytes between blocks, of all bytes below the heap's top. */
static double fragmentation(const struct statistics *now)
{
    uint64_t holes = now->heap_free > now->top ? now->heap_free - now->top : 0;
    return percent(holes, now->heap > now->top ? now->heap - now->top : 0);
}

static void print_rates(struct screen *screen, const struct statistics *now,
                        const struct statistics *before, double seconds)
{
    char purged[TEXT_SIZE];
    char trimmed[TEXT_SIZE];
    screen_add(screen, "per second: refills %.0f, flushes %.0f, heap blocks out %.0f, in %.0f",
               rate(now->refills, before->refills, seconds),
               rate(now->flushes, before->flushes, seconds),
               rate(now->heap_blocks, before->heap_blocks, seconds),
               rate(now->heap_frees, before->heap_frees, seconds));
    screen_add(screen, "            purged %s, trimmed %s",
               bytes_text(purged, rate(now->purged_bytes, before->purged_bytes, seconds)),
               bytes_text(trimmed, rate(now->trimmed_bytes, before->trimmed_bytes, seconds)));
}

/* ---- The course of memory ---- */

static void print_course(struct screen *screen, const char *title, const struct sparkline *course)
{
    char bars[SPARKLINE_TEXT(SPARKLINE_VALUES)];
    char most[TEXT_SIZE];
    uint64_t largest;
    size_t columns = screen_columns(screen);
    columns = columns < COURSE_START + COURSE_LEAST ? COURSE_LEAST : columns - COURSE_START;
    columns = columns < SPARKLINE_VALUES ? columns : SPARKLINE_VALUES;
    sparkline_text(course, columns, bars, &largest);
    screen_add(screen, "%-9s at most %11s %s", title, bytes_text(most, (double)largest), bars);
}

/* ---- Classes ---- */

static uint64_t class_bytes(const struct class_totals *class)
{
    return class->in_use_bytes + class->cached_bytes + class->free_bytes;
}

static int compare_classes(const void *left, const void *right)
{
    const struct class_totals *const *a = left;
    const struct class_totals *const *b = right;
    uint64_t bytes_a = class_bytes(*a);
    uint64_t bytes_b = class_bytes(*b);
    return bytes_a < bytes_b ? 1 : bytes_a > bytes_b ? -1 : 0;
}

static const struct class_totals *find_class(const struct statistics *statistics, uint64_t size)
{
    static const struct class_totals none;
    for (size_t i = 0; i < statistics->class_count; i++) {
        if (statistics->classes[i].size == size) {
            return &statistics->classes[i];
        }
    }
    return &none;
}

static void print_class(struct screen *screen, const struct class_totals *now,
                        const struct class_totals *before)
{
    char in_use[TEXT_SIZE];
    char change[TEXT_SIZE];
    char cached[TEXT_SIZE];
    char free_text[TEXT_SIZE];
    screen_add(screen, "%12" PRIu64 " %10" PRIu64 " %11s %12s %11s %11s", now->size,
               now->in_use_blocks, bytes_text(in_use, (double)now->in_use_bytes),
               change_text(change, difference(now->in_use_bytes, before->in_use_bytes)),
               bytes_text(cached, (double)now->cached_bytes),
               bytes_text(free_text, (double)now->free_bytes));
}

static void print_classes(struct screen *screen, const struct statistics *now,
                          const struct statistics *before)
{
    const struct class_totals *largest[CLASSES_MAX];
    size_t count = now->class_count;
    size_t shown = screen->draws || count < CLASSES_SHOWN ? count : CLASSES_SHOWN;
    for (size_t i = 0; i < count; i++) {
        largest[i] = &now->classes[i];
    }
    qsort(largest, count, sizeof(largest[0]), compare_classes);
    screen_add(screen, "%12s %10s %11s %12s %11s %11s", "blocks from", "in use", "bytes", "change",
               "cached", "free");
    for (size_t i = 0; i < shown; i++) {
        print_class(screen, largest[i], find_class(before, largest[i]->size));
    }
}

/* ---- Pages ---- */

/* All looks at a process. */
struct watch {
    const struct process *process;
    struct look now, before;
    struct sparkline live, resident;
    struct screen screen;
};

static bool print_page(struct watch *watch)
{
    char resident[TEXT_SIZE];
    char mapped[TEXT_SIZE];
    struct screen *screen = &watch->screen;
    const struct statistics *now = &watch->now.statistics;
    const struct statistics *before = &watch->before.statistics;
    screen_begin_page(screen);
    screen_add(screen, "process %ld (%s), %.1f s, resident %s", (long)watch->process->id,
               watch->process->name, (double)now->age_ms / 1000,
               bytes_text(resident, (double)watch->now.resident));
    print_course(screen, "live", &watch->live);
    print_course(screen, "resident", &watch->resident);
    print_memory(screen, now, before);
    screen_add(screen,
               "fragmentation %.1f %% of the heap below its top; %" PRIu64 " mapped blocks with %s",
               fragmentation(now), now->mapped_blocks,
               bytes_text(mapped, (double)now->mapped_bytes));
    print_rates(screen, now, before, watch->now.time - watch->before.time);
    print_classes(screen, now, before);
    return screen_show(screen);
}

static double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static enum status take_look(struct watch *watch)
{
    struct answer answer;
    enum status status = ask(watch->process, "stats lines", &answer);
    if (status == STATUS_DONE) {
        watch->before = watch->now;
        watch->now.time = clock_seconds();
        watch->now.resident = resident_bytes(watch->process);
        read_statistics(&watch->now.statistics, answer.text);
        sparkline_add(&watch->live, watch->now.statistics.in_use);
        sparkline_add(&watch->resident, watch->now.resident);
        free(answer.text);
    }
    return status;
}

/* Pages and looks in turn, after the first look. */
static enum status show_pages(struct watch *watch, const struct top_view *view)
{
    enum status status = STATUS_DONE;
    for (long i = 1; status == STATUS_DONE; i++) {
        if (!print_page(watch)) {
            complain("cannot write to standard output");
            return STATUS_FAILED;
        }
        if (i == view->count || !screen_wait(&watch->screen, view->seconds)) {
            break;
        }
        status = take_look(watch);
    }
    return status;
}

/* The last word of a process that has ended. */
static void tell_end(const struct watch *watch)
{
    char texts[4][TEXT_SIZE];
    const struct statistics *last = &watch->now.statistics;
    complain(
        "process %ld (%s) has ended; when last seen, %.1f s after its first memory, it had %s in "
        "use of %s mapped, %s resident, and at its peak %s mapped",
        (long)watch->process->id, watch->process->name, (double)last->age_ms / 1000,
        bytes_text(texts[0], (double)last->in_use), bytes_text(texts[1], (double)last->total),
        bytes_text(texts[2], (double)watch->now.resident),
        bytes_text(texts[3], (double)last->peak));
}

enum status show_top(const struct process *process, const struct top_view *view)
{
    static struct watch watch;
    watch.process = process;
    enum status status = take_look(&watch);
    if (status != STATUS_DONE) {
        return status;
    }
    watch.before = watch.now;
    hold_complaints();
    screen_open(&watch.screen, view->batch);
    status = show_pages(&watch, view);
    screen_close(&watch.screen);
    bool has_ended = status == STATUS_NO_PROCESS;
    release_complaints(!has_ended);
    if (has_ended) {
        tell_end(&watch);
    }
    return status;
}
