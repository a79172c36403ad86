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

/* Tries of brkm__lock_try_for_a_while: some milliseconds. */
#define PATIENT_TRIES 1000000

bool brkm__lock_try_for_a_while(struct lock *lock)
{
    for (int i = 0; i < PATIENT_TRIES; i++) {
        if (!lock_is_taken(lock) && lock_try(lock)) {
            return true;
        }
        pause_briefly();
    }
    return false;
}

void brkm__lock_wake(struct lock *lock)
{
    brkm__os_wake_one(&lock->word);
}
