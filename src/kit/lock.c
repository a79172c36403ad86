/* SPDX-License-Identifier: MIT
 * The contended half of lock.h, and marks. */
#include "kit/lock.h"

#include "base/config.h"
#include "kit/report.h"

_Thread_local bool brkm__lock_holds_all;

/* ---- Marks ---- */

/* Stands in the mark's place while somebody settles. */
#define SETTLING LOCK_AWAITED

/* Bits of a word that are none of the number. */
#define NUMBER_SHIFT 2

/* The mark before there is a page for it, and where the system has none that is wiped: then what
 * forks without handlers leave is not noticed. */
static uint32_t first_mark;
uint32_t *brkm__lock_mark = &first_mark;

/* Of this process's mark. Differs from that of the parent, whose locks are orphaned here. Written
 * by who settles and by fork's child. */
static uint32_t mark_number = 1;

/* Written by the constructor; relaxed, since what it settles does not depend on it. */
static void (*settle_orphans)(void);

void brkm__lock_settle_orphans_by(void (*settle)(void))
{
    __atomic_store_n(&settle_orphans, settle, __ATOMIC_RELAXED);
}

static uint32_t mark_of(uint32_t wanted)
{
    return wanted << NUMBER_SHIFT | LOCK_TAKEN;
}

static uint32_t next_mark(void)
{
    do {
        mark_number++;
    } while (mark_of(mark_number) == LOCK_TAKEN);
    return mark_of(mark_number);
}

static bool has_page(void)
{
    return __atomic_load_n(&brkm__lock_mark, __ATOMIC_ACQUIRE) != &first_mark;
}

/* Several threads may do so at a time: all write the same mark, and one page stays. */
static void map_page(void)
{
    uint32_t *page = brkm__os_map_wiped_on_fork();
    if (page == NULL) {
        __atomic_store_n(&first_mark, mark_of(mark_number), __ATOMIC_RELAXED);
        return;
    }
    uint32_t *none = &first_mark;
    __atomic_store_n(page, mark_of(mark_number), __ATOMIC_RELAXED);
    if (!__atomic_compare_exchange_n(&brkm__lock_mark, &none, page, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        brkm__os_unmap(page, brkm__os_page_size());
    }
}

static void settle(uint32_t *mark)
{
    void (*orphans)(void) = __atomic_load_n(&settle_orphans, __ATOMIC_RELAXED);
    if (orphans != NULL) {
        orphans();
    }
    __atomic_store_n(mark, next_mark(), __ATOMIC_RELEASE);
    brkm__os_wake_one(mark);
}

void brkm__lock_settle(void)
{
    if ((lock_mark() & LOCK_TAKEN) != 0) {
        return;
    }
    if (!has_page()) {
        map_page();
        return;
    }
    uint32_t *mark = __atomic_load_n(&brkm__lock_mark, __ATOMIC_ACQUIRE);
    uint32_t found = 0;
    if (__atomic_compare_exchange_n(mark, &found, SETTLING, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
        settle(mark);
        return;
    }
    while (__atomic_load_n(mark, __ATOMIC_ACQUIRE) == SETTLING) {
        brkm__os_wait(mark, SETTLING);
    }
    /* Who was woken wakes the next. */
    brkm__os_wake_one(mark);
}

void brkm__lock_begin_process(void)
{
    if (has_page()) {
        __atomic_store_n(brkm__lock_mark, next_mark(), __ATOMIC_RELEASE);
    }
}

/* ---- Waiting ---- */

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
    uint32_t awaited = (word == 0 ? lock_mark() : word) | LOCK_AWAITED;
    if (word != awaited && !__atomic_compare_exchange_n(&lock->word, &word, awaited, false,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return false;
    }
    if (word != 0) {
        brkm__os_wait(&lock->word, awaited);
    }
    return word == 0;
}

void brkm__lock_acquire_contended(struct lock *lock)
{
    brkm__lock_settle();
    if (lock_take_if_open(lock)) {
        return;
    }
    for (int spin = 0; spin < BRKM_LOCK_SPINS; spin++) {
        if (!lock_is_taken(lock) && lock_take_if_open(lock)) {
            lock->contended++;
            return;
        }
        pause_briefly();
    }
    while (!brkm__fatal_has_begun()) {
        if (take_or_sleep(lock)) {
            lock->contended++;
            return;
        }
        /* A signal handler that interrupted the sleep may have forked. */
        brkm__lock_settle();
    }
}

bool brkm__lock_try(struct lock *lock)
{
    if (unlikely(!has_page())) {
        brkm__lock_settle();
    }
    return lock_take_if_open(lock);
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
