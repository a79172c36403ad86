/* SPDX-License-Identifier: MIT
 * Layer 3: the contended half of lock.h. */
#include "lock.h"

#include "config.h"
#include "report.h"

_Thread_local bool brkm__lock_holds_all;

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void brkm__lock_acquire_contended(struct lock *lock)
{
    for (int spin = 0; spin < BRKM_LOCK_SPINS; spin++) {
        if (!lock_is_taken(lock) && lock_try(lock)) {
            lock->contended++;
            return;
        }
        pause_briefly();
    }
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
        if (brkm__fatal_has_begun()) {
            return;
        }
        brkm__os_wait(&lock->word, 2);
    }
    lock->contended++;
}

void brkm__lock_wake(struct lock *lock)
{
    brkm__os_wake_one(&lock->word);
}
