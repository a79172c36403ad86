/* SPDX-License-Identifier: MIT
 *
 * Metrics of many processes as one text: each family once, with the samples of all. */
#ifndef BRKM_EXPORTER_EXPOSITION_H
#define BRKM_EXPORTER_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../profile/text.h"
#include "metrics_answer.h"

/* Families of all processes together, which need not run the same version of the allocator. */
#define EXPOSITION_FAMILIES_MAX 128

struct exposition_family {
    struct text name, unit, help;
    enum metric_type type;
    struct text samples; /* lines */
};

/* All zero is an empty one. */
struct exposition {
    struct exposition_family families[EXPOSITION_FAMILIES_MAX];
    size_t count;
};

void exposition_free(struct exposition *exposition);

/* Adds a process's samples, with its labels in front of theirs. False, and nothing is added, when a
 * family is of another type than one of that name, or there are too many. */
bool exposition_add(struct exposition *exposition, const struct metrics_answer *answer,
                    const char *labels);

/* Adds a sample of the exporter's own, a gauge. */
struct own_metric {
    const char *name, *unit, *help;
};
void exposition_add_own(struct exposition *exposition, struct own_metric metric, const char *labels,
                        double value);

/* Adds the whole as OpenMetrics text, or as Prometheus has read it before: that differs in the
 * names of counters' families. Both end with "# EOF". */
void exposition_write(const struct exposition *exposition, bool openmetrics, struct text *text);

#endif
