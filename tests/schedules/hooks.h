/* SPDX-License-Identifier: MIT
 *
 * Included before the allocator's sources: other threads may go on before each atomic operation. */
#ifndef BRKM_TESTS_SCHEDULE_HOOKS_H
#define BRKM_TESTS_SCHEDULE_HOOKS_H

#include "base/base.h"
#include "base/config.h"
#include "scheduler.h"

/* One look is as good as many, and makes fewer schedules. */
#undef BRKM_LOCK_SPINS
#define BRKM_LOCK_SPINS 1

/* Whether a word belongs to what the scenario is about: the locks of shelves that no thread of it
 * uses need no schedules. */
bool model_is_watched(const volatile void *word);

/* A signal may come here, too. */
void model_interrupt(void);

static inline void model_touch(const volatile void *word)
{
    if (model_is_watched(word)) {
        schedule_point();
        model_interrupt();
    }
}

#define __atomic_load_n(word, order) (model_touch(word), __atomic_load_n(word, order))
#define __atomic_store_n(word, value, order) \
    (model_touch(word), __atomic_store_n(word, value, order))
#define __atomic_exchange_n(word, value, order) \
    (model_touch(word), __atomic_exchange_n(word, value, order))
#define __atomic_compare_exchange_n(word, expected, value, weak, order, failure) \
    (model_touch(word), __atomic_compare_exchange_n(word, expected, value, weak, order, failure))

#undef relaxed_load
#undef relaxed_store
#define relaxed_load(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)
#define relaxed_store(word, value) __atomic_store_n(&(word), value, __ATOMIC_RELAXED)

#endif
