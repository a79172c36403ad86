/* SPDX-License-Identifier: MIT
 * The heading that views share. See views.h. */
#include <inttypes.h>
#include <string.h>

#include "views.h"

#define NANOSECONDS_PER_SECOND 1e9

static const char *reason_text(const char *reason)
{
    static const char *const texts[][2] = {
        {"exit", "at exit"},
        {"peak", "at a peak"},
        {"request", "on request"},
        {"signal", "on a signal"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(reason, texts[i][0]) == 0) {
            return texts[i][1];
        }
    }
    return "";
}

static const char *meaning(enum profile_value value, int is_at_peak)
{
    switch (value) {
    case PROFILE_INUSE_OBJECTS:
        return is_at_peak ? "blocks in use at the peak" : "blocks in use";
    case PROFILE_INUSE_SPACE:
        return is_at_peak ? "in use at the peak" : "in use";
    case PROFILE_ALLOC_OBJECTS:
        return "blocks allocated in all";
    default:
        return "allocated in all";
    }
}

void view_add_heading(struct text *text, const struct profile *profile, enum profile_value value)
{
    char number[NUMBER_SIZE];
    const char *program = profile_name(profile, profile->program);
    const char *reason = reason_text(profile_name(profile, profile->reason));
    text_format(text, "%s, process %" PRIu64 ", written %s%safter %.1f s\n",
                program[0] == '\0' ? "unknown program" : program, profile->process, reason,
                reason[0] == '\0' ? "" : " ",
                (double)profile->nanoseconds / NANOSECONDS_PER_SECOND);
    number_of(number, profile_total(profile, value), profile_value_is_bytes(value));
    text_format(text, "%s: %s %s", profile_value_names[value], number,
                meaning(value, profile->is_at_peak));
    if (profile->interval > 1) {
        text_format(text, ", estimated from a sample per %s",
                    number_of(number, profile->interval, 1));
    }
    text_add_character(text, '\n');
}
