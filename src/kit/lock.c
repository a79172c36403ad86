/* SPDX-License-Identifier: MIT
 * The contended half of lock.h. */
#include "kit/lock.h"

#include "base/config.h"
#include "kit/report.h"

_Thread_local bool brkm__lock_holds_all;
void (*brkm__lock_settle)(void);

static void make_sure_of_mark(void)
{
    if (unlikely((lock_mark() & LOCK_TAKEN) == 0)) {
        brkm__lock_settle();
    }
}

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Takes the lock, or says that somebody may sleep and sleeps until it opens. True when it is taken;
 * it then counts as awaited, by others who may sleep. */
static bool take_or_sleep(struct lock *lock)
{
    uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
    if (word == 0) {
        return lock_take_if_open(lock, lock_mark() | LOCK_AWAITED);
    }
    uint32_t awaited = word | LOCK_AWAITED;
    if (word == awaited || __atomic_compare_exchange_n(&lock->word, &word, awaited, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        brkm__os_wait(&lock->word, awaited);
    }
    return false;
}

void brkm__lock_acquire_contended(struct lock *lock)
{
    make_sure_of_mark();
    if (lock_take_if_open(lock, lock_mark())) {
        return;
    }
    for (int spin = 0; spin < BRKM_LOCK_SPINS; spin++) {
        if (!lock_is_taken(lock) && lock_take_if_open(lock, lock_mark())) {
            relaxed_store(lock->contended, lock->contended + 1);
            return;
        }
        pause_briefly();
    }
    while (!brkm__fatal_has_begun()) {
        if (take_or_sleep(lock)) {
            relaxed_store(lock->contended, lock->contended + 1);
            return;
        }
        /* A signal handler that interrupted the sleep may have forked. */
        make_sure_of_mark();
    }
}

/* With one thread nobody gives the process a mark, and none is needed. */
bool brkm__lock_try(struct lock *lock)
{
    return lock_take_if_open(lock, os_is_single_threaded() ? LOCK_TAKEN : lock_mark());
}

/* Tries of brkm__lock_try_for_a_while: some milliseconds. */
#define PATIENT_TRIES 1000000

bool brkm__lock_try_for_a_while(struct lock *lock)
{
    for (int i = 0; i < PATIENT_TRIES; i++) {
        if (!lock_is_taken(lock) && brkm__lock_try(lock)) {
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

/* ---- For assertions ---- */

bool brkm__lock_is_held(const struct lock *lock)
{
    /* A signal handler may fork while the only thread holds locks, which the child resets. */
    return os_is_single_threaded() || brkm__lock_holds_all || brkm__fatal_has_begun() ||
           __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}
