/* SPDX-License-Identifier: MIT
 * See statistics.h. The JSON is brkmalloc's own: an object of objects whose members are numbers,
 * and arrays of such objects; no string holds a brace. */
#include "statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The member of an object that begins at `object`, just behind its brace. */
static uint64_t member(const char *object, const char *key)
{
    char quoted[48];
    const char *end = strchr(object, '}');
    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    const char *found = strstr(object, quoted);
    return found == NULL || (end != NULL && found > end)
               ? 0
               : strtoull(found + strlen(quoted), NULL, 10);
}

/* The inside of the object `section`, or an empty text. */
static const char *section_of(const char *text, const char *section)
{
    char opening[48];
    snprintf(opening, sizeof(opening), "\"%s\":{", section);
    const char *found = strstr(text, opening);
    return found == NULL ? "" : found + strlen(opening);
}

static uint64_t number(const char *text, const char *section, const char *key)
{
    return member(section_of(text, section), key);
}

static void read_classes(struct statistics *statistics, const char *text)
{
    const char *array = strstr(text, "\"classes\":[");
    const char *end = array == NULL ? NULL : strchr(array, ']');
    const char *object = array;
    while (end != NULL && statistics->class_count < CLASSES_MAX &&
           (object = strchr(object + 1, '{')) != NULL && object < end) {
        statistics->classes[statistics->class_count++] = (struct class_totals){
            .size = member(object, "size"),
            .in_use_blocks = member(object, "in_use_blocks"),
            .in_use_bytes = member(object, "in_use_bytes"),
            .cached_bytes = member(object, "cached_bytes"),
            .free_blocks = member(object, "free_blocks"),
            .free_bytes = member(object, "free_bytes"),
        };
    }
}

void read_statistics(struct statistics *statistics, const char *text)
{
    *statistics = (struct statistics){
        .age_ms = number(text, "process", "age_ms"),
        .total = number(text, "memory", "total"),
        .in_use = number(text, "memory", "in_use"),
        .cached = number(text, "memory", "cached"),
        .free = number(text, "memory", "free"),
        .overhead = number(text, "memory", "overhead"),
        .heap = number(text, "heap", "from_system"),
        .heap_in_use = number(text, "in_use", "heap_bytes"),
        .heap_free = number(text, "heap", "free"),
        .top = number(text, "heap", "top"),
        .mapped_blocks = number(text, "in_use", "mapped_blocks"),
        .mapped_bytes = number(text, "in_use", "mapped_bytes"),
        .refills = number(text, "caches", "refills"),
        .flushes = number(text, "caches", "flushes"),
        .heap_blocks = number(text, "served", "heap_blocks"),
        .heap_frees = number(text, "served", "heap_frees"),
        .purges = number(text, "events", "purged"),
        .purged_bytes = number(text, "events", "purged_bytes"),
        .trimmed_bytes = number(text, "events", "trimmed_bytes"),
        .grown = number(text, "events", "grown"),
    };
    read_classes(statistics, text);
}
