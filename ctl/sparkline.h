/* SPDX-License-Identifier: MIT
 *
 * The course of a number as a line of bars. */
#ifndef BRKM_CTL_SPARKLINE_H
#define BRKM_CTL_SPARKLINE_H

#include <stddef.h>
#include <stdint.h>

/* Values that are kept, more than terminals have columns. */
#define SPARKLINE_VALUES 300

struct sparkline {
    size_t count; /* so far; the last SPARKLINE_VALUES are kept */
    uint64_t values[SPARKLINE_VALUES];
};

void sparkline_add(struct sparkline *sparkline, uint64_t value);

/* The last values that are kept, one bar for each, as a share of the largest of them, which goes to
 * *largest. In UTF-8 where the locale has it, in ASCII elsewhere. `text` is for `columns` bars. */
#define SPARKLINE_TEXT(columns) (3 * (columns) + 1)
void sparkline_text(const struct sparkline *sparkline, size_t columns, char *text,
                    uint64_t *largest);

#endif
