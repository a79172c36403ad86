/* SPDX-License-Identifier: MIT
 * What can be made of a profile, each as text. */
#ifndef PROFILE_VIEWS_H
#define PROFILE_VIEWS_H

#include <stddef.h>

#include "profile.h"
#include "text.h"

struct view_options {
    enum profile_value value;
    size_t row_count; /* of a table at most */
};

/* What the profile is of, in one line each: program and time; the total; how it was measured. */
void view_add_heading(struct text *text, const struct profile *profile, enum profile_value value);

/* A line per call stack, outermost function first: "main;load;read_line 1234". */
void view_add_folded(struct text *text, const struct profile *profile, enum profile_value value);

/* A table of functions, those first that allocated most themselves. */
void view_add_functions(struct text *text, const struct profile *profile,
                        struct view_options options);

/* Places that allocated what is in use, each with the callers in its largest call stack. */
void view_add_sites(struct text *text, const struct profile *profile, struct view_options options);

/* Places that allocated what is still in use, each with its call stacks. */
void view_add_leaks(struct text *text, const struct profile *profile, struct view_options options);

/* What `after` has more or less than `before`: by function, then by call stack. */
void view_add_growth(struct text *text, const struct profile *before, const struct profile *after,
                     struct view_options options);

/* A flame graph as an SVG document. */
void view_add_flame_graph(struct text *text, const struct profile *profile,
                          enum profile_value value);

#endif
