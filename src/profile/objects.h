/* SPDX-License-Identifier: MIT
 * The objects (programs and libraries) that the frames of recorded stacks lie in. They are looked
 * up when a stack is recorded: what is on the calling thread's stack is loaded at that moment,
 * while later something else may lie there. An object that took another's place is another object,
 * also where it has the same name: what tells it is the build id, or else its program headers.
 *
 * All under the profile's lock. Nothing here waits for the loader. */
#ifndef BRKMALLOC_PROFILE_OBJECTS_H
#define BRKMALLOC_PROFILE_OBJECTS_H

#include "base/base.h"
#include "kit/image.h"

struct profile_object {
    struct profile_object *next; /* in the order of their numbers */
    unsigned number;             /* from 1 */
    uintptr_t start, end;
    uintptr_t link_start; /* what the object's own tables call `start` */
    const void *loaded;   /* the loader's note of it, NULL when there is none */
    bool is_program;
    uint64_t identity;               /* of build id or program headers, and of the loader's name */
    uint64_t first_seen, last_seen;  /* milliseconds, brkm__os_milliseconds */
    uint64_t device, inode;          /* of the file, 0 when they are not known; as the next three */
    uint64_t size;                   /* bytes */
    uint64_t changed, changed_nanos; /* seconds since 1970, and behind the point */
    size_t build_id_length;          /* 0 when it has none */
    unsigned char build_id[IMAGE_BUILD_ID_MAX];
    size_t path_length;
    char path[]; /* not ended by a zero */
};

/* Numbers of objects, one for each frame of a stack; 0 for an address that lies in none. */
typedef uint16_t object_number;

/* The objects of the calling thread's stack. */
void brkm__objects_find(void *const *frames, size_t depth, object_number *numbers);

/* Notes all that are loaded, for whom no other thread can load or unload any: the constructor. */
void brkm__objects_note_all(void);

/* The first of them, or NULL; and one by its number, NULL for 0. */
const struct profile_object *brkm__objects_first(void);
const struct profile_object *brkm__objects_at(object_number number);

/* True when the object lies there still. */
bool brkm__objects_is_there(const struct profile_object *object);

/* Bytes of memory of their own. */
size_t brkm__objects_bytes(void);

/* Begins anew, without giving memory back: for the child of a fork that ran no handlers. */
void brkm__objects_abandon(void);

#endif
