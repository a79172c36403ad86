/* SPDX-License-Identifier: MIT
 * The heap maps of replays: the blocks of a trace where each allocator had them. */
#ifndef REPORT_REPLAY_MAPS_H
#define REPORT_REPLAY_MAPS_H

#include "course.h"
#include "page.h"
#include "replayed.h"

struct replay_maps {
    struct course_map *all;
    const char **names;
    size_t count;
};

/* Of the replays that have addresses; files that cannot be read are told and left out. */
void replay_maps_begin(struct replay_maps *maps, const struct replays *replays);
void replay_maps_free(struct replay_maps *maps);

/* The maps of a page: the course's, which is named where there are others, and those that fit to
 * it; the others are told. The result is the caller's to free. */
struct page_map *replay_maps_of_page(const struct replay_maps *maps, const struct course *course,
                                     size_t *count);

#endif
