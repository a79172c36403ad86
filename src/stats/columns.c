/* SPDX-License-Identifier: MIT
 * See columns.h. */
#include "stats/columns.h"

void brkm__columns_add_blanks(struct line *line, size_t column)
{
    while (line->length < column) {
        brkm__line_add_text(line, " ");
    }
}

void brkm__columns_add_right(struct line *line, size_t end, const struct line *text)
{
    brkm__columns_add_blanks(line, end - min_size(end, text->length));
    brkm__line_add_span(line, text->text, text->length);
}

void brkm__columns_add_fraction(struct line *line, size_t end, uint64_t number, unsigned digits)
{
    struct line text = {0};
    uint64_t unit = digits == 1 ? 10 : 1000;
    brkm__line_add_number(&text, number / unit);
    brkm__line_add_text(&text, ".");
    for (uint64_t place = unit / 10; place > number % unit && place > 1; place /= 10) {
        brkm__line_add_text(&text, "0");
    }
    brkm__line_add_number(&text, number % unit);
    brkm__columns_add_right(line, end, &text);
}

uint64_t brkm__columns_part_of(uint64_t part, uint64_t whole, uint64_t units)
{
    return whole == 0 ? 0 : (part * units + whole / 2) / whole;
}

void brkm__columns_add_line(struct writer *writer, const struct line *line)
{
    brkm__writer_add_span(writer, line->text, line->length);
    brkm__writer_add(writer, "\n");
}
