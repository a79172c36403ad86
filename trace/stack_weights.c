/* SPDX-License-Identifier: MIT
 * See stack_weights.h. */
#include "stack_weights.h"

static bool is_allocation(const struct record *record)
{
    bool is_free = record->operation >= TRACE_FREE && record->operation <= TRACE_FREE_ALIGNED_SIZED;
    return record->address != 0 && !is_free && record->operation != TRACE_THREAD_END;
}

bool stack_weights_add(uint64_t *weights, const struct trace *trace, struct problem *problem)
{
    for (size_t lane = 0; lane < trace->lane_count; lane++) {
        struct record record;
        enum reading reading;
        while ((reading = trace_next(trace, lane, &record, problem)) == READING_RECORD) {
            weights[record.stack] += is_allocation(&record) ? record.size : 0;
        }
        if (reading == READING_PROBLEM) {
            return false;
        }
    }
    return true;
}
