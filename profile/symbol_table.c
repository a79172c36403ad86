/* SPDX-License-Identifier: MIT
 * See symbol_table.h. */
#include "symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* A symbol without a size, as assembly may have, is believed for so many bytes. */
#define UNSIZED_SYMBOL_MAX 4096

/* Functions may lie inside others. From the last one that starts before an address, so many are
 * looked at to find one that reaches as far. */
#define NESTED_MAX 16

struct symbol_range {
    GElf_Addr start;
    GElf_Xword size; /* 0: unknown */
    const char *name;
    int binding;
};

static bool is_code(const GElf_Sym *symbol)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS &&
           (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE);
}

static size_t leading_underscores(const char *name)
{
    return strspn(name, "_");
}

/* By start; the best name for a start comes first. */
static int compare_symbols(const void *left, const void *right)
{
    const struct symbol_range *first = left;
    const struct symbol_range *second = right;
    if (first->start != second->start) {
        return first->start < second->start ? -1 : 1;
    }
    if ((first->size == 0) != (second->size == 0)) {
        return first->size == 0 ? 1 : -1;
    }
    size_t first_underscores = leading_underscores(first->name);
    size_t second_underscores = leading_underscores(second->name);
    if (first_underscores != second_underscores) {
        return first_underscores < second_underscores ? -1 : 1;
    }
    if ((first->binding == STB_LOCAL) != (second->binding == STB_LOCAL)) {
        return first->binding == STB_LOCAL ? 1 : -1;
    }
    return strcmp(first->name, second->name);
}

static void sort(struct symbol_table *table)
{
    size_t kept = 0;
    if (table->count > 0) {
        qsort(table->ranges, table->count, sizeof(*table->ranges), compare_symbols);
    }
    for (size_t i = 0; i < table->count; i++) {
        if (kept == 0 || table->ranges[kept - 1].start != table->ranges[i].start) {
            table->ranges[kept++] = table->ranges[i];
        }
    }
    table->count = kept;
}

static void read_symbols(struct symbol_table *table, Dwfl_Module *module)
{
    int count = dwfl_module_getsymtab(module);
    for (int i = 1; i < count; i++) { /* the first has no meaning */
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        if (name == NULL || name[0] == '\0' || !is_code(&symbol)) {
            continue;
        }
        table->ranges =
            memory_grow(table->ranges, table->count, &table->capacity, sizeof(*table->ranges));
        table->ranges[table->count++] =
            (struct symbol_range){address, symbol.st_size, name, GELF_ST_BIND(symbol.st_info)};
    }
    sort(table);
    table->is_read = true;
}

/* How many symbols start at the address or before it. */
static size_t count_before(const struct symbol_table *table, GElf_Addr address)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->ranges[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *symbol_table_find(struct symbol_table *table, Dwfl_Module *module, GElf_Addr address)
{
    if (!table->is_read) {
        read_symbols(table, module);
    }
    size_t before = count_before(table, address);
    for (size_t i = 0; i < NESTED_MAX && i < before; i++) {
        const struct symbol_range *range = &table->ranges[before - 1 - i];
        /* Only the last one before the address may lack its size. */
        GElf_Xword reach = range->size == 0 && i == 0 ? UNSIZED_SYMBOL_MAX : range->size;
        if (address - range->start < reach) {
            return range->name;
        }
    }
    return NULL;
}

void symbol_table_free(struct symbol_table *table)
{
    free(table->ranges);
    *table = (struct symbol_table){.ranges = NULL};
}
