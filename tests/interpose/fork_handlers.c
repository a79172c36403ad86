/* SPDX-License-Identifier: MIT
 *
 * The program's own pthread_atfork handlers allocate and free, whether they were registered before
 * the allocator's (in .preinit_array, then in an early constructor) or after (in main).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { forks = 100 };

static atomic_int runs;
static char *_Atomic kept;

static void allocate(void)
{
    char *large = malloc(300000);
    CHECK_NOT_NULL(large);
    memset(large, 1, 300000);
    free(atomic_exchange(&kept, malloc(200)));
    churn(5, 60);
    free(large);
    atomic_fetch_add(&runs, 1);
}

static void register_handlers(void)
{
    CHECK_EQ_INT(pthread_atfork(allocate, allocate, allocate), 0);
}

static void before_all_constructors(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    (void)environment;
    register_handlers();
}

__attribute__((section(".preinit_array"),
               used)) static void (*preinit)(int, char **, char **) = before_all_constructors;

__attribute__((constructor(101))) static void early_constructor(void)
{
    register_handlers();
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    register_handlers();
    busy_start(3);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn((unsigned)i, 100);
            CHECK_EQ_INT(atomic_load(&runs), 6 * (i + 1));
            _exit(door_done());
        }
        CHECK_CHILD(child);
        CHECK_EQ_INT(atomic_load(&runs), 6 * (i + 1));
    }
    busy_stop();
    free(atomic_load(&kept));
    return door_done();
}
