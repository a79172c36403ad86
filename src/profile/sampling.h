/* SPDX-License-Identifier: MIT
 * Which allocations the heap profile looks at, and how much each of them stands for.
 *
 * Points lie on the bytes that a thread asks for, one after the other, at random: each byte is a
 * point with the same probability, 1 / interval, whatever happened before (a Bernoulli process, the
 * discrete form of Poisson's). A block of `size` bytes that k points fall on stands for k *
 * interval bytes and k * interval / size blocks: on average for as much as was asked for, whatever
 * the sizes are. Blocks of SAMPLING_EXACT intervals or more, which hardly any point would miss, are
 * all looked at and stand for themselves. */
#ifndef BRKMALLOC_PROFILE_SAMPLING_H
#define BRKMALLOC_PROFILE_SAMPLING_H

#include "base/base.h"
#include "malloc/watcher.h"

/* Intervals. Blocks this large are hit anyway but for one in 54 (e^4); looking at all of them costs
 * nothing and leaves nothing to chance. */
#define SAMPLING_EXACT 4

/* Bytes between two points on average. Before the first count. */
void brkm__sampling_begin(size_t interval);

/* What a block of `size` bytes stands for that did not pass. */
struct sample_weight brkm__sampling_count(size_t size);

/* The same for any block, in threads for which watch_passes is never to be true. */
struct sample_weight brkm__sampling_count_apart(size_t size);

/* In the child of a fork: its points are others than its parent's. */
void brkm__sampling_forget(void);

/* ---- For tests ---- */

/* -log2(number / 2^64) in units of 2^-32, rounded down to such a unit; `number` is not 0. */
uint64_t brkm__sampling_minus_log2(uint64_t number);

#endif
