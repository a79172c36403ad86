/* SPDX-License-Identifier: MIT
 * See wiped.h. */
#include "kit/wiped.h"

#include "kit/lock.h"

static struct wiped_words inherited = {.lock_mark = LOCK_TAKEN | LOCK_NUMBER};
struct wiped_words *brkm__wiped = &inherited;

void brkm__wiped_begin(void)
{
    struct wiped_words *page = brkm__os_map_wiped_on_fork();
    if (page != NULL) {
        *page = inherited;
        __atomic_store_n(&brkm__wiped, page, __ATOMIC_RELEASE);
    }
}
