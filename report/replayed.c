/* SPDX-License-Identifier: MIT
 * See replayed.h. */
#include "replayed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../profile/memory.h"

/* What stands behind the word and a blank; NULL where the line begins otherwise. */
static const char *behind(const char *line, const char *word)
{
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

static struct replayed *add_replay(struct replays *replays, const char *name)
{
    replays->all =
        memory_grow(replays->all, replays->count, &replays->capacity, sizeof(*replays->all));
    struct replayed *replayed = &replays->all[replays->count++];
    *replayed = (struct replayed){.name = name == NULL ? NULL : memory_copy_text(name)};
    return replayed;
}

static bool add_sample(struct replayed *replayed, const char *line)
{
    struct replay_sample sample;
    if (sscanf(line, "sample %" SCNu64 " %*f %*f %*u %" SCNu64 " %" SCNu64, &sample.events,
               &sample.resident_bytes, &sample.break_bytes) != 3) {
        return false;
    }
    replayed->samples = memory_grow(replayed->samples, replayed->count, &replayed->capacity,
                                    sizeof(*replayed->samples));
    replayed->samples[replayed->count++] = sample;
    return true;
}

static void add_figure(struct replayed *replayed, const char *line)
{
    const char *value = behind(line, "seconds");
    if (value != NULL) {
        replayed->seconds = strtod(value, NULL);
    }
#define REPLAY_READ(field, word)                     \
    if ((value = behind(line, word)) != NULL) {      \
        replayed->field = strtoull(value, NULL, 10); \
    }
    REPLAY_FIGURES(REPLAY_READ)
#undef REPLAY_READ
}

static void add_line(struct replays *replays, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    const char *name = behind(line, "allocator");
    if (name != NULL) {
        add_replay(replays, name);
        return;
    }
    struct replayed *replayed =
        replays->count == 0 ? add_replay(replays, NULL) : &replays->all[replays->count - 1];
    const char *failure = behind(line, "failed");
    const char *addresses_file = behind(line, "addresses");
    if (failure != NULL && replayed->failure == NULL) {
        replayed->failure = memory_copy_text(failure);
    } else if (addresses_file != NULL && replayed->addresses_file == NULL) {
        replayed->addresses_file = memory_copy_text(addresses_file);
    } else if (!add_sample(replayed, line)) {
        add_figure(replayed, line);
    }
}

static bool has_something(const struct replays *replays)
{
    for (size_t i = 0; i < replays->count; i++) {
        if (replays->all[i].count != 0 || replays->all[i].failure != NULL) {
            return true;
        }
    }
    return false;
}

bool replays_read(struct replays *replays, const char *path)
{
    *replays = (struct replays){.count = 0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, file) > 0) {
        add_line(replays, line);
    }
    free(line);
    fclose(file);
    return has_something(replays);
}

void replays_free(struct replays *replays)
{
    for (size_t i = 0; i < replays->count; i++) {
        free(replays->all[i].name);
        free(replays->all[i].failure);
        free(replays->all[i].addresses_file);
        free(replays->all[i].samples);
    }
    free(replays->all);
}
