/* SPDX-License-Identifier: MIT
 *
 * exit and quick_exit while other threads are in the middle of allocating.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static void at_exit(void)
{
    churn(7, 300);
}

static void *leave(void *unused)
{
    (void)unused;
    churn(9, 500);
    exit(0);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t thread;
            CHECK_EQ_INT(atexit(at_exit), 0);
            busy_start(4);
            churn((unsigned)i, 200 + i * 20);
            if (i % 3 == 0)
                exit(0);
            if (i % 3 == 1)
                quick_exit(0);
            CHECK_EQ_INT(pthread_create(&thread, NULL, leave, NULL), 0);
            for (;;)
                churn(11, 100);
        }
        CHECK_CHILD(child);
    }
    return door_done();
}
