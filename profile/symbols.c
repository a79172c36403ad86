/* SPDX-License-Identifier: MIT
 * See symbols.h. */
#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "symbol_table.h"
#include "text.h"
#include "units.h"

/* An inlined function without a name, if there should be one. */
#define UNNAMED "??"

#define NANOSECONDS_PER_SECOND 1000000000u

struct object {
    struct symbol_object public;
    char *build_id;
    Dwfl_Module *module; /* NULL when the file is not there */
    const char *warning; /* for when an address in the file is looked up; otherwise NULL */
    struct units units;
    struct symbol_table symbol_table;
};

struct symbols {
    Dwfl *dwfl;
    struct object *objects; /* by address */
    size_t count;
    size_t capacity;
};

/* ---- Objects: neighbouring mappings of one file ---- */

static bool continues(const struct symbols *symbols, const struct raw_mapping *mapping,
                      uint64_t last_offset)
{
    return symbols->count > 0 && mapping->offset >= last_offset &&
           strcmp(symbols->objects[symbols->count - 1].public.path, mapping->path) == 0;
}

static void add_object(struct symbols *symbols, const struct raw_mapping *mapping)
{
    symbols->objects = memory_grow(symbols->objects, symbols->count, &symbols->capacity,
                                   sizeof(*symbols->objects));
    symbols->objects[symbols->count++] = (struct object){
        .public = {.path = mapping->path, .start = mapping->start, .build_id = ""},
    };
}

static void extend_object(struct symbol_object *object, const struct raw_mapping *mapping)
{
    object->end = mapping->end;
    if (mapping->is_executable && object->code_end == 0) {
        object->code_start = mapping->start;
        object->code_end = mapping->end;
        object->code_offset = mapping->offset;
    }
}

static void collect_objects(struct symbols *symbols, const struct raw_profile *profile)
{
    uint64_t last_offset = 0;
    for (size_t i = 0; i < profile->mapping_count; i++) {
        const struct raw_mapping *mapping = &profile->mappings[i];
        if (mapping->path[0] == '\0') {
            continue;
        }
        if (!continues(symbols, mapping, last_offset)) {
            add_object(symbols, mapping);
        }
        extend_object(&symbols->objects[symbols->count - 1].public, mapping);
        last_offset = mapping->offset;
    }
}

static void drop_objects_without_code(struct symbols *symbols)
{
    size_t kept = 0;
    for (size_t i = 0; i < symbols->count; i++) {
        if (symbols->objects[i].public.code_end != 0) {
            symbols->objects[kept++] = symbols->objects[i];
        }
    }
    symbols->count = kept;
}

/* ---- Files ---- */

static void warn_of_file(const char *path, const char *what)
{
    struct text text = {.bytes = NULL};
    text_add_clean(&text, path);
    fprintf(stderr, "brkmalloc pprof: warning: %s: %s\n", text.bytes == NULL ? "" : text.bytes,
            what);
    text_free(&text);
}

/* Whatever a damaged profile may name, only a regular file is read. */
static bool is_readable_file(const char *path, struct stat *status)
{
    return path[0] == '/' && stat(path, status) == 0 && S_ISREG(status->st_mode) &&
           access(path, R_OK) == 0;
}

/* When the profile was written, with a second for clocks that differ. */
static time_t written_at(const struct raw_profile *profile)
{
    return (time_t)(profile->started + profile->nanoseconds / NANOSECONDS_PER_SECOND + 1);
}

static int find_file(Dwfl_Module *module, void **user_data, const char *path, Dwarf_Addr start,
                     char **file_name, Elf **elf)
{
    (void)module;
    (void)user_data;
    (void)start;
    (void)elf;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor >= 0) {
        *file_name = memory_copy_text(path);
    }
    return descriptor;
}

static char *read_build_id(Dwfl_Module *module)
{
    const unsigned char *bits;
    GElf_Addr address;
    int length = dwfl_module_build_id(module, &bits, &address);
    if (length <= 0) {
        return NULL;
    }
    char *text = memory_zeroed((size_t)length * 2 + 1, 1);
    for (int i = 0; i < length; i++) {
        snprintf(text + (size_t)i * 2, 3, "%02x", bits[i]);
    }
    return text;
}

/* What keeps the file's functions from having their names, or NULL. */
static const char *open_object(struct symbols *symbols, struct object *object,
                               const struct raw_profile *profile)
{
    struct stat status;
    GElf_Addr bias;
    const char *path = object->public.path;
    if (path[0] != '/') {
        return NULL;
    }
    if (!is_readable_file(path, &status)) {
        return "is not there or cannot be read; its functions have no names";
    }
    object->module =
        dwfl_report_module(symbols->dwfl, path, object->public.start, object->public.end);
    if (object->module == NULL || dwfl_module_getelf(object->module, &bias) == NULL) {
        object->module = NULL;
        return "is no ELF file that can be read; its functions have no names";
    }
    object->build_id = read_build_id(object->module);
    object->public.build_id = object->build_id == NULL ? "" : object->build_id;
    bool was_changed = profile->started != 0 && status.st_ctime > written_at(profile);
    return was_changed ? "was changed after the profile was written; names may be wrong" : NULL;
}

struct symbols *symbols_open(const struct raw_profile *profile)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = find_file,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    struct symbols *symbols = memory_zeroed(1, sizeof(*symbols));
    collect_objects(symbols, profile);
    drop_objects_without_code(symbols);
    symbols->dwfl = dwfl_begin(&callbacks);
    if (symbols->dwfl == NULL) {
        fprintf(stderr, "brkmalloc pprof: elfutils: %s\n", dwfl_errmsg(-1));
        exit(1);
    }
    dwfl_report_begin(symbols->dwfl);
    for (size_t i = 0; i < symbols->count; i++) {
        symbols->objects[i].warning = open_object(symbols, &symbols->objects[i], profile);
    }
    dwfl_report_end(symbols->dwfl, NULL, NULL);
    return symbols;
}

void symbols_close(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++) {
        units_free(&symbols->objects[i].units);
        symbol_table_free(&symbols->objects[i].symbol_table);
        free(symbols->objects[i].build_id);
    }
    dwfl_end(symbols->dwfl);
    free(symbols->objects);
    free(symbols);
}

size_t symbols_object_count(const struct symbols *symbols)
{
    return symbols->count;
}

const struct symbol_object *symbols_object(const struct symbols *symbols, size_t index)
{
    return &symbols->objects[index].public;
}

size_t symbols_object_at(const struct symbols *symbols, uint64_t address)
{
    size_t low = 0;
    size_t high = symbols->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct symbol_object *object = &symbols->objects[middle].public;
        if (address < object->start) {
            high = middle;
        } else if (address >= object->end) {
            low = middle + 1;
        } else {
            return middle;
        }
    }
    return symbols->count;
}

/* ---- Names and lines ---- */

/* A function's name in the debugging information, or NULL. */
static const char *die_name(Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    const char *name =
        dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
    if (name == NULL) {
        name =
            dwarf_formstring(dwarf_attr_integrate(function, DW_AT_MIPS_linkage_name, &attribute));
    }
    return name != NULL ? name : dwarf_diename(function);
}

static int number_attribute(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr(die, name, &attribute), &value) != 0 || value > INT32_MAX) {
        return 0;
    }
    return (int)value;
}

static const char *file_by_number(Dwarf_Die *unit, int number)
{
    Dwarf_Files *files;
    size_t count;
    if (number <= 0 || dwarf_getsrcfiles(unit, &files, &count) != 0 || (size_t)number >= count) {
        return "";
    }
    const char *file = dwarf_filesrc(files, (size_t)number, NULL, NULL);
    return file == NULL ? "" : file;
}

static void find_line(Dwarf_Die *unit, Dwarf_Addr address, struct symbol_frame *frame)
{
    Dwarf_Line *line = dwarf_getsrc_die(unit, address);
    if (line == NULL) {
        return;
    }
    const char *file = dwarf_linesrc(line, NULL, NULL);
    frame->file = file == NULL ? "" : file;
    dwarf_lineno(line, &frame->line);
}

/* The innermost function or lexical block with the address, and what it lies in: as the code lies,
 * not as it was written. 0 when there is none. */
static int scopes_of(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die **scopes)
{
    Dwarf_Die *innermost;
    if (dwarf_getscopes(unit, address, &innermost) <= 0) {
        return 0;
    }
    int count = dwarf_getscopes_die(&innermost[0], scopes);
    free(innermost);
    return count < 0 ? 0 : count;
}

/* Gives the functions that the unit knows at the address, of which `frame` has the line. False when
 * there is none with code of its own and a name; then `frame` has the line in it. */
static bool give_functions(Dwarf_Die *unit, Dwarf_Addr address, struct symbol_frame *frame,
                           const struct symbol_receiver *receiver)
{
    Dwarf_Die *scopes = NULL;
    int count = scopes_of(unit, address, &scopes);
    bool is_given = false;
    for (int i = 0; i < count && !is_given; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram) {
            continue;
        }
        const char *name = die_name(&scopes[i]);
        if (tag == DW_TAG_subprogram && name == NULL) {
            break;
        }
        is_given = tag == DW_TAG_subprogram;
        frame->linkage_name = name != NULL ? name : UNNAMED;
        frame->first_line = 0;
        dwarf_decl_line(&scopes[i], &frame->first_line);
        receiver->receive(receiver->context, frame);
        frame->file = file_by_number(unit, number_attribute(&scopes[i], DW_AT_call_file));
        frame->line = number_attribute(&scopes[i], DW_AT_call_line);
    }
    free(scopes);
    return is_given;
}

static bool find_in_object(struct object *object, uint64_t address,
                           const struct symbol_receiver *receiver)
{
    struct symbol_frame frame = {.file = ""};
    Dwarf_Addr bias;
    Dwarf_Die *unit = units_find(&object->units, object->module, address, &bias);
    if (unit != NULL) {
        find_line(unit, address - bias, &frame);
        if (give_functions(unit, address - bias, &frame, receiver)) {
            return true;
        }
    }
    frame.linkage_name = symbol_table_find(&object->symbol_table, object->module, address);
    frame.first_line = 0;
    if (frame.linkage_name != NULL) {
        receiver->receive(receiver->context, &frame);
    }
    return frame.linkage_name != NULL;
}

bool symbols_find(struct symbols *symbols, uint64_t address, const struct symbol_receiver *receiver)
{
    size_t index = symbols_object_at(symbols, address);
    if (index == symbols->count) {
        return false;
    }
    struct object *object = &symbols->objects[index];
    if (object->warning != NULL) {
        warn_of_file(object->public.path, object->warning);
        object->warning = NULL;
    }
    return object->module != NULL && find_in_object(object, address, receiver);
}
