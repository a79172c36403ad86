/* SPDX-License-Identifier: MIT
 * See call_sites.h: without elfutils. */
#include <string.h>

#include "call_sites.h"

static void add_places(struct text *places, const char *at)
{
    text_clear(places);
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        const char *place = memchr(at, ' ', length);
        place = place == NULL ? at : place + 1;
        text_add_bytes(places, place, (size_t)(at + length - place));
        text_add(places, "\n");
        at += length + (at[length] != '\0');
    }
}

void call_sites_each(const struct call_sites *sites,
                     void (*receive)(void *context, const char *lines), void *context)
{
    struct text places = {.bytes = NULL};
    for (uint32_t i = 0; i < sites->stacks.count && i < CALL_SITES_MAX; i++) {
        add_places(&places, name_table_get(&sites->stacks, i));
        receive(context, places.bytes);
    }
    text_free(&places);
}
