/* SPDX-License-Identifier: MIT
 * See outside.h. */
#include "kit/outside.h"

/* Pushed by compare-and-exchange, release; read with acquire. */
static struct outside_source *sources;

void brkm__outside_add(struct outside_source *source)
{
    struct outside_source *first = __atomic_load_n(&sources, __ATOMIC_RELAXED);
    do {
        source->next = first;
    } while (!__atomic_compare_exchange_n(&sources, &first, source, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}

void brkm__outside_tell(const struct outside_listener *listener)
{
    const struct outside_source *source = __atomic_load_n(&sources, __ATOMIC_ACQUIRE);
    for (; source != NULL; source = source->next) {
        source->tell(listener);
    }
}
