/* SPDX-License-Identifier: MIT
 *
 * What the targets share that run on the allocator itself: each input begins with an allocator that
 * never ran. */
#ifndef BRKM_TESTS_FUZZ_TARGET_H
#define BRKM_TESTS_FUZZ_TARGET_H

/* Puts all of the allocator's variables back to what they were when the first input came, where
 * inputs share a process (a fuzzer's); where each has a process of its own, there is nothing to do.
 * The calling thread must be the only one that has used the allocator since. */
void target_begin(void);

#endif
