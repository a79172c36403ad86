/* SPDX-License-Identifier: MIT
 * See exposition.h. */
#include "exposition.h"

#include <string.h>

void exposition_free(struct exposition *exposition)
{
    for (size_t i = 0; i < exposition->count; i++) {
        struct exposition_family *family = &exposition->families[i];
        text_free(&family->name);
        text_free(&family->unit);
        text_free(&family->help);
        text_free(&family->samples);
    }
    exposition->count = 0;
}

/* ---- Families ---- */

/* NULL when there is none of that name. */
static struct exposition_family *find(struct exposition *exposition, const char *name)
{
    for (size_t i = 0; i < exposition->count; i++) {
        if (strcmp(exposition->families[i].name.bytes, name) == 0) {
            return &exposition->families[i];
        }
    }
    return NULL;
}

static struct exposition_family *find_or_add(struct exposition *exposition,
                                             const struct answer_family *like)
{
    struct exposition_family *family = find(exposition, like->name);
    if (family == NULL) {
        family = &exposition->families[exposition->count++];
        *family = (struct exposition_family){.type = like->type};
        text_add(&family->name, like->name);
        text_add(&family->unit, like->unit);
        text_add(&family->help, like->help);
    }
    return family;
}

static bool fits(struct exposition *exposition, const struct metrics_answer *answer)
{
    size_t added = 0;
    for (size_t i = 0; i < answer->family_count; i++) {
        const struct answer_family *family = &answer->families[i];
        const struct exposition_family *there = find(exposition, family->name);
        if (there != NULL && there->type != family->type) {
            return false;
        }
        added += there == NULL;
    }
    return exposition->count + added <= EXPOSITION_FAMILIES_MAX;
}

/* ---- Samples ---- */

static const char *suffix_of(enum metric_type type)
{
    return type == METRIC_COUNTER ? "_total" : "";
}

/* Labels of the process and of the sample itself; either may be "". */
static void begin_sample(struct exposition_family *family, const char *labels, const char *own)
{
    struct text *samples = &family->samples;
    bool has_both = labels[0] != '\0' && own[0] != '\0';
    text_format(samples, "%s%s", family->name.bytes, suffix_of(family->type));
    if (labels[0] != '\0' || own[0] != '\0') {
        text_format(samples, "{%s%s%s}", labels, has_both ? "," : "", own);
    }
    text_add(samples, " ");
}

bool exposition_add(struct exposition *exposition, const struct metrics_answer *answer,
                    const char *labels)
{
    struct exposition_family *families[ANSWER_FAMILIES_MAX];
    if (!fits(exposition, answer)) {
        return false;
    }
    for (size_t i = 0; i < answer->family_count; i++) {
        families[i] = find_or_add(exposition, &answer->families[i]);
    }
    for (size_t i = 0; i < answer->sample_count; i++) {
        const struct answer_sample *sample = &answer->samples[i];
        begin_sample(families[sample->family], labels, sample->labels);
        text_add(&families[sample->family]->samples, sample->value);
        text_add(&families[sample->family]->samples, "\n");
    }
    return true;
}

void exposition_add_own(struct exposition *exposition, struct own_metric metric, const char *labels,
                        double value)
{
    const struct answer_family like = {metric.name, metric.unit, metric.help, METRIC_GAUGE};
    struct exposition_family *family = find_or_add(exposition, &like);
    begin_sample(family, labels, "");
    text_format(&family->samples, "%.9g\n", value);
}

/* ---- The text ---- */

static void write_about(struct text *text, const struct exposition_family *family,
                        const char *suffix, bool openmetrics)
{
    text_format(text, "# TYPE %s%s %s\n", family->name.bytes, suffix,
                family->type == METRIC_COUNTER ? "counter" : "gauge");
    if (openmetrics && family->unit.length != 0) {
        text_format(text, "# UNIT %s%s %s\n", family->name.bytes, suffix, family->unit.bytes);
    }
    text_format(text, "# HELP %s%s %s\n", family->name.bytes, suffix, family->help.bytes);
}

void exposition_write(const struct exposition *exposition, bool openmetrics, struct text *text)
{
    for (size_t i = 0; i < exposition->count; i++) {
        const struct exposition_family *family = &exposition->families[i];
        if (family->samples.length != 0) {
            write_about(text, family, openmetrics ? "" : suffix_of(family->type), openmetrics);
            text_add_bytes(text, family->samples.bytes, family->samples.length);
        }
    }
    text_add(text, "# EOF\n");
}
