/* SPDX-License-Identifier: MIT
 * The allocator's locks.
 *
 * A lock is a word: 0 open, otherwise the mark of the process whose thread took it, with a bit that
 * says that somebody may sleep (Drepper, "Futexes Are Tricky", mutex 3). While libc knows of one
 * thread only, nothing atomic happens; that also lets a signal handler fork while the thread it
 * interrupted holds the lock. Marks are for process/bare_fork.h. */
#ifndef BRKMALLOC_KIT_LOCK_H
#define BRKMALLOC_KIT_LOCK_H

#include "base/base.h"
#include "base/config.h"
#include "kit/wiped.h"
#include "system/os.h"

/* All zero is an open lock. Who takes one while he holds another does so in the order of
 * process/locks.c, in which fork takes all. */
struct lock {
    /* Acquire on taking pairs with release on opening. Not _Atomic: the kernel reads it too. */
    uint32_t word;
    /* Times that a thread found the lock taken. Written by its holder, read by anybody:
     * relaxed_store, relaxed_load. */
    uint64_t contended;
    /* Times that it was taken while there were other threads, but to look. As contended. */
    uint64_t taken;
};

/* Bits of the word; the rest is the mark's number. */
#define LOCK_TAKEN 1u
#define LOCK_AWAITED 2u
#define LOCK_NUMBER 4u /* the lowest bit of the number */

/* Gives the process a mark; NULL where it cannot lose it. Written by the constructor, which calls
 * brkm__wiped_begin after that. */
extern void (*brkm__lock_settle)(void) BRKM_HIDDEN;

/* True in the thread that forks, while it holds every lock: atfork handlers of the program that run
 * in between may allocate, and pass. */
extern _Thread_local bool brkm__lock_holds_all BRKM_HIDDEN
    __attribute__((tls_model("initial-exec")));

void brkm__lock_acquire_contended(struct lock *lock);
void brkm__lock_wake(struct lock *lock);

/* Without LOCK_TAKEN in it nobody can take a lock before brkm__lock_settle. */
static inline uint32_t lock_mark(void)
{
    return BRKM_BARE_FORK ? __atomic_load_n(&wiped_words()->lock_mark, __ATOMIC_RELAXED)
                          : LOCK_TAKEN;
}

static inline bool lock_is_taken(struct lock *lock)
{
    return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

/* For assertions: false when nobody has the lock although it is needed. It is not while there is
 * one thread, in the thread that forks, and once a fault ends the program, when everyone passes. */
bool brkm__lock_is_held(const struct lock *lock);

/* For the holder: true when somebody sleeps until the lock opens. */
static inline bool lock_is_awaited(const struct lock *lock)
{
    return (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) & LOCK_AWAITED) != 0;
}

/* True when the lock was open and is now the caller's. False too while the process has no mark. */
static inline bool lock_take_if_open(struct lock *lock, uint32_t mark)
{
    uint32_t open = 0;
    return likely((mark & LOCK_TAKEN) != 0) &&
           __atomic_compare_exchange_n(&lock->word, &open, mark, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* The same for those who do without the lock, such as signal handlers: never waits. */
bool brkm__lock_try(struct lock *lock);

/* The same for one who must not wait for long, since the holder may be the caller itself. */
bool brkm__lock_try_for_a_while(struct lock *lock);

/* Acquires the lock. True where that is to be counted: while there are other threads. */
static inline bool lock_take(struct lock *lock)
{
    if (os_is_single_threaded()) {
        __atomic_store_n(&lock->word, LOCK_TAKEN, __ATOMIC_RELAXED);
        return false;
    }
    if (unlikely(brkm__lock_holds_all)) {
        return false;
    }
    if (unlikely(!lock_take_if_open(lock, lock_mark()))) {
        brkm__lock_acquire_contended(lock);
    }
    return true;
}

static inline void lock_acquire(struct lock *lock)
{
    if (lock_take(lock)) {
        relaxed_store(lock->taken, lock->taken + 1);
    }
}

/* For who looks at what others do: is not counted. */
static inline void lock_acquire_to_look(struct lock *lock)
{
    lock_take(lock);
}

static inline void lock_release(struct lock *lock)
{
    if (os_is_single_threaded()) {
        __atomic_store_n(&lock->word, 0, __ATOMIC_RELAXED);
        return;
    }
    if (unlikely(brkm__lock_holds_all)) {
        return;
    }
    uint32_t word = __atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE);
    if (unlikely((word & LOCK_AWAITED) != 0)) {
        brkm__lock_wake(lock);
    }
}

/* In the child of a fork: whoever held the lock does not exist here. */
static inline void lock_reset(struct lock *lock)
{
    __atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

#endif
