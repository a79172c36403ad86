/* SPDX-License-Identifier: MIT
 * See failslab.h. */
#include "kernel/failslab.h"

#include <string.h>

#include "kernel/spin.h"
#include "malloc/malloc.h"

static struct {
    struct spin lock;
    /* All else under the lock. */
    struct brkm_failslab settings;
    char *cache;
    unsigned long asked;
    unsigned long failed;
    uint64_t random;
} failslab;

BRKM_ENTRY void brkm_failslab_set(const struct brkm_failslab *settings)
{
    char *name = settings->cache != NULL ? brkm_malloc(strlen(settings->cache) + 1) : NULL;
    if (name != NULL) {
        strcpy(name, settings->cache);
    }
    bool is_on = settings->probability != 0 && settings->times != 0;
    spin_acquire(&failslab.lock);
    char *old = failslab.cache;
    failslab.settings = *settings;
    failslab.cache = name;
    failslab.asked = 0;
    failslab.failed = 0;
    failslab.random = settings->seed != 0 ? settings->seed : 1;
    spin_release(&failslab.lock);
    brkm__caches_watch(CACHE_WATCH_FAILSLAB, is_on);
    brkm_free(old);
}

BRKM_ENTRY unsigned long brkm_failslab_count(void)
{
    spin_acquire(&failslab.lock);
    unsigned long failed = failslab.failed;
    spin_release(&failslab.lock);
    return failed;
}

/* Numbers from 0 to 99 (xorshift, Marsaglia 2003). */
static unsigned draw(void)
{
    uint64_t x = failslab.random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    failslab.random = x;
    return (unsigned)(x * BRKM_MIXING_FACTOR >> 32) % 100;
}

static bool concerns(const char *cache, size_t size, brkm_gfp_t flags)
{
    const struct brkm_failslab *settings = &failslab.settings;
    bool in_range = size >= settings->least && (settings->most == 0 || size <= settings->most);
    bool by_name = failslab.cache == NULL || (cache != NULL && strcmp(cache, failslab.cache) == 0);
    bool by_flags =
        (flags & BRKM_GFP_NOFAIL) == 0 && (settings->also_may_wait || !gfp_may_wait(flags));
    return in_range && by_name && by_flags;
}

static bool decide(size_t size)
{
    struct brkm_failslab *settings = &failslab.settings;
    if (settings->space > size) {
        settings->space -= size;
        return false;
    }
    if (settings->interval > 1 && ++failslab.asked % settings->interval != 0) {
        return false;
    }
    if (settings->times == 0 || draw() >= settings->probability) {
        return false;
    }
    settings->times -= settings->times > 0;
    failslab.failed++;
    return true;
}

bool brkm__failslab_wants(const char *cache, size_t size, brkm_gfp_t flags)
{
    if (!spin_take(&failslab.lock, gfp_may_wait(flags))) {
        return false;
    }
    bool wanted = concerns(cache, size, flags) && decide(size);
    spin_release(&failslab.lock);
    return wanted;
}

/* ---- Fork ---- */

void brkm__failslab_lock(void)
{
    spin_acquire(&failslab.lock);
}

void brkm__failslab_open(void)
{
    spin_release(&failslab.lock);
}
