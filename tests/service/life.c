/* SPDX-License-Identifier: MIT
 *
 * life DOOR CASE: the service thread in the life of a process.
 *   fork      each child has a thread of its own, and its child again
 *   exec      the next program has one again
 *   spawn     and so has one that was started by posix_spawn
 *   leave     the first thread ends by pthread_exit, then the others: the process ends
 *   leave_at_once   the same with no other thread
 *   exit      the process exits while threads are busy
 *   storm     threads are busy, one of them forks, and each child exits at once
 *   again     what exec, spawn and nothing else start: checks that there is a thread
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../interpose/busy.h"
#include "../support/check_eq.h"
#include "../support/door.h"

extern char **environ;

enum { forks = 200, patience_ms = 3000 };

/* How many threads of this process have the service thread's name. */
static int service_threads(void)
{
    int found = 0;
    char path[300];
    char name[32] = "";
    DIR *tasks = opendir("/proc/self/task");
    CHECK_NOT_NULL(tasks);
    for (struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            found += fgets(name, sizeof(name), file) != NULL && strcmp(name, "brkmalloc\n") == 0;
            fclose(file);
        }
    }
    closedir(tasks);
    return found;
}

/* Nobody waits for the thread when a process begins. */
static void check_thread(void)
{
    for (int waited = 0; service_threads() == 0 && waited < patience_ms; waited++) {
        usleep(1000);
    }
    CHECK_EQ_INT(service_threads(), 1);
}

static void check_forks(int depth)
{
    check_thread();
    churn((unsigned)depth, 2000);
    if (depth == 0) {
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        check_forks(depth - 1);
        _exit(check_done());
    }
    CHECK_CHILD(child);
}

static void start_again(char **words, int by_spawn)
{
    char *arguments[] = {words[0], words[1], (char[]){"again"}, NULL};
    if (!by_spawn) {
        execv("/proc/self/exe", arguments);
        CHECK_TRUE(!"execv returned");
    }
    pid_t child;
    CHECK_EQ_INT(posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ), 0);
    CHECK_CHILD(child);
}

static void *work_and_end(void *unused)
{
    churn(7, 5000);
    usleep(100000);
    return unused;
}

/* Runs at the very end, in the last thread. */
static void say_end(void)
{
    churn(9, 200);
}

static void leave(int threads)
{
    pthread_t thread;
    atexit(say_end);
    check_thread();
    for (int i = 0; i < threads; i++) {
        CHECK_EQ_INT(pthread_create(&thread, NULL, work_and_end, NULL), 0);
        CHECK_EQ_INT(pthread_detach(thread), 0);
    }
    /* Ends the test if the process does not end. */
    alarm(20);
    pthread_exit(NULL);
}

static void fork_in_a_storm(void)
{
    busy_start(3);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        if (child == 0) {
            churn((unsigned)i, 100);
            if (i % 2 == 0) {
                exit(0);
            }
            _exit(0);
        }
        CHECK_CHILD(child);
    }
    busy_stop();
    check_thread();
}

int main(int count, char **words)
{
    door_require(count, words);
    const char *name = count > 2 ? words[2] : "";
    if (strcmp(name, "fork") == 0) {
        check_forks(3);
    } else if (strcmp(name, "exec") == 0 || strcmp(name, "spawn") == 0) {
        check_thread();
        start_again(words, strcmp(name, "spawn") == 0);
    } else if (strcmp(name, "again") == 0) {
        check_thread();
    } else if (strcmp(name, "leave") == 0) {
        leave(3);
    } else if (strcmp(name, "leave_at_once") == 0) {
        leave(0);
    } else if (strcmp(name, "exit") == 0) {
        check_thread();
        busy_start(3);
        usleep(300000);
        exit(check_done());
    } else {
        fork_in_a_storm();
    }
    return check_done();
}
