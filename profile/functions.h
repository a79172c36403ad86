/* SPDX-License-Identifier: MIT
 * Totals by function, of one profile or of two beside each other. Functions are the same when their
 * name and the name of their source file are: in two profiles addresses differ. */
#ifndef PROFILE_FUNCTIONS_H
#define PROFILE_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "name_table.h"
#include "profile.h"
#include "text.h"

enum side { SIDE_BEFORE, SIDE_AFTER, SIDE_COUNT };

struct function_total {
    uint64_t flat[SIDE_COUNT];       /* allocated by the function itself */
    uint64_t cumulative[SIDE_COUNT]; /* and by what it called */
    size_t last_sample;              /* from 1: counted already, where a function calls itself */
};

struct function_totals {
    struct name_table keys; /* "NAME  FILE", or the name alone when the file is unknown */
    struct function_total *totals;
    size_t capacity;
    size_t sample_count; /* added so far */
};

/* The text that tells functions apart, as people read it. */
void function_key(struct text *text, const struct profile *profile, uint32_t function);

void function_totals_add(struct function_totals *totals, const struct profile *profile,
                         enum profile_value value, enum side side);

/* The numbers of the functions in the order of `compare`, equal ones by name. */
uint32_t *function_totals_order(const struct function_totals *totals,
                                int (*compare)(const struct function_total *,
                                               const struct function_total *));

void function_totals_free(struct function_totals *totals);

#endif
