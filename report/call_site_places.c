/* SPDX-License-Identifier: MIT
 * See call_sites.h: without elfutils. */
#include <string.h>

#include "call_sites.h"
#include "page.h"

static void add_frames(struct text *text, const char *at)
{
    struct text places = {.bytes = NULL};
    text_clear(&places);
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        const char *place = memchr(at, ' ', length);
        place = place == NULL ? at : place + 1;
        text_add_bytes(&places, place, (size_t)(at + length - place));
        text_add(&places, "\n");
        at += length + (at[length] != '\0');
    }
    page_add_lines(text, places.bytes);
    text_free(&places);
}

void call_sites_add_names(struct text *text, const struct call_sites *sites)
{
    for (uint32_t i = 0; i < sites->stacks.count && i < CALL_SITES_MAX; i++) {
        text_add(text, i == 0 ? "" : ",");
        add_frames(text, name_table_get(&sites->stacks, i));
    }
}
