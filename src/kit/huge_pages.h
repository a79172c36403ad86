/* SPDX-License-Identifier: MIT
 * Transparent huge pages, as the option thp says: what the system is told of new memory,
 * and in which units memory goes back. A system that does not follow is no error: memory is then in
 * pages of the usual size. */
#ifndef BRKMALLOC_KIT_HUGE_PAGES_H
#define BRKMALLOC_KIT_HUGE_PAGES_H

#include "base/base.h"

/* Looks at the option. True when it changed since the last call, or, at first, is not the default:
 * memory that there is already has then not been told of. */
bool brkm__huge_pages_changed(void);

/* Tells the system of memory that it just gave. Each stretch of break is told of by itself: the
 * kernel joins neighbours only while they are alike, and the heap shall be one mapping. */
void brkm__huge_pages_advise(void *start, size_t size);

/* Bytes of what is best taken from the system and given back as a whole: a huge page with
 * thp:always, where the system has them, otherwise a page. */
size_t brkm__huge_pages_unit(void);

#endif
