/* SPDX-License-Identifier: MIT
 * See events.h. */
#include "events.h"

#include <stdio.h>
#include <stdlib.h>

#define TABLE_CAPACITY_MIN 1024

/* ---- Live blocks by address ---- */

static size_t place_of(const struct block_table *table, uint64_t address)
{
    uint64_t mixed = trace_rotate_address(address) * 0x9e3779b97f4a7c15u;
    size_t place = (size_t)(mixed ^ mixed >> 32) & (table->capacity - 1);
    while (table->blocks[place].address != 0 && table->blocks[place].address != address) {
        place = (place + 1) & (table->capacity - 1);
    }
    return place;
}

static bool table_grow(struct block_table *table)
{
    struct block_table old = *table;
    table->capacity = old.capacity == 0 ? TABLE_CAPACITY_MIN : old.capacity * 2;
    table->blocks = calloc(table->capacity, sizeof(*table->blocks));
    if (table->blocks == NULL) {
        *table = old;
        return false;
    }
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.blocks[i].address != 0) {
            table->blocks[place_of(table, old.blocks[i].address)] = old.blocks[i];
        }
    }
    free(old.blocks);
    return true;
}

/* Takes a block out; one without address when there is none. */
static struct block table_take(struct block_table *table, uint64_t address)
{
    size_t hole = place_of(table, address);
    struct block taken = table->blocks[hole];
    if (taken.address == 0) {
        return (struct block){.address = 0};
    }
    table->count--;
    /* What follows without a gap is put in anew, so that no search ends at the hole. */
    table->blocks[hole].address = 0;
    size_t place = (hole + 1) & (table->capacity - 1);
    while (table->blocks[place].address != 0) {
        struct block block = table->blocks[place];
        table->blocks[place].address = 0;
        table->blocks[place_of(table, block.address)] = block;
        place = (place + 1) & (table->capacity - 1);
    }
    return taken;
}

static struct block *table_put(struct block_table *table, struct block block)
{
    if (table->count * 2 >= table->capacity && !table_grow(table)) {
        return NULL;
    }
    struct block *place = &table->blocks[place_of(table, block.address)];
    table->count++;
    *place = block;
    return place;
}

/* ---- The lane whose turn it is ---- */

static bool is_free(const struct record *record)
{
    return record->operation >= TRACE_FREE && record->operation <= TRACE_FREE_ALIGNED_SIZED;
}

static uint64_t time_of(const struct lane_head *head)
{
    return head->is_half_done ? head->record.end_ticks : head->record.ticks;
}

/* What gives blocks back comes first among equal times. */
static bool gives_back(const struct lane_head *head)
{
    return is_free(&head->record) ||
           (head->record.operation == TRACE_REALLOC && !head->is_half_done);
}

static bool is_before(const struct events *events, uint32_t left, uint32_t right)
{
    const struct lane_head *a = &events->heads[left];
    const struct lane_head *b = &events->heads[right];
    if (time_of(a) != time_of(b)) {
        return time_of(a) < time_of(b);
    }
    if (gives_back(a) != gives_back(b)) {
        return gives_back(a);
    }
    return left < right;
}

static void sift_down(struct events *events, size_t at)
{
    uint32_t lane = events->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= events->heap_count) {
            break;
        }
        if (child + 1 < events->heap_count &&
            is_before(events, events->heap[child + 1], events->heap[child])) {
            child++;
        }
        if (!is_before(events, events->heap[child], lane)) {
            break;
        }
        events->heap[at] = events->heap[child];
        at = child;
    }
    events->heap[at] = lane;
}

/* Reads the next record of the lane on top and gives the lane its place. */
static bool advance(struct events *events, struct problem *problem)
{
    uint32_t lane = events->heap[0];
    events->heads[lane].is_half_done = false;
    switch (trace_next(events->trace, lane, &events->heads[lane].record, problem)) {
    case READING_PROBLEM:
        return false;
    case READING_END:
        events->heap[0] = events->heap[--events->heap_count];
        break;
    case READING_RECORD:
        break;
    }
    if (events->heap_count > 0) {
        sift_down(events, 0);
    }
    return true;
}

static bool no_memory(struct problem *problem)
{
    problem->offset = 0;
    snprintf(problem->text, sizeof(problem->text), "not enough memory to read this trace");
    return false;
}

bool events_begin(struct events *events, struct trace *trace, struct problem *problem)
{
    *events = (struct events){.trace = trace};
    events->heads = calloc(trace->lane_count + 1, sizeof(*events->heads));
    events->heap = calloc(trace->lane_count + 1, sizeof(*events->heap));
    if (events->heads == NULL || events->heap == NULL || !table_grow(&events->live)) {
        return no_memory(problem);
    }
    for (size_t lane = 0; lane < trace->lane_count; lane++) {
        enum reading reading = trace_next(trace, lane, &events->heads[lane].record, problem);
        if (reading == READING_PROBLEM) {
            return false;
        }
        if (reading == READING_RECORD) {
            events->heap[events->heap_count++] = (uint32_t)lane;
        }
    }
    for (size_t at = events->heap_count / 2; at-- > 0;) {
        sift_down(events, at);
    }
    return true;
}

void events_end(struct events *events)
{
    free(events->heads);
    free(events->heap);
    free(events->live.blocks);
}

/* ---- Blocks ---- */

static struct block give_back(struct events *events, uint64_t address)
{
    struct block block = {.address = 0};
    if (address != 0) {
        block = table_take(&events->live, address);
        events->unknown_frees += block.address == 0;
    }
    return block;
}

static bool gain(struct events *events, const struct record *record, struct event *event)
{
    event->lost = table_take(&events->live, record->address);
    events->lost_frees += event->lost.address != 0;
    event->gained = table_put(&events->live, (struct block){.address = record->address,
                                                            .id = ++events->block_count,
                                                            .size = record->size});
    return event->gained != NULL;
}

/* The second half of a realloc. */
static bool finish_realloc(struct events *events, struct lane_head *head, struct event *event)
{
    struct block old = head->realloc_old;
    if (head->record.address == 0 && head->record.size != 0) { /* failed: the old block stays */
        if (old.address != 0) {
            event->lost = table_take(&events->live, old.address);
            return table_put(&events->live, old) != NULL;
        }
        return true;
    }
    event->freed = old;
    return head->record.address == 0 || gain(events, &head->record, event);
}

static bool apply(struct events *events, struct lane_head *head, struct event *event)
{
    const struct record *record = &head->record;
    if (record->operation == TRACE_REALLOC) {
        return finish_realloc(events, head, event);
    }
    if (is_free(record)) {
        event->freed = give_back(events, record->address);
        return true;
    }
    return record->operation == TRACE_THREAD_END || record->address == 0 ||
           gain(events, record, event);
}

enum reading events_next(struct events *events, struct event *event, struct problem *problem)
{
    struct lane_head *head = NULL;
    for (;;) {
        if (events->heap_count == 0) {
            return READING_END;
        }
        head = &events->heads[events->heap[0]];
        if (head->record.operation != TRACE_REALLOC || head->is_half_done) {
            break;
        }
        head->realloc_old = give_back(events, head->record.old_address);
        head->is_half_done = true;
        sift_down(events, 0);
    }
    const struct record *record = &head->record;
    *event = (struct event){
        .operation = record->operation,
        .thread = record->thread,
        .stack = record->stack,
        .nanoseconds = trace_nanoseconds(events->trace, record->end_ticks),
        .size = record->size,
        .alignment_bits = record->alignment_bits,
        .offset = record->offset,
    };
    if (!apply(events, head, event)) {
        no_memory(problem);
        return READING_PROBLEM;
    }
    return advance(events, problem) ? READING_RECORD : READING_PROBLEM;
}
