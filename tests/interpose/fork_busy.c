/* SPDX-License-Identifier: MIT
 *
 * A thread of a busy program forks again and again. Parent and child go on allocating; the child
 * frees and resizes blocks that the parent's threads allocated, and starts threads of its own.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { forks = 120, kept = 500 };

static char *blocks[kept];

static void *fill(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < kept; i++) {
        blocks[i] = malloc(i * 7 + 1);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], (int)i, i * 7 + 1);
    }
    return NULL;
}

static void in_child(int number)
{
    for (size_t i = 0; i < kept; i++) {
        CHECK_EQ_INT(blocks[i][i * 7], (char)i);
        if (i % 3 == 0) {
            blocks[i] = realloc(blocks[i], i * 20 + 1);
            CHECK_NOT_NULL(blocks[i]);
            CHECK_EQ_INT(blocks[i][0], (char)i);
        }
        free(blocks[i]);
    }
    churn((unsigned)number, 300);
    if (number % 4 == 0) {
        busy_start(2);
        churn((unsigned)number, 300);
        busy_stop();
    }
    if (number % 10 == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            churn((unsigned)number, 300);
            _exit(check_done());
        }
        CHECK_CHILD(grandchild);
    }
    _exit(door_done());
}

static void *fork_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0)
            in_child(i);
        churn((unsigned)i, 100);
        CHECK_CHILD(child);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    door_require(argc, argv);
    CHECK_EQ_INT(pthread_create(&thread, NULL, fill, NULL), 0);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    busy_start(4);
    CHECK_EQ_INT(pthread_create(&thread, NULL, fork_often, NULL), 0);
    CHECK_EQ_INT(pthread_join(thread, NULL), 0);
    busy_stop();
    for (size_t i = 0; i < kept; i++)
        free(blocks[i]);
    return door_done();
}
