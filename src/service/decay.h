/* SPDX-License-Identifier: MIT
 * Decay by time: free memory that is still resident goes back when the program goes quiet
 * (option background). What purge.h does when memory is freed stays as it is; this is for what it
 * leaves: the share of free pages that may stay, and all that a program which cycled its memory
 * keeps.
 *
 * Knows nothing of threads: whoever calls brkm__decay_look does so when it says. */
#ifndef BRKMALLOC_SERVICE_DECAY_H
#define BRKMALLOC_SERVICE_DECAY_H

#include "base/base.h"

/* Milliseconds between two looks. What a program freed goes back one to two of these after its last
 * call. */
#define DECAY_LOOK_MS 250

/* Blocks that may go in and out of the heap between two looks in a program that counts as quiet, if
 * it does not ask again for what was given back: a timer's tick is no work. */
#define DECAY_FEW_CALLS 8

/* What brkm__decay_look returns when there is nothing to do until the alarm rings, which it set. */
#define DECAY_UNTIL_ALARM UINT64_MAX

/* All zero is a good beginning. */
struct decay {
    uint64_t calls; /* of the heap, when last looked at */
};

/* Gives memory back if the program was quiet since the last look. Returns the milliseconds until
 * the next look. Holds up other threads by no more than one step of a purge. */
uint64_t brkm__decay_look(struct decay *decay);

#endif
