/* SPDX-License-Identifier: MIT
 * What a picture of the heap has of mapped blocks, and of all that kit/outside.h tells of. */
#ifndef BRKMALLOC_STATS_HEAP_AREAS_H
#define BRKMALLOC_STATS_HEAP_AREAS_H

#include "stats/heap_map.h"

/* Fills in the map's areas, with their runs behind those of the regions. False when there is no
 * memory for them. */
bool brkm__heap_areas_find(struct heap_map *map);

void brkm__heap_areas_free(struct heap_map *map);

#endif
