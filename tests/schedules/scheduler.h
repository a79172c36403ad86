/* SPDX-License-Identifier: MIT
 *
 * Runs a few threads in every order of their steps. The threads are fibers of one real thread; the
 * code under test calls schedule_point before each atomic operation (hooks.h), and there any other
 * thread may go on. All schedules are tried in which a thread that could go on is stopped at most
 * a given number of times; most errors of concurrency need two such stops or fewer. */
#ifndef BRKM_TESTS_SCHEDULER_H
#define BRKM_TESTS_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

/* One set of threads. `prepare` runs before each schedule and puts all variables back, `verify`
 * when all threads have ended. */
struct scenario {
    const char *name;
    void (*prepare)(void);
    void (*threads[4])(void); /* up to the first NULL */
    void (*verify)(void);
    unsigned stops; /* of threads that could go on, at most */
};

/* Tries all schedules; returns how many. What is found ends the process: it is described on
 * standard error, and the exit status is 1. */
unsigned long schedules_of(const struct scenario *scenario);

/* Other threads may go on here. */
void schedule_point(void);

/* A number below `count`: all are tried. */
unsigned schedule_choose(unsigned count);

/* The calling thread waits until schedule_wake_one for the same place. */
void schedule_wait(const void *place);
void schedule_wake_one(const void *place);

/* All threads but the calling one vanish, as in the child of a fork. */
void schedule_forget_others(void);

_Noreturn void schedule_violation(const char *what);

#define schedule_expect(condition) ((condition) ? (void)0 : schedule_violation("not " #condition))

/* The number of the running thread. */
unsigned schedule_self(void);

/* A flag of each thread that the code under test keeps in thread-local memory; the scheduler
 * exchanges it when it changes threads. */
extern bool *schedule_thread_flag;

#endif
