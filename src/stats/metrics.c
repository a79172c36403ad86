/* SPDX-License-Identifier: MIT
 * See metrics.h. */
#include "stats/metrics.h"

#include "stats/resident.h"
#include "stats/stats.h"

#define AT(member) offsetof(struct snapshot, member)

/* A sample, and with `type` the family that it begins. */
static const struct metric {
    const char *type, *family;
    const char *suffix, *labels; /* of the sample, behind the family's name */
    size_t offset;
    const char *unit, *help;
} metrics[] = {
    {"gauge", "memory_bytes", "", "{state=\"in_use\"}", AT(memory_in_use), "bytes",
     "Memory from the system, by what it is used for."},
    {NULL, "memory_bytes", "", "{state=\"cached\"}", AT(memory_cached), NULL, NULL},
    {NULL, "memory_bytes", "", "{state=\"free\"}", AT(memory_free), NULL, NULL},
    {NULL, "memory_bytes", "", "{state=\"overhead\"}", AT(memory_overhead), NULL, NULL},
    {"gauge", "memory_peak_bytes", "", "", AT(peak_total), "bytes",
     "The most memory from the system so far."},
    {"gauge", "heap_bytes", "", "", AT(heap_from_system), "bytes",
     "Memory of the heap, without mapped and guarded blocks."},
    {"gauge", "heap_free_bytes", "", "", AT(heap_free), "bytes",
     "Free memory of the heap, its end and pages that were given back included."},
    {"gauge", "blocks", "", "{place=\"heap\"}", AT(in_use_heap_blocks), NULL,
     "Blocks that the program has."},
    {NULL, "blocks", "", "{place=\"mapped\"}", AT(in_use_mapped_blocks), NULL, NULL},
    {NULL, "blocks", "", "{place=\"guarded\"}", AT(in_use_guarded_blocks), NULL, NULL},
    {"counter", "allocations", "_total", "{place=\"heap\"}", AT(served_heap_blocks), NULL,
     "Blocks handed out; what caches serve is not counted."},
    {NULL, "allocations", "_total", "{place=\"mapped\"}", AT(served_mapped_blocks), NULL, NULL},
    {NULL, "allocations", "_total", "{place=\"guarded\"}", AT(served_guarded_blocks), NULL, NULL},
    {"counter", "frees", "_total", "", AT(served_heap_frees), NULL,
     "Blocks that came back to the heap."},
    {"gauge", "thread_caches", "", "", AT(caches_threads), NULL, "Threads that have a cache."},
    {"counter", "cache_refills", "_total", "", AT(caches_refills), NULL,
     "Times that a thread cache took blocks from the heap."},
    {"counter", "cache_flushes", "_total", "", AT(caches_flushes), NULL,
     "Times that a thread cache gave blocks back."},
    {"counter", "purged_bytes", "_total", "", AT(events_purged_bytes), "bytes",
     "Pages inside the heap that were given back."},
    {"counter", "trimmed_bytes", "_total", "", AT(events_trimmed_bytes), "bytes",
     "Memory at the heap's end that was given back."},
    {"counter", "lock_waits", "_total", "{lock=\"heap\"}", AT(locks_heap), NULL,
     "Times that a thread found a lock taken."},
    {NULL, "lock_waits", "_total", "{lock=\"mapped\"}", AT(locks_mapped), NULL, NULL},
    {NULL, "lock_waits", "_total", "{lock=\"guarded\"}", AT(locks_guarded), NULL, NULL},
    {NULL, "lock_waits", "_total", "{lock=\"caches\"}", AT(locks_caches), NULL, NULL},
    {NULL, "lock_waits", "_total", "{lock=\"depot\"}", AT(locks_depot), NULL, NULL},
    {NULL, "lock_waits", "_total", "{lock=\"profile\"}", AT(locks_profile), NULL, NULL},
    {"counter", "locks_taken", "_total", "{lock=\"heap\"}", AT(locks_heap_taken), NULL,
     "Times that a lock was taken while there were other threads."},
    {NULL, "locks_taken", "_total", "{lock=\"depot\"}", AT(locks_depot_taken), NULL, NULL},
    {"gauge", "kernel_bytes", "", "{place=\"objects\"}", AT(kernel_object_bytes), "bytes",
     "Memory of the kernel's family, by what it is used for."},
    {NULL, "kernel_bytes", "", "{place=\"pages\"}", AT(kernel_page_bytes), NULL, NULL},
    {NULL, "kernel_bytes", "", "{place=\"areas\"}", AT(kernel_area_bytes), NULL, NULL},
    {NULL, "kernel_bytes", "", "{place=\"cached\"}", AT(kernel_cached), NULL, NULL},
    {NULL, "kernel_bytes", "", "{place=\"free\"}", AT(kernel_free), NULL, NULL},
    {"gauge", "kernel_objects", "", "", AT(kernel_objects), NULL,
     "Objects of kmalloc and slab caches that the program has."},
    {"gauge", "limit_bytes", "", "{limit=\"soft\"}", AT(limits_soft), "bytes",
     "Limits on memory from the system; 0 where there is none."},
    {NULL, "limit_bytes", "", "{limit=\"hard\"}", AT(limits_hard), NULL, NULL},
    {"counter", "limit_met", "_total", "{limit=\"soft\"}", AT(limits_soft_met), NULL,
     "Times that a limit was met."},
    {NULL, "limit_met", "_total", "{limit=\"hard\"}", AT(limits_hard_met), NULL, NULL},
};

/* "# WORD brkmalloc_FAMILY TEXT" */
static void add_about(struct writer *writer, const char *word, const char *family, const char *text)
{
    brkm__writer_add(writer, word);
    brkm__writer_add(writer, " brkmalloc_");
    brkm__writer_add(writer, family);
    brkm__writer_add(writer, " ");
    brkm__writer_add(writer, text);
    brkm__writer_add(writer, "\n");
}

static void add_metric(struct writer *writer, const struct metric *metric, uint64_t value)
{
    if (metric->type != NULL) {
        add_about(writer, "# TYPE", metric->family, metric->type);
        if (metric->unit != NULL) {
            add_about(writer, "# UNIT", metric->family, metric->unit);
        }
        add_about(writer, "# HELP", metric->family, metric->help);
    }
    brkm__writer_add(writer, "brkmalloc_");
    brkm__writer_add(writer, metric->family);
    brkm__writer_add(writer, metric->suffix);
    brkm__writer_add(writer, metric->labels);
    brkm__writer_add(writer, " ");
    brkm__writer_add_number(writer, value);
    brkm__writer_add(writer, "\n");
}

void brkm__metrics_write(struct writer *writer)
{
    static const struct metric resident = {
        "gauge", "resident_bytes", "", "", 0, "bytes", "Resident memory of the whole process."};
    struct snapshot now = brkm__snapshot_of_counters();
    add_metric(writer, &resident, brkm__resident_bytes());
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        add_metric(writer, &metrics[i],
                   *(const uint64_t *)((const char *)&now + metrics[i].offset));
    }
    brkm__writer_add(writer, "# EOF\n");
    brkm__writer_flush(writer);
}
