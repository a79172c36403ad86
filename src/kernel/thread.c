/* SPDX-License-Identifier: MIT
 * See thread.h. */
#include "kernel/thread.h"

#include <limits.h>
#include <pthread.h>

#include "kernel/spin.h"
#include "kit/own_memory.h"
#include "malloc/malloc.h"

struct magazine brkm__magazine_none;

static struct kernel_thread before_first_use = {.busy = 1};
static struct kernel_thread after_exit = {.busy = 1};

_Thread_local struct kernel_thread *brkm__kernel_thread = &before_first_use;
void (*brkm__kernel_thread_ends)(struct kernel_thread *thread);

static struct {
    struct spin lock;
    struct kernel_thread *first;
    pthread_once_t once;
    bool has_key; /* written once */
    pthread_key_t key;
} threads = {.once = PTHREAD_ONCE_INIT};

/* ---- End ---- */

static void free_magazines(struct kernel_thread *thread)
{
    for (unsigned i = 0; i < THREAD_MAGAZINES; i++) {
        if (thread->magazines[i] != &brkm__magazine_none) {
            brkm_free(thread->magazines[i]);
        }
    }
}

/* As the thread caches of malloc do: later rounds of destructors may still come here. */
static void end_thread(void *value)
{
    struct kernel_thread *thread = value;
    if (++thread->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 2) {
        pthread_setspecific(threads.key, thread);
        return;
    }
    brkm__kernel_thread = &after_exit;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    brkm__kernel_thread_ends(thread);
    spin_acquire(&threads.lock);
    *thread->link = thread->next;
    if (thread->next != NULL) {
        thread->next->link = thread->link;
    }
    spin_release(&threads.lock);
    free_magazines(thread);
    brkm__own_unmap(thread, sizeof(*thread));
}

static void make_key(void)
{
    threads.has_key = pthread_key_create(&threads.key, end_thread) == 0;
}

/* ---- Begin ---- */

static void enter(struct kernel_thread *thread)
{
    spin_acquire(&threads.lock);
    thread->next = threads.first;
    thread->link = &threads.first;
    if (thread->next != NULL) {
        thread->next->link = &thread->next;
    }
    threads.first = thread;
    spin_release(&threads.lock);
}

static BRKM_COLD struct kernel_thread *make_thread(void)
{
    pthread_once(&threads.once, make_key);
    struct kernel_thread *thread = brkm__own_map(sizeof(*thread));
    if (thread == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < THREAD_MAGAZINES; i++) {
        thread->magazines[i] = &brkm__magazine_none;
    }
    enter(thread);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    brkm__kernel_thread = thread;
    if (threads.has_key) {
        pthread_setspecific(threads.key, thread);
    }
    return thread;
}

struct kernel_thread *brkm__kernel_thread_own(void)
{
    struct kernel_thread *thread = brkm__kernel_thread;
    if (likely(thread != &before_first_use)) {
        return thread == &after_exit ? NULL : thread;
    }
    return make_thread();
}

/* ---- Magazines ---- */

struct magazine *brkm__magazine_make(struct kernel_thread *thread, unsigned number,
                                     unsigned capacity)
{
    if (thread->magazines[number] == &brkm__magazine_none) {
        struct magazine *made =
            brkm_malloc(sizeof(*made) + capacity * sizeof(struct magazine_entry));
        if (made != NULL) {
            made->count = 0;
            made->capacity = capacity;
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
            thread->magazines[number] = made;
        }
    }
    return thread->magazines[number];
}

void brkm__magazines_drop(unsigned number)
{
    spin_acquire(&threads.lock);
    for (struct kernel_thread *thread = threads.first; thread != NULL; thread = thread->next) {
        struct magazine *magazine = thread->magazines[number];
        if (magazine != &brkm__magazine_none) {
            magazine->count = 0;
        }
    }
    spin_release(&threads.lock);
}

/* ---- Fork ---- */

void brkm__kernel_threads_lock(void)
{
    spin_acquire(&threads.lock);
}

void brkm__kernel_threads_open(void)
{
    spin_release(&threads.lock);
}

void brkm__kernel_threads_forget_others(void)
{
    struct kernel_thread *own = brkm__kernel_thread;
    bool has_own = own != &before_first_use && own != &after_exit;
    threads.first = has_own ? own : NULL;
    if (has_own) {
        own->next = NULL;
        own->link = &threads.first;
    }
}
