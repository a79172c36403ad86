/* SPDX-License-Identifier: MIT
 * See replayed.h. */
#include "replayed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../profile/memory.h"

static void add_line(struct replayed *replayed, const char *line)
{
    struct replay_sample sample;
    if (sscanf(line, "sample %" SCNu64 " %*f %*f %*u %" SCNu64 " %" SCNu64, &sample.events,
               &sample.resident_bytes, &sample.break_bytes) == 3) {
        replayed->samples = memory_grow(replayed->samples, replayed->count, &replayed->capacity,
                                        sizeof(*replayed->samples));
        replayed->samples[replayed->count++] = sample;
    }
}

bool replayed_read(struct replayed *replayed, const char *path)
{
    *replayed = (struct replayed){.count = 0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        add_line(replayed, line);
    }
    free(line);
    fclose(file);
    return replayed->count != 0;
}

void replayed_free(struct replayed *replayed)
{
    free(replayed->samples);
}
