/* SPDX-License-Identifier: MIT
 * GFP_ATOMIC where nothing may wait: in a signal handler that interrupts malloc and kmalloc
 * wherever they are, and in a thread with a real-time priority. */
#include <linux/slab.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { EVENTS = 2000, REQUESTS = 100000 };

struct event {
    struct event *next;
    char text[56];
};

/* Only the handler adds, and only while the signal is blocked somebody takes. */
static struct event *volatile events;
static volatile sig_atomic_t handled, missed;

static void on_signal(int number)
{
    struct event *event = kmalloc(sizeof(*event), GFP_ATOMIC);
    handled++;
    if (event == NULL) {
        missed++;
        return;
    }
    memcpy(event->text, "from a handler", 15);
    event->next = events;
    events = event;
    (void)number;
}

static void interrupted(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
    int kept = 0;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (handled < EVENTS) {
        free(malloc((size_t)handled));
        kfree(kmalloc((size_t)handled, GFP_KERNEL));
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN);
    for (struct event *event = events, *next; event != NULL; event = next, kept++) {
        next = event->next;
        kfree(event);
    }
    printf("signal handler: %d events kept, %d found no memory\n", kept, (int)missed);
}

static void *hurry(void *unused)
{
    int served = 0;
    for (int i = 0; i < REQUESTS; i++) {
        void *object = kmalloc(200, GFP_ATOMIC);
        served += object != NULL;
        kfree(object);
    }
    printf("real-time thread: %d of %d requests served\n", served, REQUESTS);
    return unused;
}

static void real_time(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    struct sched_param priority = {.sched_priority = 1};
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    if (pthread_create(&thread, &attributes, hurry, NULL) != 0) {
        puts("this user may have no real-time thread: an ordinary one instead");
        pthread_create(&thread, NULL, hurry, NULL);
    }
    pthread_join(thread, NULL);
}

int main(void)
{
    if (brkm_reserve_set(256 << 10) != 0) {
        return 1;
    }
    kfree(kmalloc(200, GFP_KERNEL));
    interrupted();
    real_time();
    return brkm_reserve_set(0) == 0 ? 0 : 1;
}
