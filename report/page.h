/* SPDX-License-Identifier: MIT
 * One page of HTML with everything in it that it needs. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include "../profile/text.h"
#include "picture.h"

/* Adds the string as JSON that may stand in an element of HTML: no '<', '>' or '&' is left, nor
 * bytes that are no UTF-8. */
void page_add_string(struct text *text, const char *string);

/* Adds an array of the text's lines, each such a string. */
void page_add_lines(struct text *text, const char *lines);

/* Adds "name":[numbers]. */
void page_add_numbers(struct text *text, const char *name, const uint64_t *numbers, size_t count);

/* One of the heap maps of a page. */
struct page_map {
    const char *name; /* of what is shown, where there are several */
    const struct picture *picture;
};

/* All have the same moments. */
struct page_maps {
    const struct page_map *all;
    size_t count;
};

/* Adds the members of the report's JSON that describe the maps; their columns go into the page. */
void page_add_maps(struct text *report, struct page_maps maps);

enum page_kind { PAGE_REPORT, PAGE_COMPARISON, PAGE_KINDS };

/* The page with the report's JSON, which is whole, and the spans of the maps. */
void page_make(struct text *page, enum page_kind kind, const struct text *report,
               struct page_maps maps);

#endif
