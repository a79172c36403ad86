/* SPDX-License-Identifier: MIT
 * Reads a line and prints it, has most in use in the middle of its run, and ends with a status of
 * its own; as a child process with "child", killed by a signal with "killed", and after an
 * interrupt with "interrupted". */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PEAK_BYTES ((size_t)32 << 20)
#define KEPT_BYTES ((size_t)1 << 20)
#define STATUS 3
#define STATUS_INTERRUPTED 4

/* An interrupt that does not come is not waited for longer. */
#define WAIT_SECONDS 60

__attribute__((noinline)) static void *make_table(size_t size)
{
    void *table = malloc(size);
    if (table == NULL) {
        abort();
    }
    return table;
}

__attribute__((noinline)) static void *load(size_t size)
{
    void *table = make_table(size);
    memset(table, 1, size);
    return table;
}

static int child_status(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        return -1;
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        abort();
    }
    return WEXITSTATUS(status);
}

static volatile sig_atomic_t was_interrupted;

static void note(int number)
{
    (void)number;
    was_interrupted = 1;
}

static int wait_for_interrupt(void)
{
    sigset_t interrupt;
    sigset_t before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    alarm(WAIT_SECONDS);
    signal(SIGINT, note);
    fflush(stdout); /* whoever reads it may interrupt now */
    while (!was_interrupted) {
        sigsuspend(&before);
    }
    return STATUS_INTERRUPTED;
}

int main(int count, char **words)
{
    char line[80];
    void *kept = make_table(KEPT_BYTES);
    if (count > 1 && strcmp(words[1], "child") == 0) {
        int status = child_status();
        if (status >= 0) {
            return status;
        }
    }
    if (fgets(line, sizeof(line), stdin) != NULL) {
        fputs(line, stdout);
    }
    free(load(PEAK_BYTES));
    if (count > 1 && strcmp(words[1], "killed") == 0) {
        raise(SIGTERM);
    }
    if (count > 1 && strcmp(words[1], "interrupted") == 0) {
        return wait_for_interrupt();
    }
    return kept != NULL ? STATUS : 0;
}
