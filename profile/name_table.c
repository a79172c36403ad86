/* SPDX-License-Identifier: MIT
 * See name_table.h. */
#include "name_table.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define PLACES_AT_FIRST 256

struct name {
    char *bytes;
    size_t length;
    uint64_t hash;
};

/* FNV-1a. */
static uint64_t hash_of(const unsigned char *bytes, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash ^ hash >> 32;
}

static size_t place_of(const struct name_table *table, const void *bytes, size_t length,
                       uint64_t hash)
{
    size_t place = hash & (table->place_count - 1);
    while (table->places[place] != 0) {
        const struct name *name = &table->names[table->places[place] - 1];
        if (name->hash == hash && name->length == length &&
            memcmp(name->bytes, bytes, length) == 0) {
            break;
        }
        place = (place + 1) & (table->place_count - 1);
    }
    return place;
}

static void double_places(struct name_table *table)
{
    free(table->places);
    table->place_count = table->place_count == 0 ? PLACES_AT_FIRST : table->place_count * 2;
    table->places = memory_zeroed(table->place_count, sizeof(*table->places));
    for (size_t i = 0; i < table->count; i++) {
        const struct name *name = &table->names[i];
        table->places[place_of(table, name->bytes, name->length, name->hash)] = (uint32_t)i + 1;
    }
}

uint32_t name_table_add(struct name_table *table, const void *bytes, size_t length)
{
    if (table->count * 2 >= table->place_count) {
        double_places(table);
    }
    uint64_t hash = hash_of(bytes, length);
    size_t place = place_of(table, bytes, length, hash);
    if (table->places[place] != 0) {
        return table->places[place] - 1;
    }
    table->names =
        memory_grow(table->names, table->count, &table->names_capacity, sizeof(*table->names));
    struct name *name = &table->names[table->count];
    *name = (struct name){memory_zeroed(length + 1, 1), length, hash};
    memcpy(name->bytes, bytes, length);
    table->count++;
    table->places[place] = (uint32_t)table->count;
    return (uint32_t)table->count - 1;
}

uint32_t name_table_add_text(struct name_table *table, const char *text)
{
    return name_table_add(table, text, strlen(text));
}

const char *name_table_get(const struct name_table *table, uint32_t number)
{
    return table->names[number].bytes;
}

void name_table_free(struct name_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->names[i].bytes);
    }
    free(table->names);
    free(table->places);
    *table = (struct name_table){.names = NULL};
}
