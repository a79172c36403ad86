/* SPDX-License-Identifier: MIT
 * See statistics.h. */
#include "statistics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where each number goes that is read. */
static const struct {
    const char *name;
    size_t offset;
} members[] = {
#define MEMBER(name, member)                      \
    {                                             \
        name, offsetof(struct statistics, member) \
    }
    MEMBER("process.age_ms", age_ms),
    MEMBER("memory.total", total),
    MEMBER("memory.in_use", in_use),
    MEMBER("memory.cached", cached),
    MEMBER("memory.free", free),
    MEMBER("memory.overhead", overhead),
    MEMBER("heap.from_system", heap),
    MEMBER("heap.free", heap_free),
    MEMBER("heap.top", top),
    MEMBER("in_use.mapped_blocks", mapped_blocks),
    MEMBER("in_use.mapped_bytes", mapped_bytes),
    MEMBER("peak.total", peak),
    MEMBER("caches.refills", refills),
    MEMBER("caches.flushes", flushes),
    MEMBER("served.heap_blocks", heap_blocks),
    MEMBER("served.heap_frees", heap_frees),
    MEMBER("events.purged_bytes", purged_bytes),
    MEMBER("events.trimmed_bytes", trimmed_bytes),
#undef MEMBER
};

static void read_number(struct statistics *statistics, const char *name, uint64_t number)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (strcmp(name, members[i].name) == 0) {
            memcpy((char *)statistics + members[i].offset, &number, sizeof(number));
        }
    }
}

/* SIZE, then blocks and bytes in use, cached and free. */
static bool read_class(struct statistics *statistics, const char *line)
{
    struct class_totals class;
    int fields = sscanf(
        line, "class %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %" SCNu64 " %" SCNu64 " %" SCNu64,
        &class.size, &class.in_use_blocks, &class.in_use_bytes, &class.cached_bytes,
        &class.free_blocks, &class.free_bytes);
    if (fields == 6 && statistics->class_count < CLASSES_MAX) {
        statistics->classes[statistics->class_count++] = class;
    }
    return fields == 6;
}

void read_statistics(struct statistics *statistics, const char *text)
{
    *statistics = (struct statistics){0};
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        char name[48];
        uint64_t number;
        line += *line == '\n';
        if (!read_class(statistics, line) && sscanf(line, "%47s %" SCNu64, name, &number) == 2) {
            read_number(statistics, name, number);
        }
    }
}
