/* SPDX-License-Identifier: MIT
 * What memory says of an object (a program or library): its headers and its build id. */
#ifndef BRKMALLOC_KIT_IMAGE_H
#define BRKMALLOC_KIT_IMAGE_H

#include "system/os_loader.h"

/* Bytes of a build id that count: a linker's has 8 to 20. */
#define IMAGE_BUILD_ID_MAX 64

/* What lies in the object's own memory. */
struct image {
    uintptr_t link_start; /* what the object's own tables call its start */
    const void *headers;  /* of its segments */
    size_t headers_length;
    const unsigned char *build_id;
    size_t build_id_length; /* 0 when it has none */
};

/* The object begins with its ELF header, as linkers make them; *image is empty where it does not.
 * `known`: an object of the same place and loader's note was read before, and need not be tested.
 */
void brkm__image_read(struct image *image, const struct os_object *object, bool known);

#endif
