/* SPDX-License-Identifier: MIT
 * See json.h. */
#include "stats/json.h"

#include "malloc/watcher.h"

void brkm__json_add_member(struct writer *writer, const char *before, const char *key,
                           uint64_t number)
{
    brkm__writer_add(writer, before);
    brkm__writer_add(writer, "\"");
    brkm__writer_add(writer, key);
    brkm__writer_add(writer, "\":");
    brkm__writer_add_number(writer, number);
}

/* A path may have any letters in it. */
static void add_string(struct writer *writer, const struct line *text)
{
    brkm__writer_add(writer, "\"");
    for (size_t i = 0; i < text->length; i++) {
        char letter = text->text[i];
        bool is_plain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
        brkm__writer_add_span(writer, is_plain ? &letter : "?", 1);
    }
    brkm__writer_add(writer, "\"");
}

static void add_strings(struct writer *writer, const void *stack, size_t most,
                        bool add(struct line *line, const void *stack, size_t index))
{
    const char *separator = "";
    for (size_t i = 0; i < most; i++) {
        struct line line = {0};
        if (!add(&line, stack, i)) {
            break;
        }
        if (line.length != 0) {
            brkm__writer_add(writer, separator);
            add_string(writer, &line);
            separator = ",";
        }
    }
}

void brkm__json_add_frames(struct writer *writer, const void *stack, size_t most)
{
    add_strings(writer, stack, most, relaxed_load(brkm__recorder)->add_frame);
}

void brkm__json_add_builds(struct writer *writer, const void *stack, size_t most)
{
    add_strings(writer, stack, most, relaxed_load(brkm__recorder)->add_build);
}
