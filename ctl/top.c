/* SPDX-License-Identifier: MIT
 * See top.h. */
#include "top.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "screen.h"
#include "statistics.h"

/* Lines above the classes, and classes that are shown at most. */
#define HEAD_LINES 9
#define CLASSES_SHOWN 20

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

__attribute__((format(printf, 2, 3))) static void print_line(const struct screen *screen,
                                                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    screen_end_line(screen);
}

static double difference(uint64_t now, uint64_t before)
{
    return (double)now - (double)before;
}

/* How often, or how many bytes, per second since the last look. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds <= 0 ? 0 : difference(now, before) / seconds;
}

static void print_memory_line(const struct screen *screen, const char *title, uint64_t now,
                              uint64_t before, uint64_t whole)
{
    char size[TEXT_SIZE];
    char change[TEXT_SIZE];
    print_line(screen, "%-10s %12s %6.1f %% %14s", title, bytes_text(size, (double)now),
               percent(now, whole), change_text(change, difference(now, before)));
}

static void print_memory(const struct screen *screen, const struct statistics *now,
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

static void print_rates(const struct screen *screen, const struct statistics *now,
                        const struct statistics *before, double seconds)
{
    char purged[TEXT_SIZE];
    char trimmed[TEXT_SIZE];
    print_line(screen,
               "per second: refills %.0f, flushes %.0f, heap blocks out %.0f, in %.0f, "
               "purged %s, trimmed %s",
               rate(now->refills, before->refills, seconds),
               rate(now->flushes, before->flushes, seconds),
               rate(now->heap_blocks, before->heap_blocks, seconds),
               rate(now->heap_frees, before->heap_frees, seconds),
               bytes_text(purged, rate(now->purged_bytes, before->purged_bytes, seconds)),
               bytes_text(trimmed, rate(now->trimmed_bytes, before->trimmed_bytes, seconds)));
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

static void print_class(const struct screen *screen, const struct class_totals *now,
                        const struct class_totals *before)
{
    char in_use[TEXT_SIZE];
    char change[TEXT_SIZE];
    char cached[TEXT_SIZE];
    char free_text[TEXT_SIZE];
    print_line(screen, "%12" PRIu64 " %10" PRIu64 " %11s %12s %11s %11s", now->size,
               now->in_use_blocks, bytes_text(in_use, (double)now->in_use_bytes),
               change_text(change, difference(now->in_use_bytes, before->in_use_bytes)),
               bytes_text(cached, (double)now->cached_bytes),
               bytes_text(free_text, (double)now->free_bytes));
}

static void print_classes(const struct screen *screen, const struct statistics *now,
                          const struct statistics *before)
{
    const struct class_totals *largest[CLASSES_MAX];
    int room = screen_lines(screen) - HEAD_LINES;
    size_t count = now->class_count;
    for (size_t i = 0; i < count; i++) {
        largest[i] = &now->classes[i];
    }
    qsort(largest, count, sizeof(largest[0]), compare_classes);
    print_line(screen, "%12s %10s %11s %12s %11s %11s", "blocks from", "in use", "bytes", "change",
               "cached", "free");
    for (size_t i = 0; i < count && i < CLASSES_SHOWN && (int)i < room; i++) {
        print_class(screen, largest[i], find_class(before, largest[i]->size));
    }
}

/* ---- Pages ---- */

static bool print_page(const struct screen *screen, const struct process *process,
                       const struct look *now, const struct look *before, bool first)
{
    char resident[TEXT_SIZE];
    char mapped[TEXT_SIZE];
    screen_begin_page(screen, first);
    print_line(screen, "process %ld (%s), %.1f s, resident %s", (long)process->id, process->name,
               (double)now->statistics.age_ms / 1000, bytes_text(resident, (double)now->resident));
    print_memory(screen, &now->statistics, &before->statistics);
    print_line(screen,
               "fragmentation %.1f %% of the heap below its top; %" PRIu64 " mapped blocks with %s",
               fragmentation(&now->statistics), now->statistics.mapped_blocks,
               bytes_text(mapped, (double)now->statistics.mapped_bytes));
    print_rates(screen, &now->statistics, &before->statistics, now->time - before->time);
    print_classes(screen, &now->statistics, &before->statistics);
    return screen_end_page(screen);
}

static double clock_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static enum status take_look(const struct process *process, struct look *look)
{
    struct answer answer;
    enum status status = ask(process, "stats lines", &answer);
    if (status == STATUS_DONE) {
        look->time = clock_seconds();
        look->resident = resident_bytes(process);
        read_statistics(&look->statistics, answer.text);
        free(answer.text);
    }
    return status;
}

/* Looks and pages in turn, after the first look. */
static bool show_pages(const struct process *process, const struct top_view *view,
                       const struct screen *screen, struct look looks[2], enum status *status)
{
    bool shown = print_page(screen, process, &looks[0], &looks[0], true);
    for (long i = 1; shown && (view->count == 0 || i < view->count); i++) {
        struct look *now = &looks[i % 2];
        if (!screen_wait(screen, view->seconds)) {
            return true;
        }
        *status = take_look(process, now);
        if (*status != STATUS_DONE) {
            return true;
        }
        shown = print_page(screen, process, now, &looks[(i + 1) % 2], false);
    }
    return shown;
}

enum status show_top(const struct process *process, const struct top_view *view)
{
    static struct look looks[2];
    struct screen screen;
    enum status status = take_look(process, &looks[0]);
    if (status != STATUS_DONE) {
        return status;
    }
    screen_open(&screen, view->batch);
    bool shown = show_pages(process, view, &screen, looks, &status);
    screen_close(&screen);
    if (!shown) {
        complain("cannot write to standard output");
        return STATUS_FAILED;
    }
    return status;
}
