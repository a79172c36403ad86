/* SPDX-License-Identifier: MIT
 * See alarm.h. */
#include "kit/alarm.h"

#include <string.h>

#include "system/os_socket.h"
#include "system/os_thread.h"

uint32_t brkm__alarm_state;

/* Written by the sleeper while the alarm is off; read by whoever turned it off, which the exchange
 * in brkm__alarm_ring orders after brkm__alarm_set. */
static struct {
    size_t length; /* 0: the sleeper waits on the state itself */
    char name[OS_SOCKET_NAME_MAX];
} bell;

static bool turn_off(void)
{
    return __atomic_exchange_n(&brkm__alarm_state, ALARM_OFF, __ATOMIC_ACQUIRE) == ALARM_SET;
}

void brkm__alarm_set(void)
{
    __atomic_store_n(&brkm__alarm_state, ALARM_SET, __ATOMIC_RELEASE);
}

void brkm__alarm_wait(enum alarm_state state, uint64_t milliseconds)
{
    brkm__os_wait_at_most(&brkm__alarm_state, state, milliseconds);
}

void brkm__alarm_use_socket(const char *name, size_t length)
{
    turn_off();
    bell.length = min_size(length, sizeof(bell.name));
    memcpy(bell.name, name, bell.length);
}

void brkm__alarm_ring(void)
{
    if (turn_off()) {
        brkm__alarm_wake();
    }
}

void brkm__alarm_wake(void)
{
    turn_off();
    if (bell.length == 0) {
        brkm__os_wake_one(&brkm__alarm_state);
    } else {
        brkm__os_socket_knock(bell.name, bell.length);
    }
}

void brkm__alarm_reset(void)
{
    __atomic_store_n(&brkm__alarm_state, ALARM_OFF, __ATOMIC_RELAXED);
    bell.length = 0;
}
