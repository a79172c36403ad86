/* SPDX-License-Identifier: MIT
 *
 * Blocks allocated in main are freed, and new ones allocated, by everything that runs at exit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { kept = 300 };

static char *blocks[kept];
static int next;
static int report_to = -1;

static void free_some(char letter)
{
    for (int i = 0; i < kept / 4; i++, next++) {
        CHECK_EQ_INT(blocks[next][next * 11], (char)next);
        free(blocks[next]);
    }
    churn((unsigned)letter, 500);
    CHECK_EQ_INT(write(report_to, &letter, 1), 1);
}

static void at_exit_early(void)
{
    free_some('2');
}

static void at_exit_late(void)
{
    free_some('0');
}

static void on_exit_between(int status, void *argument)
{
    CHECK_EQ_INT(status, 0);
    CHECK_EQ_STR(argument, "argument");
    free_some('1');
    free(argument);
}

__attribute__((destructor(101))) static void last_destructor(void)
{
    if (report_to >= 0)
        free_some('3');
}

static void leave(int descriptor)
{
    report_to = descriptor;
    for (int i = 0; i < kept; i++) {
        blocks[i] = malloc((size_t)i * 11 + 1);
        CHECK_NOT_NULL(blocks[i]);
        blocks[i][i * 11] = (char)i;
    }
    CHECK_EQ_INT(atexit(at_exit_early), 0);
    CHECK_EQ_INT(on_exit(on_exit_between, strdup("argument")), 0);
    CHECK_EQ_INT(atexit(at_exit_late), 0);
    exit(0);
}

int main(int argc, char **argv)
{
    char letters[8] = "";
    int ends[2];
    pid_t child;
    door_require(argc, argv);
    CHECK_EQ_INT(pipe(ends), 0);
    child = fork();
    if (child == 0)
        leave(ends[1]);
    CHECK_CHILD(child);
    close(ends[1]);
    CHECK_EQ_INT(read(ends[0], letters, sizeof letters - 1), 4);
    CHECK_EQ_STR(letters, "0123");
    return door_done();
}
