/* SPDX-License-Identifier: MIT
 *
 * Signals interrupt allocating threads thousands of times; the handler allocates nothing.
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>

#include "../support/check_eq.h"
#include "../support/clock.h"
#include "../support/door.h"
#include "busy.h"

static atomic_int handled;

static void on_alarm(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

int main(int argc, char **argv)
{
    /* Without SA_RESTART, so that a system call inside the allocator may end with EINTR. */
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval timer = {{0, 200}, {0, 200}};
    double end;
    unsigned seed = 0;
    door_require(argc, argv);
    sigemptyset(&action.sa_mask);
    CHECK_EQ_INT(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_EQ_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
    busy_start(3);
    end = clock_seconds() + 3;
    while (clock_seconds() < end)
        churn(seed++, 1000);
    memset(&timer, 0, sizeof timer);
    CHECK_EQ_INT(setitimer(ITIMER_REAL, &timer, NULL), 0);
    busy_stop();
    CHECK_GE_INT(atomic_load(&handled), 1000);
    return door_done();
}
