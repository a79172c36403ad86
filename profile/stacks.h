/* SPDX-License-Identifier: MIT
 * Totals by call stack, of one profile or of two beside each other. Stacks are the same when they
 * read the same. */
#ifndef PROFILE_STACKS_H
#define PROFILE_STACKS_H

#include "functions.h"
#include "name_table.h"
#include "profile.h"
#include "text.h"

struct stack_total {
    uint64_t blocks[SIDE_COUNT];
    uint64_t bytes[SIDE_COUNT];
};

struct stack_totals {
    struct name_table keys; /* one line per frame, innermost first, each with its newline */
    struct stack_total *totals;
    size_t capacity;
};

/* Adds the text that tells stacks apart. */
void stack_add_key(struct text *key, const struct profile *profile,
                   const struct profile_stack *stack, bool has_lines);

/* Which of the profile's values are added, and how frames read. */
struct stack_choice {
    enum profile_value blocks;
    enum profile_value bytes;
    bool has_lines;
};

void stack_totals_add(struct stack_totals *totals, const struct profile *profile,
                      struct stack_choice choice, enum side side);

void stack_totals_free(struct stack_totals *totals);

/* Adds the lines of a stack from `key` on, each indented; "..." for those beyond `most`. */
void stack_add_lines(struct text *text, const char *key, const char *indentation, size_t most);

#endif
