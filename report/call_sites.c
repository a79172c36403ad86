/* SPDX-License-Identifier: MIT
 * See call_sites.h. */
#include "call_sites.h"

#include <string.h>

void call_sites_begin_file(struct call_sites *sites)
{
    memset(sites->of_file, 0, sizeof(sites->of_file));
}

bool call_sites_add(struct call_sites *sites, uint64_t number, const struct text *frames)
{
    if (number == 0 || number > CALL_SITES_MAX) {
        return false;
    }
    uint32_t found =
        name_table_add(&sites->stacks, frames->length == 0 ? "" : frames->bytes, frames->length);
    sites->of_file[number] = (uint16_t)(found < CALL_SITES_MAX ? found + 1 : 0);
    return true;
}

void call_sites_free(struct call_sites *sites)
{
    name_table_free(&sites->stacks);
    name_table_free(&sites->builds);
}
