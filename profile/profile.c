/* SPDX-License-Identifier: MIT
 * See profile.h. */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "text.h"

const char *const profile_value_names[PROFILE_VALUE_COUNT] = {
    [PROFILE_INUSE_OBJECTS] = "inuse_objects",
    [PROFILE_INUSE_SPACE] = "inuse_space",
    [PROFILE_ALLOC_OBJECTS] = "alloc_objects",
    [PROFILE_ALLOC_SPACE] = "alloc_space",
};

bool profile_value_is_bytes(enum profile_value value)
{
    return value == PROFILE_INUSE_SPACE || value == PROFILE_ALLOC_SPACE;
}

const char *profile_name(const struct profile *profile, uint32_t name)
{
    return name_table_get(&profile->names, name);
}

const char *base_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

void profile_free(struct profile *profile)
{
    name_table_free(&profile->names);
    free(profile->objects);
    free(profile->functions);
    free(profile->frames);
    free(profile->locations);
    free(profile->stack_locations);
    free(profile->samples);
    *profile = (struct profile){.objects = NULL};
}

uint64_t profile_total(const struct profile *profile, enum profile_value value)
{
    uint64_t total = 0;
    for (size_t i = 0; i < profile->sample_count; i++) {
        total = sum_of(total, profile->samples[i].values[value]);
    }
    return total;
}

void profile_read_stack(const struct profile *profile, const struct profile_sample *sample,
                        struct profile_stack *stack)
{
    stack->count = 0;
    for (size_t i = 0; i < sample->location_count; i++) {
        const struct profile_location *location =
            &profile->locations[profile->stack_locations[sample->first + i]];
        for (size_t j = 0; j < location->frame_count; j++) {
            stack->frames =
                memory_grow(stack->frames, stack->count, &stack->capacity, sizeof(*stack->frames));
            stack->frames[stack->count++] = profile->frames[location->first_frame + j];
        }
    }
}
