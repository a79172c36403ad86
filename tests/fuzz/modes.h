/* SPDX-License-Identifier: MIT
 *
 * The sets of options that the allocator is fuzzed and soaked with, one row each: a name, and what
 * stands in BRKMALLOC. Inputs of the corpus know a mode by its place: new rows come last. Besides
 * these there is the mode drawn, for a set of options that each input draws. long.sh reads the
 * rows, too: one line each. */
#ifndef BRKM_TESTS_FUZZ_MODES_H
#define BRKM_TESTS_FUZZ_MODES_H

/* X(name, options) */
#define FUZZ_MODES(X)                                                  \
    X(standard, "")                                                    \
    X(mapped_always, "mapped_threshold:4k,trim_threshold:0,top_pad:0") \
    X(mapped_never, "mapped_count_max:0")                              \
    X(mapped_few, "mapped_threshold:16k,mapped_count_max:3")           \
    X(purge_always, "purge_threshold:0,trim_threshold:0,top_pad:0")    \
    X(perturb, "perturb:165")                                          \
    X(limit_hard, "limit_hard:8m")                                     \
    X(limits, "limit_soft:1m,limit_hard:24m,mapped_threshold:64k")     \
    X(hardened, "hardened:true")

#endif
