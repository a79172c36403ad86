/* SPDX-License-Identifier: MIT
 * See image.h. */
#include "kit/image.h"

#include <elf.h>
#include <string.h>

#include "system/os.h"

/* Program headers and bytes of notes that are looked at: loaders map no object with more. */
#define HEADERS_MAX 64
#define NOTES_MAX 4096

/* True when `length` bytes at `from` lie in the object and can be read. `known`: an object that has
 * the same place and note was read before. */
static bool can_read(const struct os_object *object, uintptr_t from, size_t length, bool known)
{
    bool inside = from >= object->start && from <= object->end && length <= object->end - from;
    return inside && length >= sizeof(uint64_t) &&
           (known || (brkm__os_is_readable((const void *)from) &&
                      brkm__os_is_readable((const void *)(from + length - sizeof(uint64_t)))));
}

/* The build id among the notes at `from`. */
static void find_build_id(struct image *image, uintptr_t from, size_t length)
{
    while (length > sizeof(Elf64_Nhdr)) {
        const Elf64_Nhdr *note = (const void *)from;
        size_t name = align_up(note->n_namesz, 4);
        size_t whole = sizeof(*note) + name + align_up(note->n_descsz, 4);
        if (name > length || whole > length) {
            return;
        }
        const char *words = (const char *)(note + 1);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof("GNU") &&
            memcmp(words, "GNU", sizeof("GNU")) == 0) {
            image->build_id = (const unsigned char *)words + name;
            image->build_id_length = min_size(note->n_descsz, IMAGE_BUILD_ID_MAX);
            return;
        }
        from += whole;
        length -= whole;
    }
}

static void read_headers(struct image *image, const struct os_object *object,
                         const Elf64_Phdr *headers, size_t count, bool known)
{
    bool has_start = false;
    for (size_t i = 0; i < count; i++) {
        const Elf64_Phdr *header = &headers[i];
        if (header->p_type == PT_LOAD && !has_start) {
            has_start = true;
            image->link_start = header->p_vaddr & ~(brkm__os_page_size() - 1);
        }
        uintptr_t from = object->start - image->link_start + header->p_vaddr;
        size_t length = min_size(header->p_memsz, NOTES_MAX);
        if (header->p_type == PT_NOTE && image->build_id_length == 0 &&
            can_read(object, from, length, known)) {
            find_build_id(image, from, length);
        }
    }
}

void brkm__image_read(struct image *image, const struct os_object *object, bool known)
{
    const Elf64_Ehdr *header = (const void *)object->start;
    *image = (struct image){0};
    if (!can_read(object, object->start, sizeof(*header), known) ||
        memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > HEADERS_MAX) {
        return;
    }
    uintptr_t headers = object->start + header->e_phoff;
    size_t length = header->e_phnum * sizeof(Elf64_Phdr);
    if (can_read(object, headers, length, known)) {
        image->headers = (const void *)headers;
        image->headers_length = length;
        read_headers(image, object, image->headers, header->e_phnum, known);
    }
}
