/* SPDX-License-Identifier: MIT
 * How any thread wakes the allocator's own (service/thread.c), which sleeps until there is
 * something for it to do. Costs whoever frees memory a look at one word. */
#ifndef BRKMALLOC_KIT_ALARM_H
#define BRKMALLOC_KIT_ALARM_H

#include "base/base.h"

/* Longest sleep of a thread whose alarm rings at a socket, in milliseconds: a program that has no
 * descriptor left cannot ring there. */
#define ALARM_SOCKET_SLEEP_MAX 10000

enum alarm_state { ALARM_OFF, ALARM_SET };

/* Whether somebody sleeps until the alarm rings. Written by the sleeper, who sets it under the
 * locks of all heaps, and by whoever rings; read relaxed, under a heap's lock: so no ring is lost.
 * The kernel reads it too. */
extern uint32_t brkm__alarm_state BRKM_HIDDEN;

static inline bool alarm_is_set(void)
{
    return __atomic_load_n(&brkm__alarm_state, __ATOMIC_RELAXED) != ALARM_OFF;
}

/* The calling thread is about to sleep until the alarm rings. */
void brkm__alarm_set(void);

/* Sleeps while the alarm is in that state, and at most that long (UINT64_MAX: for ever). May return
 * early. */
void brkm__alarm_wait(enum alarm_state state, uint64_t milliseconds);

/* Whoever sleeps does so on a socket of that abstract name, which a ring connects to; a length of 0
 * goes back to brkm__alarm_wait. Turns the alarm off. Called by the sleeper. */
void brkm__alarm_use_socket(const char *name, size_t length);

/* Wakes the sleeper, if the alarm is set. */
BRKM_COLD void brkm__alarm_ring(void);

/* Wakes the sleeper in any case, about something else. */
void brkm__alarm_wake(void);

/* In the child of a fork, where nobody sleeps. */
void brkm__alarm_reset(void);

#endif
