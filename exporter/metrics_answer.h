/* SPDX-License-Identifier: MIT
 *
 * The answer of a process to `metrics`, as OpenMetrics text. It is taken for what a stranger says:
 * a process that answers something else must not make up series of others. */
#ifndef BRKM_EXPORTER_METRICS_ANSWER_H
#define BRKM_EXPORTER_METRICS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

/* What an answer may have; the allocator's has a third of that. */
#define ANSWER_FAMILIES_MAX 64
#define ANSWER_SAMPLES_MAX 128
#define ANSWER_LINE_MAX 512

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_UNKNOWN };

struct answer_family {
    const char *name, *unit, *help; /* "" where there is none */
    enum metric_type type;
};

struct answer_sample {
    size_t family;
    const char *labels; /* as in the text between braces, or "" */
    const char *value;
};

struct metrics_answer {
    struct answer_family families[ANSWER_FAMILIES_MAX];
    size_t family_count;
    struct answer_sample samples[ANSWER_SAMPLES_MAX];
    size_t sample_count;
};

/* Takes the text apart, which is changed and has to stay. False when it is not all well. Families
 * of types that are unknown here come without samples. */
bool metrics_answer_read(struct metrics_answer *answer, char *text);

#endif
