/* SPDX-License-Identifier: MIT
 * See allocator_frames.h. */
#include "allocator_frames.h"

#include <string.h>

/* The library and what is preloaded with it. */
#define LIBRARY_PREFIX "libbrkmalloc"

/* Names of the functions that are called from outside. */
#define PUBLIC_PREFIX "brkm_"

/* Linked statically, the allocator's own functions lie between the sample and the way in; never
 * more than this. */
#define DEPTH_MAX 12

static const char *const ways_in[] = {
    "malloc",           "calloc",         "realloc",         "reallocarray",  "aligned_alloc",
    "memalign",         "posix_memalign", "valloc",          "pvalloc",       "__libc_malloc",
    "__libc_calloc",    "__libc_realloc", "__libc_memalign", "__libc_valloc", "__libc_pvalloc",
    "__posix_memalign", "operator new",   "operator new[]"};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_in_library(const struct profile *profile, const struct profile_location *location)
{
    return location->object != PROFILE_NO_OBJECT &&
           starts_with(profile_name(profile, profile->objects[location->object].base_name),
                       LIBRARY_PREFIX);
}

bool allocator_frames_has_way_in(const char *name)
{
    for (size_t i = 0; i < sizeof(ways_in) / sizeof(ways_in[0]); i++) {
        if (strcmp(name, ways_in[i]) == 0) {
            return true;
        }
    }
    return starts_with(name, PUBLIC_PREFIX);
}

static bool is_way_in(const struct profile *profile, const struct profile_location *location)
{
    const struct profile_frame *outermost =
        &profile->frames[location->first_frame + location->frame_count - 1];
    return allocator_frames_has_way_in(
        profile_name(profile, profile->functions[outermost->function].name));
}

static const struct profile_location *location_at(const struct profile *profile,
                                                  const uint32_t *locations, size_t index)
{
    return &profile->locations[locations[index]];
}

/* The number of locations up to the first way in, when all before it are of the same file. */
static size_t linked_statically(const struct profile *profile, const uint32_t *locations,
                                size_t count)
{
    for (size_t i = 0; i < count && i < DEPTH_MAX; i++) {
        const struct profile_location *location = location_at(profile, locations, i);
        if (location->object != location_at(profile, locations, 0)->object) {
            return 0;
        }
        if (is_way_in(profile, location)) {
            return i + 1;
        }
    }
    return 0;
}

size_t allocator_frames_count(const struct profile *profile, const uint32_t *locations,
                              size_t count)
{
    size_t dropped = linked_statically(profile, locations, count);
    while (dropped < count && (is_in_library(profile, location_at(profile, locations, dropped)) ||
                               is_way_in(profile, location_at(profile, locations, dropped)))) {
        dropped++;
    }
    return dropped == count && count > 0 ? count - 1 : dropped;
}
