/* SPDX-License-Identifier: MIT
 * See symbols.h. */
#include "symbols.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
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

/* Bytes of a build id that are compared. */
#define BUILD_ID_MAX 64

/* Whether a file is the one that the program ran, and if not, why not. */
enum match { MATCH, MATCH_NOTHING_THERE, MATCH_OTHER_BUILD, MATCH_CHANGED, MATCH_UNKNOWN };

static const char *const match_words[] = {
    [MATCH] = "is no ELF file that can be read; its functions have no names",
    [MATCH_NOTHING_THERE] = "is not there or cannot be read; its functions have no names",
    [MATCH_OTHER_BUILD] = "is not the file that the program ran, its build id is another; its "
                          "functions have no names (--symbols says where the right one is)",
    [MATCH_CHANGED] = "is not the file that the program ran, or was changed since; its functions "
                      "have no names",
    [MATCH_UNKNOWN] = "has no build id, and the program could not tell by /proc which file it ran; "
                      "its functions have no names",
};

struct object {
    const struct raw_object *raw;
    Dwfl *dwfl;          /* of its own: objects may have lain at one place after each other */
    Dwfl_Module *module; /* NULL when there is no right file */
    char *file_path;     /* of that file, where it was found by us; else NULL */
    bool is_opened;
    struct units units;
    struct symbol_table symbol_table;
};

struct symbols {
    const char *folder;
    struct object *objects;
    size_t count;
};

/* The object that is being opened, for elfutils's callbacks, and the file for it. */
static struct {
    const struct symbols *symbols;
    struct object *object;
    int descriptor;
} opening;

static void warn_of_file(const char *path, const char *what)
{
    struct text text = {.bytes = NULL};
    text_add_clean(&text, path);
    fprintf(stderr, "%s: warning: %s: %s\n", program_name, text.bytes == NULL ? "" : text.bytes,
            what);
    text_free(&text);
}

/* ---- The right file ---- */

static void bytes_to_text(const unsigned char *bytes, size_t count, char *text)
{
    for (size_t i = 0; i < count; i++) {
        snprintf(text + i * 2, 3, "%02x", bytes[i]);
    }
}

/* The build id in hexadecimal; false when the file has none or is no ELF file. */
static bool read_build_id(int descriptor, char text[2 * BUILD_ID_MAX + 1])
{
    const void *bytes;
    Elf *elf = elf_begin(descriptor, ELF_C_READ_MMAP, NULL);
    ssize_t count = elf == NULL ? -1 : dwelf_elf_gnu_build_id(elf, &bytes);
    bool found = count > 0 && count <= BUILD_ID_MAX;
    if (found) {
        bytes_to_text(bytes, (size_t)count, text);
    }
    elf_end(elf);
    return found;
}

static enum match match_status(const struct raw_object *raw, const struct stat *status)
{
    if (raw->inode == 0 || raw->size == 0) {
        return MATCH_UNKNOWN;
    }
    bool is_same = status->st_ino == raw->inode && (uint64_t)status->st_size == raw->size &&
                   (uint64_t)status->st_mtim.tv_sec == raw->changed &&
                   (uint64_t)status->st_mtim.tv_nsec == raw->changed_nanos;
    return is_same ? MATCH : MATCH_CHANGED;
}

static enum match match_file(const struct raw_object *raw, int descriptor)
{
    struct stat status;
    char build_id[2 * BUILD_ID_MAX + 1];
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        return MATCH_NOTHING_THERE;
    }
    if (raw->build_id[0] == '\0') {
        return match_status(raw, &status);
    }
    bool is_same = read_build_id(descriptor, build_id) && strcmp(build_id, raw->build_id) == 0;
    return is_same ? MATCH : MATCH_OTHER_BUILD;
}

/* Opens the file if it is the right one; *descriptor is -1 otherwise. Whatever a damaged profile
 * may name, only a regular file is read. */
static enum match open_file(const struct raw_object *raw, const char *path, int *descriptor)
{
    *descriptor = path[0] == '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    enum match match = *descriptor < 0 ? MATCH_NOTHING_THERE : match_file(raw, *descriptor);
    if (*descriptor >= 0 && match != MATCH) {
        close(*descriptor);
        *descriptor = -1;
    }
    return match;
}

/* Paths of a file with that build id, below a folder. */
static const struct {
    const char *before_start; /* of the build id's first byte */
    const char *before_rest;
    const char *end;
} places[] = {{"/.build-id/", "/", ""},
              {"/", "", "/executable"},
              {"/.build-id/", "/", ".debug"},
              {"/", "", "/debuginfo"}};

static int open_by_build_id(const char *folder, const struct raw_object *raw, bool for_debug,
                            char **path)
{
    int descriptor = -1;
    for (size_t i = for_debug ? 2 : 0;
         i < sizeof(places) / sizeof(places[0]) && descriptor < 0 && raw->build_id[0] != '\0';
         i++) {
        struct text text = {.bytes = NULL};
        text_format(&text, "%s%s%.2s%s%s%s", folder, places[i].before_start, raw->build_id,
                    places[i].before_rest, raw->build_id + 2, places[i].end);
        open_file(raw, text.bytes, &descriptor);
        if (descriptor >= 0) {
            *path = memory_copy_text(text.bytes);
        }
        text_free(&text);
    }
    return descriptor;
}

/* At its path in a folder that holds another machine's files. */
static int open_below(const char *folder, const struct raw_object *raw, char **path)
{
    int descriptor;
    struct text text = {.bytes = NULL};
    text_format(&text, "%s%s", folder, raw->path);
    open_file(raw, text.bytes, &descriptor);
    if (descriptor >= 0) {
        *path = memory_copy_text(text.bytes);
    }
    text_free(&text);
    return descriptor;
}

/* Fills `opening`; what is wrong with the file at the path is the answer. */
static enum match find_file(const struct symbols *symbols, struct object *object)
{
    const struct raw_object *raw = object->raw;
    enum match match = open_file(raw, raw->path, &opening.descriptor);
    if (opening.descriptor >= 0) {
        object->file_path = memory_copy_text(raw->path);
    }
    if (opening.descriptor < 0 && symbols->folder != NULL && raw->path[0] == '/') {
        opening.descriptor = open_below(symbols->folder, raw, &object->file_path);
    }
    if (opening.descriptor < 0 && symbols->folder != NULL) {
        opening.descriptor = open_by_build_id(symbols->folder, raw, false, &object->file_path);
    }
    return match;
}

/* ---- elfutils's callbacks ---- */

static int give_file(Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr start,
                     char **file_name, Elf **elf)
{
    if (opening.descriptor < 0) {
        /* By the build id in its own places, and from a server of debuginfod. */
        return dwfl_build_id_find_elf(module, user_data, name, start, file_name, elf);
    }
    *file_name = memory_copy_text(opening.object->file_path);
    return opening.descriptor;
}

static int find_debuginfo(Dwfl_Module *module, void **user_data, const char *name, Dwarf_Addr start,
                          const char *file_name, const char *link, GElf_Word crc, char **found)
{
    const struct symbols *symbols = opening.symbols;
    int descriptor = -1;
    if (symbols->folder != NULL) {
        descriptor = open_by_build_id(symbols->folder, opening.object->raw, true, found);
    }
    return descriptor >= 0 ? descriptor
                           : dwfl_standard_find_debuginfo(module, user_data, name, start, file_name,
                                                          link, crc, found);
}

/* Tells elfutils the build id, so that it finds files by that and believes no others. */
static void report_build_id(Dwfl_Module *module, const char *text)
{
    unsigned char bytes[BUILD_ID_MAX];
    size_t count = strlen(text) / 2;
    for (size_t i = 0; i < count && i < BUILD_ID_MAX; i++) {
        unsigned value = 0;
        sscanf(text + i * 2, "%2x", &value);
        bytes[i] = (unsigned char)value;
    }
    if (count > 0 && count <= BUILD_ID_MAX) {
        dwfl_module_report_build_id(module, bytes, count, 0);
    }
}

static void open_module(struct object *object)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = give_file,
        .find_debuginfo = find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    const struct raw_object *raw = object->raw;
    GElf_Addr bias;
    object->dwfl = dwfl_begin(&callbacks);
    if (object->dwfl == NULL) {
        fprintf(stderr, "%s: elfutils: %s\n", program_name, dwfl_errmsg(-1));
        exit(1);
    }
    dwfl_report_begin(object->dwfl);
    object->module = dwfl_report_module(object->dwfl, raw->path, raw->start, raw->end);
    if (object->module != NULL) {
        report_build_id(object->module, raw->build_id);
    }
    dwfl_report_end(object->dwfl, NULL, NULL);
    if (object->module != NULL && dwfl_module_getelf(object->module, &bias) == NULL) {
        object->module = NULL;
    }
}

/* What is not a file, as the kernel's [vdso], lacks none. */
static void open_object(struct symbols *symbols, struct object *object)
{
    const char *path = object->raw->path;
    enum match match = find_file(symbols, object);
    object->is_opened = true;
    if (opening.descriptor >= 0 || object->raw->build_id[0] != '\0') {
        open_module(object);
    }
    if (object->module == NULL && path[0] != '[') {
        warn_of_file(path[0] == '\0' ? "a file without a name" : path, match_words[match]);
    }
}

struct symbols *symbols_open(const struct raw_profile *profile, const char *folder)
{
    struct symbols *symbols = memory_zeroed(1, sizeof(*symbols));
    elf_version(EV_CURRENT);
    symbols->folder = folder;
    symbols->count = profile->object_count;
    symbols->objects = memory_zeroed(symbols->count, sizeof(*symbols->objects));
    for (size_t i = 0; i < symbols->count; i++) {
        symbols->objects[i].raw = &profile->objects[i];
    }
    return symbols;
}

void symbols_close(struct symbols *symbols)
{
    for (size_t i = 0; i < symbols->count; i++) {
        units_free(&symbols->objects[i].units);
        symbol_table_free(&symbols->objects[i].symbol_table);
        free(symbols->objects[i].file_path);
        dwfl_end(symbols->objects[i].dwfl);
    }
    free(symbols->objects);
    free(symbols);
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

bool symbols_find(struct symbols *symbols, size_t index, uint64_t address,
                  const struct symbol_receiver *receiver)
{
    struct object *object = &symbols->objects[index];
    opening.symbols = symbols;
    opening.object = object;
    if (!object->is_opened) {
        open_object(symbols, object);
    }
    return object->module != NULL && find_in_object(object, address, receiver);
}
