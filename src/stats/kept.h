/* SPDX-License-Identifier: MIT
 * Why free memory that is resident was not given back: the rules of heap/purge.h, told. */
#ifndef BRKMALLOC_STATS_KEPT_H
#define BRKMALLOC_STATS_KEPT_H

#include "base/base.h"
#include "kit/text.h"

/* X(key, words): bytes; together all that is free. Those from `option` on are whole pages. The
 * order is that in which purge.h counts what may stay. */
#define BRKM_KEPT(X)                                                                     \
    X(shared, "on pages that blocks are on, too: goes when they do; who, is told below") \
    X(ends, "beside free memory's own headers, and at ends of regions")                  \
    X(option, "whole pages: an option says that none goes back")                         \
    X(threshold, "whole pages: as many may stay, says the option purge_threshold")       \
    X(share, "whole pages: a sixteenth of what is in use may stay")                      \
    X(regretted, "whole pages: as many were used again soon after they went back")       \
    X(refused, "whole pages: the system did not take them, as of locked memory")         \
    X(waiting, "whole pages: the next free that comes to the heap gives them back")

struct kept {
#define BRKM_KEPT_MEMBER(key, words) uint64_t key;
    BRKM_KEPT(BRKM_KEPT_MEMBER)
#undef BRKM_KEPT_MEMBER
    uint64_t regret_ms; /* until what counts as used again soon is forgotten */
};

/* Parts `whole`, bytes of whole pages, by reason; takes the locks of all heaps. */
void brkm__kept_add_reasons(struct kept *kept, uint64_t whole);

/* The reasons as a table, and what can be done; as members of JSON. */
void brkm__kept_write(struct writer *writer, const struct kept *kept);
void brkm__kept_write_json(struct writer *writer, const struct kept *kept);

#endif
