/* SPDX-License-Identifier: MIT
 * See units.h. */
#include "units.h"

#include <stdlib.h>

#include "memory.h"

/* Addresses as in the debugging information. */
struct unit_range {
    Dwarf_Addr start;
    Dwarf_Addr end;
    Dwarf_Die *unit;
};

static void add_unit(struct units *units, Dwarf_Die *unit)
{
    Dwarf_Addr base;
    struct unit_range range = {.unit = unit};
    ptrdiff_t position = 0;
    while ((position = dwarf_ranges(unit, position, &base, &range.start, &range.end)) > 0) {
        if (range.start < range.end) {
            units->ranges =
                memory_grow(units->ranges, units->count, &units->capacity, sizeof(*units->ranges));
            units->ranges[units->count++] = range;
        }
    }
}

static int compare_starts(const void *left, const void *right)
{
    Dwarf_Addr first = ((const struct unit_range *)left)->start;
    Dwarf_Addr second = ((const struct unit_range *)right)->start;
    return first < second ? -1 : first > second;
}

static void read_units(struct units *units, Dwfl_Module *module)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = NULL;
    while ((unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) {
        add_unit(units, unit);
    }
    if (units->count > 0) {
        qsort(units->ranges, units->count, sizeof(*units->ranges), compare_starts);
    }
    units->are_read = true;
}

/* The last range that starts at the address or before it. */
static const struct unit_range *range_before(const struct units *units, Dwarf_Addr address)
{
    size_t low = 0;
    size_t high = units->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (units->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? NULL : &units->ranges[low - 1];
}

Dwarf_Die *units_find(struct units *units, Dwfl_Module *module, Dwarf_Addr address,
                      Dwarf_Addr *bias)
{
    if (dwfl_module_getdwarf(module, bias) == NULL) {
        return NULL;
    }
    if (!units->are_read) {
        read_units(units, module);
    }
    const struct unit_range *range = range_before(units, address - *bias);
    return range == NULL || address - *bias >= range->end ? NULL : range->unit;
}

void units_free(struct units *units)
{
    free(units->ranges);
    *units = (struct units){.ranges = NULL};
}
