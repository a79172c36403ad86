/* SPDX-License-Identifier: MIT
 * See profile_term.h. */
#include "service/profile_term.h"

#include "kit/options.h"
#include "malloc/watcher.h"
#include "system/os.h"

/* Milliseconds on the clock at which the term ends; 0 without one. */
static uint64_t ends_at;

#if BRKM_PROFILE

/* False where another interval has been chosen for good. */
static bool choose_interval(size_t interval)
{
    if (interval == 0 || interval == brkm__option_get(OPTION_profile_interval)) {
        return true;
    }
    return relaxed_load(brkm__recorder) == NULL &&
           brkm__option_set_from(OPTION_profile_interval, interval, "control");
}

enum profile_term brkm__profile_term_begin(uint64_t seconds, size_t interval)
{
    if (!choose_interval(interval)) {
        return PROFILE_TERM_HAS_INTERVAL;
    }
    if (recorder_is_on() && ends_at == 0) {
        return PROFILE_TERM_IS_ON_ALREADY;
    }
    if (brkm_profile_start() != 0) {
        return PROFILE_TERM_NO_MEMORY;
    }
    ends_at = brkm__os_milliseconds() + 1000 * seconds;
    return PROFILE_TERM_BEGUN;
}

bool brkm__profile_term_end(void)
{
    bool had_term = ends_at != 0;
    if (had_term) {
        brkm_profile_stop();
    }
    ends_at = 0;
    return had_term;
}

#else

enum profile_term brkm__profile_term_begin(uint64_t seconds, size_t interval)
{
    (void)seconds;
    (void)interval;
    return PROFILE_TERM_NO_MEMORY;
}

bool brkm__profile_term_end(void)
{
    return false;
}

#endif

bool brkm__profile_take(brkm_writer write, void *context)
{
    const struct recorder *recorder = relaxed_load(brkm__recorder);
    if (recorder != NULL) {
        recorder->write(write, context);
    }
    return recorder != NULL;
}

uint64_t brkm__profile_term_look(void)
{
    if (ends_at == 0) {
        return UINT64_MAX;
    }
    uint64_t now = brkm__os_milliseconds();
    if (now < ends_at) {
        return ends_at - now;
    }
    brkm__profile_term_end();
    return UINT64_MAX;
}
