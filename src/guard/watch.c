/* SPDX-License-Identifier: MIT
 * See watch.h. */
#include "guard/watch.h"

#include "cache/thread_cache.h"
#include "guard/canary.h"
#include "profile/samples.h"

uint8_t brkm__watching;

void brkm__watch_all(void)
{
    brkm__canary_draw_secret();
    relaxed_store(brkm__watching, WATCH_ALL);
    brkm__cache_watch_malloc(true);
}

void brkm__watch_sample(bool on)
{
    if (on) {
        brkm__canary_draw_secret();
    }
    brkm__samples_take(on);
    if (!watch_is_on()) {
        relaxed_store(brkm__watching, on ? WATCH_SAMPLES : WATCH_NONE);
        brkm__cache_watch_malloc(on);
    }
}
