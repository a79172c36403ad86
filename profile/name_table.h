/* SPDX-License-Identifier: MIT
 * Gives each different string of bytes a number: 0, 1, 2 ... in the order in which they come. */
#ifndef PROFILE_NAME_TABLE_H
#define PROFILE_NAME_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct name_table {
    struct name *names; /* by number */
    size_t count;
    size_t names_capacity;
    uint32_t *places; /* hash table: number + 1, 0 for a free place */
    size_t place_count;
};

/* The number of the bytes; a new one when they are new. */
uint32_t name_table_add(struct name_table *table, const void *bytes, size_t length);
uint32_t name_table_add_text(struct name_table *table, const char *text);

/* The bytes with that number; a NUL follows them. */
const char *name_table_get(const struct name_table *table, uint32_t number);

void name_table_free(struct name_table *table);

#endif
