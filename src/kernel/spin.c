/* SPDX-License-Identifier: MIT
 * See spin.h. */
#include "kernel/spin.h"

#include "system/os_thread.h"

/* Tries before the first sleep: what is done under such a lock takes less than a microsecond, but
 * for a refill, which takes a few. */
#define SPINS 200

void brkm__spin_wait(struct spin *lock)
{
    for (unsigned tries = 0; !spin_try(lock); tries++) {
        if (tries >= SPINS) {
            brkm__os_wait_at_most(&lock->taken, 1, 1);
        }
    }
}
