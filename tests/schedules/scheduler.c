/* SPDX-License-Identifier: MIT
 * See scheduler.h. */
#include "scheduler.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define THREADS_MAX 4
#define STACK_BYTES (64 * 1024)

/* Decisions in one schedule, beyond any that ends. */
#define DECISIONS_MAX 10000

enum thread_state { THREAD_NONE, THREAD_READY, THREAD_WAITING, THREAD_ENDED };

struct thread {
    enum thread_state state;
    bool has_begun;
    const void *waits_for;
    void (*body)(void);
    jmp_buf where;
    ucontext_t beginning;
    bool flag;
    char stack[STACK_BYTES] __attribute__((aligned(16)));
};

static struct thread threads[THREADS_MAX];
static struct thread *self; /* NULL: the scheduler itself */
static jmp_buf scheduler;
static const struct scenario *scenario;
static unsigned stops;
bool *schedule_thread_flag;

/* The decisions of the schedule under way: those of the last one up to `depth`, then new ones. */
static struct decision {
    unsigned char chosen, options;
} decisions[DECISIONS_MAX];
static unsigned depth, decided;

_Noreturn void schedule_violation(const char *what)
{
    fprintf(stderr, "scenario %s, thread %d: %s, after the choices", scenario->name,
            self == NULL ? -1 : (int)schedule_self(), what);
    for (unsigned i = 0; i < depth; i++) {
        fprintf(stderr, " %d", decisions[i].chosen);
    }
    fprintf(stderr, "\n");
    exit(1);
}

unsigned schedule_self(void)
{
    return (unsigned)(self - threads);
}

unsigned schedule_choose(unsigned count)
{
    if (count <= 1) {
        return 0;
    }
    if (depth == DECISIONS_MAX) {
        schedule_violation("the schedule does not end");
    }
    if (depth == decided) {
        decisions[decided++] = (struct decision){0, (unsigned char)count};
    }
    if (decisions[depth].options != count) {
        schedule_violation("the same choices lead to another state: a variable is not put back");
    }
    return decisions[depth++].chosen;
}

/* True when there is a schedule that was not tried. */
static bool next_schedule(void)
{
    while (decided > 0 && decisions[decided - 1].chosen + 1 == decisions[decided - 1].options) {
        decided--;
    }
    if (decided > 0) {
        decisions[decided - 1].chosen++;
    }
    return decided > 0;
}

/* ---- Changing threads ---- */

static void body_of_fiber(void)
{
    self->body();
    self->state = THREAD_ENDED;
    _longjmp(scheduler, 1);
}

static void go_on_with(struct thread *thread)
{
    self = thread;
    *schedule_thread_flag = thread->flag;
    if (thread->has_begun) {
        _longjmp(thread->where, 1);
    }
    thread->has_begun = true;
    setcontext(&thread->beginning);
}

/* Leaves the running thread for the scheduler, and comes back when that lets it go on. */
static void leave(void)
{
    self->flag = *schedule_thread_flag;
    if (_setjmp(self->where) == 0) {
        _longjmp(scheduler, 1);
    }
}

/* The threads that can go on, `first` before all others. */
static unsigned ready_threads(struct thread *ready[THREADS_MAX], struct thread *first)
{
    unsigned count = 0;
    if (first != NULL && first->state == THREAD_READY) {
        ready[count++] = first;
    }
    for (struct thread *thread = threads; thread < threads + THREADS_MAX; thread++) {
        if (thread != first && thread->state == THREAD_READY) {
            ready[count++] = thread;
        }
    }
    return count;
}

void schedule_point(void)
{
    struct thread *ready[THREADS_MAX];
    if (self == NULL || stops == scenario->stops) {
        return;
    }
    unsigned which = schedule_choose(ready_threads(ready, self));
    if (which != 0) {
        struct thread *next = ready[which];
        stops++;
        self->flag = *schedule_thread_flag;
        if (_setjmp(self->where) == 0) {
            go_on_with(next);
        }
    }
}

void schedule_wait(const void *place)
{
    self->state = THREAD_WAITING;
    self->waits_for = place;
    leave();
}

void schedule_wake_one(const void *place)
{
    struct thread *waiting[THREADS_MAX];
    unsigned count = 0;
    for (struct thread *thread = threads; thread < threads + THREADS_MAX; thread++) {
        if (thread->state == THREAD_WAITING && thread->waits_for == place) {
            waiting[count++] = thread;
        }
    }
    if (count != 0) {
        waiting[schedule_choose(count)]->state = THREAD_READY;
    }
}

void schedule_forget_others(void)
{
    for (struct thread *thread = threads; thread < threads + THREADS_MAX; thread++) {
        if (thread != self) {
            thread->state = THREAD_NONE;
        }
    }
}

/* ---- Schedules ---- */

static void begin_threads(void)
{
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        struct thread *thread = &threads[i];
        thread->state = THREAD_NONE;
        if (scenario->threads[i] == NULL) {
            break;
        }
        thread->state = THREAD_READY;
        thread->body = scenario->threads[i];
        thread->has_begun = false;
        thread->flag = false;
        getcontext(&thread->beginning);
        thread->beginning.uc_stack.ss_sp = thread->stack;
        thread->beginning.uc_stack.ss_size = STACK_BYTES;
        thread->beginning.uc_link = NULL;
        makecontext(&thread->beginning, body_of_fiber, 0);
    }
}

static void expect_all_ended(void)
{
    for (struct thread *thread = threads; thread < threads + THREADS_MAX; thread++) {
        if (thread->state == THREAD_WAITING) {
            schedule_violation("a thread waits for ever");
        }
    }
}

static void run_schedule(void)
{
    struct thread *ready[THREADS_MAX];
    depth = 0;
    stops = 0;
    self = NULL;
    scenario->prepare();
    begin_threads();
    /* Threads come back here when they wait or end. */
    _setjmp(scheduler);
    self = NULL;
    unsigned count = ready_threads(ready, NULL);
    if (count != 0) {
        go_on_with(ready[schedule_choose(count)]);
    }
    expect_all_ended();
    scenario->verify();
}

unsigned long schedules_of(const struct scenario *wanted)
{
    unsigned long count = 0;
    scenario = wanted;
    decided = 0;
    do {
        run_schedule();
        count++;
    } while (next_schedule());
    return count;
}
