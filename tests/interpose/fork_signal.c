/* SPDX-License-Identifier: MIT
 *
 * fork inside a signal handler that interrupts malloc or free.
 *   plain      fork in a program with one thread
 *   handlers   the same with the program's own pthread_atfork handlers
 *   bare       _Fork, which runs no handlers, in a program with several threads
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { signals = 400 };

static atomic_int handled;
static atomic_int handlers_run;
static int bare;

static void count_handler(void)
{
    atomic_fetch_add(&handlers_run, 1);
}

static void on_alarm(int number)
{
    pid_t child;
    (void)number;
    if (atomic_load(&handled) >= signals)
        return;
    child = bare ? _Fork() : fork();
    if (child == 0)
        _exit(0);
    CHECK_CHILD(child);
    atomic_fetch_add(&handled, 1);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval timer = {{0, 1500}, {0, 1500}};
    const char *how = argc > 2 ? argv[2] : "";
    int with_handlers = strcmp(how, "handlers") == 0;
    unsigned seed = 0;
    door_require(argc, argv);
    bare = strcmp(how, "bare") == 0;
    CHECK_TRUE(bare || with_handlers || strcmp(how, "plain") == 0);
    if (with_handlers)
        CHECK_EQ_INT(pthread_atfork(count_handler, count_handler, count_handler), 0);
    if (bare)
        busy_start(3);
    sigemptyset(&action.sa_mask);
    CHECK_EQ_INT(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
    while (atomic_load(&handled) < signals)
        churn(seed++, 200);
    memset(&timer, 0, sizeof timer);
    CHECK_EQ_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
    if (bare)
        busy_stop();
    if (with_handlers)
        CHECK_GE_INT(atomic_load(&handlers_run), 2 * signals);
    return door_done();
}
