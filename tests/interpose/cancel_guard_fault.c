/* SPDX-License-Identifier: MIT
 *
 * A thread that is cancelled, but has not come to a cancellation point, reads a freed block that
 * lies between guards (guard_sample:1): the fault is explained, and ends the process.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

static void *read_freed(void *unused)
{
    char *volatile block = malloc(100);
    free(block);
    pthread_cancel(pthread_self());
    volatile char byte = block[5];
    (void)byte;
    return unused;
}

int main(int argc, char **argv)
{
    char text[4096] = "";
    size_t length = 0;
    ssize_t got;
    int ends[2], status = 0;
    door_require(argc, argv);
    CHECK_EQ_INT(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        alarm(10);
        dup2(ends[1], STDERR_FILENO);
        pthread_create(&thread, NULL, read_freed, NULL);
        pthread_join(thread, NULL);
        _exit(1);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_TRUE(WIFSIGNALED(status));
    CHECK_EQ_INT(WTERMSIG(status), SIGSEGV);
    CHECK_EQ_INT(strncmp(text, "brkmalloc: ", 11), 0);
    CHECK_NOT_NULL(strstr(text, "freed"));
    return door_done();
}
