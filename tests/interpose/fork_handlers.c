/* SPDX-License-Identifier: MIT
 *
 * The program's own pthread_atfork handlers allocate and free, whether they were registered after
 * the allocator's, in constructors and main (late), or also before them: in .preinit_array, and,
 * where there is one, in the constructor of a library that the program is linked with (early).
 * A prepare handler that was registered earlier runs later.
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

static int registered;
static atomic_int handler_runs;
static char *_Atomic handler_block;

#ifdef HANDLERS_LIBRARY
extern int handlers_library_runs(void);
#endif

static void allocating_handler(void)
{
    char *large = malloc(300000);
    CHECK_NOT_NULL(large);
    memset(large, 1, 300000);
    free(atomic_exchange(&handler_block, malloc(200)));
    churn(5, 60);
    free(large);
    atomic_fetch_add(&handler_runs, 1);
}

static void register_handlers(void)
{
    CHECK_EQ_INT(pthread_atfork(allocating_handler, allocating_handler, allocating_handler), 0);
    registered++;
}

static void before_all_constructors(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc > 2 && strcmp(argv[2], "early") == 0)
        register_handlers();
}

__attribute__((section(".preinit_array"),
               used)) static void (*preinit)(int, char **, char **) = before_all_constructors;

__attribute__((constructor(200))) static void constructor(void)
{
    register_handlers();
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    register_handlers();
    CHECK_EQ_INT(registered, argc > 2 && strcmp(argv[2], "early") == 0 ? 3 : 2);
    busy_start(3);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn((unsigned)i, 100);
            CHECK_EQ_INT(atomic_load(&handler_runs), 2 * registered * (i + 1));
            _exit(door_done());
        }
        CHECK_CHILD(child);
        CHECK_EQ_INT(atomic_load(&handler_runs), 2 * registered * (i + 1));
    }
    busy_stop();
    free(atomic_load(&handler_block));
#ifdef HANDLERS_LIBRARY
    CHECK_EQ_INT(handlers_library_runs(), 2 * forks);
#endif
    return door_done();
}
