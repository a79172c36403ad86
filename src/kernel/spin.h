/* SPDX-License-Identifier: MIT
 * The locks of the kernel's family. Opening one is a store and makes no system call, whoever waits:
 * so code that must not make any may take one, if it is open, and open it again. Who has to wait
 * for one spins, and then sleeps for a millisecond at a time. */
#ifndef BRKMALLOC_KERNEL_SPIN_H
#define BRKMALLOC_KERNEL_SPIN_H

#include "base/base.h"

/* All zero is an open lock. Acquire on taking pairs with release on opening. */
struct spin {
    uint32_t taken;
};

/* True when the lock was open and is now the caller's. Never waits; async-signal-safe. */
static inline bool spin_try(struct spin *lock)
{
    return __atomic_load_n(&lock->taken, __ATOMIC_RELAXED) == 0 &&
           __atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) == 0;
}

void brkm__spin_wait(struct spin *lock);

static inline void spin_acquire(struct spin *lock)
{
    if (unlikely(!spin_try(lock))) {
        brkm__spin_wait(lock);
    }
}

/* Takes the lock; where the caller must not wait, only if it is open. */
static inline bool spin_take(struct spin *lock, bool may_wait)
{
    if (!may_wait) {
        return spin_try(lock);
    }
    spin_acquire(lock);
    return true;
}

static inline void spin_release(struct spin *lock)
{
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

static inline bool spin_is_taken(const struct spin *lock)
{
    return __atomic_load_n(&lock->taken, __ATOMIC_RELAXED) != 0;
}

#endif
