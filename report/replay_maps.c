/* SPDX-License-Identifier: MIT
 * See replay_maps.h. */
#include "replay_maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../profile/memory.h"
#include "../trace/messages.h"

static bool read_addresses(FILE *file, uint64_t **addresses, uint64_t *count)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0) {
        return false;
    }
    *count = (uint64_t)status.st_size / sizeof(**addresses);
    *addresses = memory_zeroed(*count + 1, sizeof(**addresses));
    errno = 0;
    return fread(*addresses, sizeof(**addresses), *count, file) == *count;
}

static void add_map(struct replay_maps *maps, const struct replayed *replayed)
{
    uint64_t *addresses = NULL;
    uint64_t count = 0;
    FILE *file = fopen(replayed->addresses_file, "re");
    bool done = file != NULL && read_addresses(file, &addresses, &count);
    if (!done) {
        fprintf(stderr, "%s: %s: %s\n", program_name, replayed->addresses_file,
                errno != 0 ? strerror(errno) : "the file was cut short");
        free(addresses);
    } else {
        maps->names[maps->count] = replayed->name;
        maps->all[maps->count++] = (struct course_map){.addresses = addresses, .count = count};
    }
    if (file != NULL) {
        fclose(file);
    }
}

void replay_maps_begin(struct replay_maps *maps, const struct replays *replays)
{
    *maps = (struct replay_maps){
        .all = memory_zeroed(replays->count + 1, sizeof(*maps->all)),
        .names = memory_zeroed(replays->count + 1, sizeof(*maps->names)),
    };
    for (size_t i = 0; i < replays->count; i++) {
        const struct replayed *replayed = &replays->all[i];
        if (replayed->name != NULL && replayed->addresses_file != NULL) {
            add_map(maps, replayed);
        }
    }
}

void replay_maps_free(struct replay_maps *maps)
{
    for (size_t i = 0; i < maps->count; i++) {
        free(maps->all[i].addresses);
        picture_free(&maps->all[i].picture);
    }
    free(maps->all);
    free(maps->names);
}

static bool fits(const struct course_map *map, const struct course *course)
{
    return map->count == course->allocations &&
           picture_moments(&map->picture) == picture_moments(&course->picture);
}

struct page_map *replay_maps_of_page(const struct replay_maps *maps, const struct course *course,
                                     size_t *count)
{
    struct page_map *of_page = memory_zeroed(maps->count + 1, sizeof(*of_page));
    of_page[0] = (struct page_map){"the recorded program", &course->picture};
    *count = 1;
    for (size_t i = 0; i < maps->count; i++) {
        if (fits(&maps->all[i], course)) {
            of_page[(*count)++] = (struct page_map){maps->names[i], &maps->all[i].picture};
        } else {
            fprintf(stderr, "%s: the addresses of %s are not those of the trace's blocks\n",
                    program_name, maps->names[i]);
        }
    }
    return of_page;
}
