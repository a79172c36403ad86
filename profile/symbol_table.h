/* SPDX-License-Identifier: MIT
 * Finds the function of an address in a file's symbol tables. elfutils would look through all
 * symbols for each address, which takes long in large libraries: here they are sorted once. */
#ifndef PROFILE_SYMBOL_TABLE_H
#define PROFILE_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

struct symbol_table {
    struct symbol_range *ranges; /* by start; one for each start */
    size_t count;
    size_t capacity;
    bool is_read;
};

/* The name, or NULL. Of several names the one that programs use most likely: strdup, not __strdup.
 */
const char *symbol_table_find(struct symbol_table *table, Dwfl_Module *module, GElf_Addr address);

void symbol_table_free(struct symbol_table *table);

#endif
