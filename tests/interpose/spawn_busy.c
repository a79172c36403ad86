/* SPDX-License-Identifier: MIT
 *
 * Processes started from a busy program in the ways that share memory with it for a while.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

extern char **environ;

static void with_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    CHECK_CHILD(child);
}

static void with_posix_spawn(void)
{
    char name[] = "true";
    char *arguments[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    CHECK_EQ_INT(posix_spawn_file_actions_init(&actions), 0);
    CHECK_EQ_INT(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0), 0);
    CHECK_EQ_INT(posix_spawnp(&child, name, &actions, NULL, arguments, environ), 0);
    CHECK_EQ_INT(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK_CHILD(child);
}

static void with_popen(void)
{
    char word[16] = "";
    FILE *pipe = popen("echo word", "r");
    CHECK_NOT_NULL(pipe);
    CHECK_EQ_INT(fscanf(pipe, "%15s", word), 1);
    CHECK_EQ_STR(word, "word");
    CHECK_EQ_INT(pclose(pipe), 0);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    busy_start(4);
    for (int i = 0; i < 40; i++) {
        with_vfork();
        with_posix_spawn();
        with_popen();
        CHECK_EQ_INT(system("exit 0"), 0);
        churn((unsigned)i, 100);
    }
    busy_stop();
    return door_done();
}
