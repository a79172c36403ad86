/* SPDX-License-Identifier: MIT
 * See metrics_answer.h. */
#include "metrics_answer.h"

#include <stdlib.h>
#include <string.h>

#include "../profile/text.h"

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"
#define PREFIX "brkmalloc_"

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static bool is_clean(const char *text)
{
    struct text clean = {.bytes = NULL};
    text_clear(&clean);
    text_add_clean(&clean, text);
    bool is_same = strcmp(clean.bytes, text) == 0;
    text_free(&clean);
    return is_same;
}

/* Ends the word at *at and returns it; *at goes behind the blank that ended it. */
static char *take_word(char **at)
{
    char *word = *at;
    size_t length = strcspn(word, " ");
    *at = word + length + (word[length] == ' ');
    word[length] = '\0';
    return word;
}

/* ---- Families ---- */

/* Not the exporter's own, and none whose name is that of another one's samples. */
static bool is_family_name(const char *name)
{
    static const char *const taken[] = {"_total", "_created", "_bucket", "_count", "_sum", "_info"};
    if (!begins_with(name, PREFIX) || name[strspn(name, NAME_LETTERS)] != '\0' ||
        begins_with(name, PREFIX "exporter_") || strcmp(name, PREFIX "up") == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        if (ends_with(name, taken[i])) {
            return false;
        }
    }
    return true;
}

static enum metric_type type_of(const char *word)
{
    return strcmp(word, "gauge") == 0     ? METRIC_GAUGE
           : strcmp(word, "counter") == 0 ? METRIC_COUNTER
                                          : METRIC_UNKNOWN;
}

static bool begin_family(struct metrics_answer *answer, const char *name, const char *type)
{
    for (size_t i = 0; i < answer->family_count; i++) {
        if (strcmp(answer->families[i].name, name) == 0) {
            return false;
        }
    }
    if (answer->family_count == ANSWER_FAMILIES_MAX || !is_family_name(name)) {
        return false;
    }
    answer->families[answer->family_count++] =
        (struct answer_family){.name = name, .unit = "", .help = "", .type = type_of(type)};
    return true;
}

/* "TYPE", "UNIT" or "HELP", the family's name, and a text. */
static bool read_about(struct metrics_answer *answer, char *line)
{
    const char *word = take_word(&line);
    const char *name = take_word(&line);
    if (strcmp(word, "TYPE") == 0) {
        return begin_family(answer, name, line);
    }
    if (answer->family_count == 0 ||
        strcmp(answer->families[answer->family_count - 1].name, name) != 0) {
        return false;
    }
    struct answer_family *family = &answer->families[answer->family_count - 1];
    if (strcmp(word, "UNIT") == 0) {
        family->unit = line;
        return line[strspn(line, NAME_LETTERS)] == '\0' && ends_with(name, line);
    }
    family->help = line;
    return strcmp(word, "HELP") == 0;
}

/* ---- Samples ---- */

/* Whether these are labels, `name="value"` with commas between, and none that the exporter puts in.
 */
static bool are_labels(const char *labels)
{
    static const char *const ours[] = {"pid=", "command=", "cgroup="};
    for (const char *at = labels;; at++) {
        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
            if (begins_with(at, ours[i])) {
                return false;
            }
        }
        size_t name = strspn(at, NAME_LETTERS);
        if (name == 0 || !begins_with(at + name, "=\"") || strchr("0123456789", at[0]) != NULL) {
            return false;
        }
        for (at += name + strlen("=\""); *at != '"'; at++) {
            at += *at == '\\';
            if (*at == '\0' || (at[-1] == '\\' && strchr("\\\"n", *at) == NULL)) {
                return false;
            }
        }
        at++;
        if (*at != ',') {
            return *at == '\0';
        }
    }
}

static bool is_number(const char *text)
{
    char *end;
    strtod(text, &end);
    return text[0] != '\0' && *end == '\0' && text[strspn(text, "0123456789.eE+-")] == '\0';
}

static bool is_new(const struct metrics_answer *answer, const struct answer_sample *sample)
{
    for (size_t i = 0; i < answer->sample_count; i++) {
        if (answer->samples[i].family == sample->family &&
            strcmp(answer->samples[i].labels, sample->labels) == 0) {
            return false;
        }
    }
    return true;
}

static bool add_sample(struct metrics_answer *answer, struct answer_sample sample)
{
    bool is_well = answer->sample_count < ANSWER_SAMPLES_MAX &&
                   (sample.labels[0] == '\0' || are_labels(sample.labels)) &&
                   is_number(sample.value) && is_new(answer, &sample);
    if (is_well) {
        answer->samples[answer->sample_count++] = sample;
    }
    return is_well;
}

/* `name{labels} value` of the family that was begun last. */
static bool read_sample(struct metrics_answer *answer, char *line)
{
    if (answer->family_count == 0) {
        return false;
    }
    const struct answer_family *family = &answer->families[answer->family_count - 1];
    struct answer_sample sample = {.family = answer->family_count - 1, .labels = ""};
    if (!begins_with(line, family->name)) {
        return false;
    }
    if (family->type == METRIC_UNKNOWN) {
        return true;
    }
    char *at = line + strlen(family->name);
    const char *suffix = family->type == METRIC_COUNTER ? "_total" : "";
    char *end = strrchr(line, ' ');
    if (!begins_with(at, suffix) || end == NULL) {
        return false;
    }
    at += strlen(suffix);
    sample.value = end + 1;
    *end = '\0';
    if (*at == '{' && end[-1] == '}') {
        end[-1] = '\0';
        sample.labels = at + 1;
        return at[1] != '\0' && add_sample(answer, sample);
    }
    return at == end && add_sample(answer, sample);
}

bool metrics_answer_read(struct metrics_answer *answer, char *text)
{
    answer->family_count = answer->sample_count = 0;
    while (text[0] != '\0') {
        char *line = text;
        size_t length = strcspn(line, "\n");
        if (line[length] == '\0' || length > ANSWER_LINE_MAX) {
            return false;
        }
        line[length] = '\0';
        text = line + length + 1;
        if (strcmp(line, "# EOF") == 0) {
            return text[0] == '\0';
        }
        bool is_about = begins_with(line, "# ");
        if (!is_clean(line) ||
            !(is_about ? read_about(answer, line + strlen("# ")) : read_sample(answer, line))) {
            return false;
        }
    }
    return false;
}
