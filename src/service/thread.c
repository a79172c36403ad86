/* SPDX-License-Identifier: MIT
 * See thread.h. */
#include "service/thread.h"

#include <stdatomic.h>

#include "kit/alarm.h"
#include "kit/options.h"
#include "kit/report.h"
#include "service/decay.h"
#include "service/profile_term.h"
#include "service/socket.h"
#include "system/os.h"
#include "system/os_thread.h"

/* Milliseconds between two looks whether any thread of the program is left, once the first has
 * ended: libc ends a process when its last thread does, and this one must not keep it from that. */
#define LAST_THREAD_LOOK_MS 500

static struct {
    /* Written by the constructor, and in the child of a fork. */
    bool running;
    struct os_thread_end first_thread;
    /* Written by the program's first thread when it ends; relaxed, the alarm wakes the reader. */
    atomic_bool first_thread_ended;
} service;

/* ---- The thread ---- */

static bool is_on(enum option option)
{
    return brkm__option_get(option) != 0;
}

/* When the next look at the heap is due. */
struct schedule {
    struct decay decay;
    uint64_t look_at; /* milliseconds on the clock; UINT64_MAX: when the alarm has rung */
};

static void look_if_due(struct schedule *schedule)
{
    uint64_t now = brkm__os_milliseconds();
    bool due = schedule->look_at == UINT64_MAX ? !alarm_is_set() : now >= schedule->look_at;
    if (due) {
        uint64_t wait = brkm__decay_look(&schedule->decay);
        schedule->look_at = wait == DECAY_UNTIL_ALARM ? UINT64_MAX : now + wait;
    }
}

static uint64_t time_left(const struct schedule *schedule)
{
    uint64_t now = brkm__os_milliseconds();
    if (schedule->look_at == UINT64_MAX) {
        return UINT64_MAX;
    }
    return schedule->look_at > now ? schedule->look_at - now : 0;
}

/* Until the alarm rings, a client comes or the time is over. */
static void sleep_at_most(const struct schedule *schedule, uint64_t milliseconds)
{
    if (brkm__server_is_open()) {
        brkm__server_wait(milliseconds);
    } else {
        enum alarm_state state = schedule->look_at == UINT64_MAX ? ALARM_SET : ALARM_OFF;
        brkm__alarm_wait(state, milliseconds);
    }
}

static bool program_has_ended(uint64_t *milliseconds)
{
    if (!atomic_load_explicit(&service.first_thread_ended, memory_order_relaxed)) {
        return false;
    }
    *milliseconds = min_size(*milliseconds, LAST_THREAD_LOOK_MS);
    return brkm__os_is_last_thread();
}

BRKM_ENTRY_OF(service) static void run(void)
{
    bool decays = is_on(OPTION_background);
    struct schedule schedule = {.look_at = decays ? 0 : UINT64_MAX};
    if (is_on(OPTION_control)) {
        brkm__server_open();
    }
    while (decays || brkm__server_is_open()) {
        if (decays) {
            look_if_due(&schedule);
        }
        uint64_t milliseconds = min_size(time_left(&schedule), brkm__profile_term_look());
        if (program_has_ended(&milliseconds)) {
            return;
        }
        sleep_at_most(&schedule, milliseconds);
    }
}

/* ---- Start and fork ---- */

static void start_thread(void)
{
    service.running = brkm__os_start_thread(run);
    if (!service.running) {
        struct line line = {0};
        brkm__line_add_text(&line, "brkmalloc: background and control have no effect in process ");
        brkm__line_add_number(&line, (uint64_t)brkm__os_process_id());
        brkm__line_add_text(&line, "; the system has no room for a thread");
        brkm__line_write(&line);
    }
}

static void first_thread_ends(void *unused)
{
    (void)unused;
    atomic_store_explicit(&service.first_thread_ended, true, memory_order_relaxed);
    brkm__alarm_wake();
}

/* A thread-specific value has its destructor called when its thread ends, but not by exit. */
static void watch_first_thread(void)
{
    if (brkm__os_is_first_thread()) {
        brkm__os_set_at_end(&service.first_thread, &service);
    }
}

void brkm__service_start(void)
{
    if ((!is_on(OPTION_background) && !is_on(OPTION_control)) || brkm__os_is_secure_mode()) {
        return;
    }
    brkm__os_watch_ends(&service.first_thread, first_thread_ends);
    watch_first_thread();
    start_thread();
}

void brkm__service_restart_in_child(void)
{
    if (!service.running) {
        return;
    }
    brkm__alarm_reset();
    brkm__server_forget();
    atomic_store_explicit(&service.first_thread_ended, false, memory_order_relaxed);
    watch_first_thread();
    start_thread();
}

const struct optional_room brkm__service_room = {
    .start = brkm__service_start,
    .restart = brkm__service_restart_in_child,
};
