/* SPDX-License-Identifier: MIT
 * Which file an address belongs to, from /proc/self/maps. May be called by a signal
 * handler. */
#ifndef BRKMALLOC_KIT_PROC_MAPS_H
#define BRKMALLOC_KIT_PROC_MAPS_H

#include "kit/report.h"

enum modules_path { MODULES_FULL_PATH, MODULES_LAST_NAME };

/* Adds "FILE+0xOFFSET", as addr2line -e FILE 0xOFFSET takes it. False where no file is mapped:
 * nothing was added. */
bool brkm__modules_add_place(struct line *line, const void *address, enum modules_path path);

#endif
