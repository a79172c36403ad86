/* SPDX-License-Identifier: MIT
 * Which file an address belongs to, from /proc/self/maps or the loader. May be called by a signal
 * handler. */
#ifndef BRKMALLOC_KIT_PROC_MAPS_H
#define BRKMALLOC_KIT_PROC_MAPS_H

#include "kit/report.h"

enum modules_path { MODULES_FULL_PATH, MODULES_LAST_NAME, MODULES_FILE_ALONE };

/* Adds "FILE+0xOFFSET", as addr2line -e FILE 0xOFFSET takes it, or the file alone; without /proc
 * what the loader knows. False where no file is mapped: nothing was added. */
bool brkm__modules_add_place(struct line *line, const void *address, enum modules_path path);

/* The mapping that an address lies in. */
struct mapped_file {
    uintptr_t start; /* of the first mapping of the file */
    uintptr_t end;   /* of the mapping itself */
    uint64_t device; /* major number in the upper half, minor in the lower */
    uint64_t inode;  /* 0 when no file is mapped there */
};

/* Finds it. Puts the path into `path`, which has `room` bytes, some 80 more than the longest path
 * that is told whole, and returns its length: 0 where no file is mapped, and where /proc is not
 * there. */
size_t brkm__proc_maps_file(uintptr_t address, char *path, size_t room, struct mapped_file *file);

#endif
