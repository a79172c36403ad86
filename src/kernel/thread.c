/* SPDX-License-Identifier: MIT
 * See thread.h. */
#include "kernel/thread.h"

#include <limits.h>
#include <pthread.h>

#include "kernel/own.h"
#include "kernel/slab.h"
#include "kernel/spin.h"
#include "malloc/malloc.h"

struct magazine brkm__magazine_none;
struct slab brkm__slab_none = {.first = SLAB_NOWHERE};

struct kernel_thread brkm__kernel_nobody = {
    .magazines = {[0 ... THREAD_MAGAZINES - 1] = &brkm__magazine_none},
    .guesses = {[0 ... THREAD_GUESSES - 1] = &brkm__slab_none},
};

_Thread_local struct kernel_thread *brkm__kernel_thread = &brkm__kernel_nobody;

/* True once the thread is at its end. */
static _Thread_local bool has_ended __attribute__((tls_model("initial-exec")));
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
    has_ended = true;
    brkm__kernel_thread = &brkm__kernel_nobody;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    brkm__kernel_thread_ends(thread);
    spin_acquire(&threads.lock);
    *thread->link = thread->next;
    if (thread->next != NULL) {
        thread->next->link = thread->link;
    }
    spin_release(&threads.lock);
    free_magazines(thread);
    kernel_own_unmap(thread, sizeof(*thread));
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
    struct kernel_thread *thread = kernel_own_map(sizeof(*thread));
    if (thread == NULL) {
        return NULL;
    }
    *thread = brkm__kernel_nobody;
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
    if (likely(thread != &brkm__kernel_nobody)) {
        return thread;
    }
    return has_ended ? NULL : make_thread();
}

/* ---- Magazines ---- */

struct magazine *brkm__magazine_make(struct kernel_thread *thread, unsigned number,
                                     unsigned capacity)
{
    if (thread->magazines[number] == &brkm__magazine_none) {
        struct magazine *made =
            brkm_malloc(sizeof(*made) + capacity * sizeof(struct magazine_entry));
        if (made != NULL) {
            made->used = 0;
            made->room = capacity * sizeof(struct magazine_entry);
            __atomic_signal_fence(__ATOMIC_SEQ_CST);
            relaxed_store(thread->magazines[number], made);
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
            magazine->used = 0;
        }
    }
    spin_release(&threads.lock);
}

void brkm__magazines_count(size_t kept[THREAD_MAGAZINES])
{
    spin_acquire(&threads.lock);
    for (struct kernel_thread *thread = threads.first; thread != NULL; thread = thread->next) {
        for (unsigned i = 0; i < THREAD_MAGAZINES; i++) {
            size_t used = relaxed_load(thread->magazines[i])->used;
            kept[i] += used == MAGAZINE_BUSY ? 0 : used / sizeof(struct magazine_entry);
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
    bool has_own = own != &brkm__kernel_nobody;
    threads.first = has_own ? own : NULL;
    if (has_own) {
        own->next = NULL;
        own->link = &threads.first;
    }
}
