/* SPDX-License-Identifier: MIT
 * See objects.h. */
#include "profile/objects.h"

#include <string.h>

#include "base/config.h"
#include "kit/footprint.h"
#include "kit/image.h"
#include "kit/proc_maps.h"
#include "system/os.h"
#include "system/os_loader.h"

/* Bytes of memory for objects that are mapped at a time, and at most. */
#define CHUNK (64 * BRKM_KIB)
#define CHUNKS_BYTES (8 * BRKM_MIB)

/* Bytes of a path, as the kernel takes them. */
#define PATH_BYTES 4096

/* Places of the table of objects that were seen last, by where they begin. */
#define RECENT 64

/* Objects that have numbers. */
#define OBJECTS_MAX UINT16_MAX

_Static_assert(sizeof(struct profile_object) + PATH_BYTES <= CHUNK, "any object fits into a chunk");

/* All under the profile's lock. */
static struct {
    struct profile_object *first, *last;
    struct profile_object *recent[RECENT];
    char *chunk;
    size_t chunk_left;
    size_t bytes; /* of chunks */
    char path[PATH_BYTES];
} objects;

/* ---- Identity ---- */

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    }
    return hash;
}

/* Reads the object's image; returns its identity. */
static uint64_t identify(struct image *image, const struct os_object *object, bool known)
{
    brkm__image_read(image, object, known);
    uint64_t identity =
        mix(0xcbf29ce484222325u, object->name, object->name == NULL ? 0 : strlen(object->name));
    return image->build_id_length != 0 ? mix(identity, image->build_id, image->build_id_length)
                                       : mix(identity, image->headers, image->headers_length);
}

/* ---- The file ---- */

/* Puts the path into objects.path, from /proc, which tells the file for certain, or from the
 * loader. Returns its length. */
static size_t find_path(const struct os_object *object, struct mapped_file *file)
{
    static const char deleted[] = " (deleted)";
    size_t end = sizeof(deleted) - 1;
    size_t length = brkm__proc_maps_file(object->start, objects.path, PATH_BYTES, file);
    if (length > end && memcmp(objects.path + length - end, deleted, end) == 0) {
        length -= end;
    }
    if (length != 0) {
        return length;
    }
    if (object->is_program) {
        return brkm__os_program(objects.path, PATH_BYTES);
    }
    const char *name = object->name == NULL ? "" : object->name;
    if (name[0] != '/' && strchr(name, '/') != NULL) {
        length = brkm__os_working_directory(objects.path, PATH_BYTES - 1);
        objects.path[length++] = '/';
    }
    size_t rest = min_size(strlen(name), PATH_BYTES - length);
    memcpy(objects.path + length, name, rest);
    return length + rest;
}

static void *take_memory(size_t size)
{
    size = align_up(size, BRKM_ALIGNMENT);
    if (size > objects.chunk_left) {
        char *chunk = objects.bytes + CHUNK > CHUNKS_BYTES ? NULL : brkm__footprint_map(CHUNK);
        if (chunk == NULL) {
            return NULL;
        }
        objects.chunk = chunk;
        objects.chunk_left = CHUNK;
        objects.bytes += CHUNK;
    }
    void *memory = objects.chunk;
    objects.chunk += size;
    objects.chunk_left -= size;
    return memory;
}

/* The file's size and time, where the path still leads to what is mapped: file systems without a
 * device of their own may number what is mapped otherwise. */
static void note_file(struct profile_object *object, const struct mapped_file *file)
{
    struct os_file_status status;
    object->device = file->device;
    object->inode = file->inode;
    if (file->inode != 0 && object->path_length < PATH_BYTES) {
        objects.path[object->path_length] = '\0';
        if (brkm__os_file_status(objects.path, &status) &&
            (status.inode == file->inode || status.is_on_no_device)) {
            object->size = status.size;
            object->changed = status.changed;
            object->changed_nanos = status.changed_nanos;
        }
    }
}

/* ---- The table ---- */

static struct profile_object **recent_place(uintptr_t start)
{
    return &objects.recent[(start >> 12) * BRKM_MIXING_FACTOR >> 32 & (RECENT - 1)];
}

static bool is_at(const struct profile_object *object, const struct os_object *found)
{
    return object->start == found->start && object->end == found->end &&
           object->loaded == found->loaded;
}

/* What was found at a place, as it is in memory now. Whoever is there is new when it has another
 * identity. */
static struct profile_object *find_known(const struct os_object *found, uint64_t identity)
{
    struct profile_object *object = objects.first;
    while (object != NULL && (!is_at(object, found) || object->identity != identity)) {
        object = object->next;
    }
    return object;
}

static struct profile_object *make(const struct os_object *found, const struct image *image,
                                   uint64_t identity)
{
    struct mapped_file file;
    size_t length = find_path(found, &file);
    struct profile_object *object = objects.last != NULL && objects.last->number == OBJECTS_MAX
                                        ? NULL
                                        : take_memory(sizeof(*object) + length);
    if (object == NULL) {
        return NULL;
    }
    *object = (struct profile_object){
        .number = objects.last == NULL ? 1 : objects.last->number + 1,
        .start = found->start,
        .end = found->end,
        .link_start = image->link_start,
        .loaded = found->loaded,
        .is_program = found->is_program,
        .identity = identity,
        .first_seen = brkm__os_milliseconds(),
        .build_id_length = image->build_id_length,
        .path_length = length,
    };
    memcpy(object->path, objects.path, length);
    if (image->build_id != NULL) {
        memcpy(object->build_id, image->build_id, image->build_id_length);
    }
    note_file(object, &file);
    *(objects.last == NULL ? &objects.first : &objects.last->next) = object;
    objects.last = object;
    return object;
}

static struct profile_object *object_of(const struct os_object *found)
{
    struct image image;
    struct profile_object **recent = recent_place(found->start);
    bool known = *recent != NULL && is_at(*recent, found) && found->loaded != NULL;
    uint64_t identity = identify(&image, found, known);
    if (!known || (*recent)->identity != identity) {
        struct profile_object *object = find_known(found, identity);
        *recent = object != NULL ? object : make(found, &image, identity);
    }
    if (*recent != NULL) {
        (*recent)->last_seen = brkm__os_milliseconds();
    }
    return *recent;
}

/* Where the loader cannot be asked: the mapping, as far as it is not known already. */
static bool find_mapping(uintptr_t address, struct os_object *found)
{
    struct profile_object *object = objects.first;
    while (object != NULL &&
           (address < object->start || address >= object->end || !brkm__objects_is_there(object))) {
        object = object->next;
    }
    struct mapped_file file = {0};
    if (object == NULL) {
        brkm__proc_maps_file(address, objects.path, PATH_BYTES, &file);
    }
    *found = (struct os_object){.start = object != NULL ? object->start : file.start,
                                .end = object != NULL ? object->end : file.end};
    return object != NULL || file.inode != 0;
}

static bool find_object(uintptr_t address, struct os_object *found)
{
    return brkm__os_can_find_objects() ? brkm__os_find_object((const void *)address, found)
                                       : find_mapping(address, found);
}

/* A return address may lie behind the last byte of its function, so what counts is the one before.
 */
void brkm__objects_find(void *const *frames, size_t depth, object_number *numbers)
{
    const struct profile_object *last = NULL;
    for (size_t i = 0; i < depth; i++) {
        struct os_object found;
        uintptr_t address = (uintptr_t)frames[i] - 1;
        if (last == NULL || address < last->start || address >= last->end) {
            last = find_object(address, &found) ? object_of(&found) : NULL;
        }
        numbers[i] = last == NULL ? 0 : (object_number)last->number;
    }
}

static void note(const void *address)
{
    struct os_object found;
    if (find_object((uintptr_t)address, &found)) {
        object_of(&found);
    }
}

void brkm__objects_note_all(void)
{
    brkm__os_each_object(note);
}

/* ---- Reading ---- */

const struct profile_object *brkm__objects_first(void)
{
    return objects.first;
}

const struct profile_object *brkm__objects_at(object_number number)
{
    const struct profile_object *object = number == 0 ? NULL : objects.first;
    while (object != NULL && object->number != number) {
        object = object->next;
    }
    return object;
}

bool brkm__objects_is_there(const struct profile_object *object)
{
    struct image image;
    struct os_object found = {.start = object->start, .end = object->end};
    bool can_ask = brkm__os_can_find_objects();
    if (can_ask &&
        (!brkm__os_find_object((const void *)object->start, &found) || !is_at(object, &found))) {
        return false;
    }
    return identify(&image, &found, false) == object->identity;
}

size_t brkm__objects_bytes(void)
{
    return objects.bytes;
}

void brkm__objects_abandon(void)
{
    memset(&objects, 0, sizeof(objects));
}
