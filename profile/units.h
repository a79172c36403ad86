/* SPDX-License-Identifier: MIT
 * Finds the compilation unit of an address. Not every compiler writes the table for that
 * (.debug_aranges), so one is made of what the units themselves say. */
#ifndef PROFILE_UNITS_H
#define PROFILE_UNITS_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

struct units {
    struct unit_range *ranges; /* by start */
    size_t count;
    size_t capacity;
    bool are_read;
};

/* The unit with the address in the module, or NULL. `*bias` is what the module's addresses have
 * over those in its debugging information. */
Dwarf_Die *units_find(struct units *units, Dwfl_Module *module, Dwarf_Addr address,
                      Dwarf_Addr *bias);

void units_free(struct units *units);

#endif
