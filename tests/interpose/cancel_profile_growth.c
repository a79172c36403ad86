/* SPDX-License-Identifier: MIT
 *
 * A thread that is cancelled, but has not come to a cancellation point, allocates until a profile
 * is written, to a file that exists (refused) or to one that does not: it comes back, and all
 * others can allocate afterwards.
 */
#include <pthread.h>
#include <stdlib.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static int came_back;

static void *grow(void *unused)
{
    pthread_cancel(pthread_self());
    for (int i = 0; i < 3000; i++) {
        char *volatile block = malloc(100000);
        CHECK_NOT_NULL(block);
        block[0] = 1;
    }
    came_back = 1;
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_create(&thread, NULL, grow, NULL), 0);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    CHECK_EQ_INT(came_back, 1);
    churn(1, 20000);
    return door_done();
}
