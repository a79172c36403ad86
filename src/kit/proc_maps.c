/* SPDX-License-Identifier: MIT
 * See proc_maps.h. A file lies in memory in several pieces, whose lines follow one another.
 * Offsets count from the first, except in programs that are linked to a fixed address. */
#include "kit/proc_maps.h"

#include <elf.h>
#include <string.h>

#include "kit/image.h"
#include "system/os.h"
#include "system/os_loader.h"

/* Bytes of a line that are looked at, and that are read at a time: signal stacks are small. */
#define LINE_MOST 512
#define PIECE_SIZE 512

/* Bytes of a path that a message has room for; of a longer one its end counts. */
#define PATH_SHOWN 160

struct search {
    uintptr_t address;
    char *line; /* of the text, as far as it fits into `room` */
    size_t room, length;
    bool (*take_line)(struct search *search); /* false when the search is over */
    enum modules_path path;
    struct line *result;
    bool found;
    /* The file of the lines so far. */
    uint64_t file; /* a number made of its name */
    uintptr_t base, start;
    struct mapped_file *mapped; /* what is looked for, see brkm__proc_maps_file */
    size_t path_length;         /* of its path, which `line` begins with in the end */
};

struct mapping_line {
    uintptr_t start, end, offset;
    bool is_readable;
    uint64_t device, inode;
    const char *path; /* not ended by a zero */
    size_t path_length;
};

static uintptr_t take_number(const char **text, const char *end)
{
    uintptr_t number = 0;
    for (; *text < end; (*text)++) {
        char letter = **text;
        if (letter >= '0' && letter <= '9') {
            number = number * 16 + (uintptr_t)(letter - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            number = number * 16 + (uintptr_t)(letter - 'a' + 10);
        } else {
            break;
        }
    }
    return number;
}

static uint64_t take_decimal(const char **text, const char *end)
{
    uint64_t number = 0;
    for (; *text < end && **text >= '0' && **text <= '9'; (*text)++) {
        number = number * 10 + (uint64_t)(**text - '0');
    }
    return number;
}

static void skip_word(const char **text, const char *end)
{
    while (*text < end && **text != ' ') {
        (*text)++;
    }
    while (*text < end && **text == ' ') {
        (*text)++;
    }
}

/* START-END PERMISSIONS OFFSET DEVICE INODE PATH */
static struct mapping_line parse(const char *text, const char *end)
{
    struct mapping_line mapping = {.start = take_number(&text, end)};
    text += text < end;
    mapping.end = take_number(&text, end);
    skip_word(&text, end);
    mapping.is_readable = text < end && *text == 'r';
    skip_word(&text, end);
    mapping.offset = take_number(&text, end);
    skip_word(&text, end);
    mapping.device = (uint64_t)take_number(&text, end) << 32;
    text += text < end;
    mapping.device |= take_number(&text, end);
    skip_word(&text, end);
    mapping.inode = take_decimal(&text, end);
    skip_word(&text, end);
    mapping.path = text;
    mapping.path_length = (size_t)(end - text);
    return mapping;
}

/* FNV-1a. */
static uint64_t number_of(const char *text, size_t length)
{
    uint64_t number = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) {
        number = (number ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return number;
}

/* Where offsets count from, of a file whose first piece this is. */
static uintptr_t base_of(struct mapping_line first)
{
    const Elf64_Ehdr *header = (const void *)first.start;
    bool has_header = first.is_readable && first.offset == 0 && first.path_length != 0 &&
                      first.path[0] == '/' && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
    return has_header && header->e_type == ET_EXEC ? 0 : first.start;
}

static void add_path(const struct search *search, struct mapping_line mapping)
{
    const char *path = mapping.path;
    size_t length = mapping.path_length;
    if (search->path == MODULES_LAST_NAME) {
        for (size_t i = length; i > 0; i--) {
            if (path[i - 1] == '/') {
                path += i;
                length -= i;
                break;
            }
        }
    }
    if (length > PATH_SHOWN) {
        brkm__line_add_text(search->result, "...");
        path += length - PATH_SHOWN;
        length = PATH_SHOWN;
    }
    brkm__line_add_span(search->result, path, length);
}

static void add_place(struct search *search, struct mapping_line mapping)
{
    search->found = true;
    add_path(search, mapping);
    if (search->path != MODULES_FILE_ALONE) {
        brkm__line_add_text(search->result, "+");
        brkm__line_add_pointer(search->result, (const void *)(search->address - search->base));
    }
}

/* The next line, which may be the first of a file. */
static struct mapping_line next_mapping(struct search *search)
{
    struct mapping_line mapping = parse(search->line, search->line + search->length);
    uint64_t file = number_of(mapping.path, mapping.path_length);
    if (file != search->file) {
        search->file = file;
        search->base = base_of(mapping);
        search->start = mapping.start;
    }
    return mapping;
}

static bool take_line(struct search *search)
{
    struct mapping_line mapping = next_mapping(search);
    if (search->address < mapping.start || search->address >= mapping.end) {
        return true;
    }
    if (mapping.path_length != 0) {
        add_place(search, mapping);
    }
    return false;
}

/* As the loader has it: what lies on a stack is loaded. */
static void ask_loader(struct search *search)
{
    struct os_object object;
    struct image image;
    char program[PATH_SHOWN];
    if (!brkm__os_find_object((const void *)search->address, &object)) {
        return;
    }
    struct mapping_line mapping = {.path = object.is_program ? program : object.name};
    mapping.path_length = object.is_program ? brkm__os_program(program, sizeof(program))
                                            : strlen(object.name == NULL ? "" : object.name);
    brkm__image_read(&image, &object, false);
    search->base = object.start - image.link_start;
    if (mapping.path_length != 0) {
        add_place(search, mapping);
    }
}

static bool take_piece(void *context, const char *piece, size_t length)
{
    struct search *search = context;
    for (size_t i = 0; i < length; i++) {
        if (piece[i] != '\n') {
            if (search->length < search->room) {
                search->line[search->length++] = piece[i];
            }
            continue;
        }
        if (!search->take_line(search)) {
            return false;
        }
        search->length = 0;
    }
    return true;
}

static void look(struct search *search)
{
    char piece[PIECE_SIZE];
    brkm__os_read_pieces("/proc/self/maps", piece, sizeof(piece), take_piece, search);
}

bool brkm__modules_add_place(struct line *line, const void *address, enum modules_path path)
{
    char text[LINE_MOST];
    struct search search = {.address = (uintptr_t)address,
                            .path = path,
                            .result = line,
                            .line = text,
                            .room = sizeof(text),
                            .take_line = take_line};
    look(&search);
    if (!search.found) {
        ask_loader(&search);
    }
    return search.found;
}

static bool take_file(struct search *search)
{
    struct mapping_line mapping = next_mapping(search);
    if (search->address < mapping.start || search->address >= mapping.end) {
        return true;
    }
    *search->mapped =
        (struct mapped_file){search->start, mapping.end, mapping.device, mapping.inode};
    search->path_length = mapping.path_length;
    memmove(search->line, mapping.path, mapping.path_length);
    return false;
}

size_t brkm__proc_maps_file(uintptr_t address, char *path, size_t room, struct mapped_file *file)
{
    struct search search = {
        .address = address, .mapped = file, .line = path, .room = room, .take_line = take_file};
    *file = (struct mapped_file){0};
    look(&search);
    return search.path_length;
}
