/* SPDX-License-Identifier: MIT
 * Columns of tables for people: numbers that end where their column ends. */
#ifndef BRKMALLOC_STATS_COLUMNS_H
#define BRKMALLOC_STATS_COLUMNS_H

#include "base/base.h"
#include "kit/report.h"
#include "kit/text.h"

/* Blanks up to a column. */
void brkm__columns_add_blanks(struct line *line, size_t column);

/* Puts `text` at the end of a column. */
void brkm__columns_add_right(struct line *line, size_t end, const struct line *text);

/* A number of thousandths (`digits` 3) or tenths (1), with a point. */
void brkm__columns_add_fraction(struct line *line, size_t end, uint64_t number, unsigned digits);

/* `part` of `whole` in units, rounded to the nearest; `whole` is at most some 2^53 bytes. */
uint64_t brkm__columns_part_of(uint64_t part, uint64_t whole, uint64_t units);

/* The line and its end. */
void brkm__columns_add_line(struct writer *writer, const struct line *line);

#endif
