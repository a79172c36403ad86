/* SPDX-License-Identifier: MIT
 *
 * Runs one command and reports what it used:
 *
 *   launch SECONDS REPORT COMMAND [ARGS ...]
 *
 * writes one line to the file REPORT: the exit status as wait gives it, wall-clock, user and system
 * seconds, peak resident KiB. The figures are those of the command and the children it waited for;
 * the peak is that of the largest of them. After SECONDS, or when the caller dies, the command's
 * process group is killed.
 *
 * A program of its own, statically linked, because a new process's peak begins with that of the one
 * that started it: a Python interpreter would hide the peak of every small program. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;

static void end_child(int signal)
{
    (void)signal;
    if (child > 0) {
        kill(-child, SIGKILL);
    }
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(char **command)
{
    setpgid(0, 0);
    execvp(command[0], command);
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(127);
}

int main(int argc, char **argv)
{
    unsigned limit = argc > 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    if (limit == 0) {
        fprintf(stderr, "usage: launch SECONDS REPORT COMMAND [ARGS ...]\n");
        return 2;
    }
    FILE *report = fopen(argv[2], "we");
    if (report == NULL) {
        perror(argv[2]);
        return 1;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    double start = clock_seconds();
    child = fork();
    if (child == 0) {
        run(argv + 3);
    }
    if (child < 0) {
        perror("fork");
        return 1;
    }
    setpgid(child, child);
    signal(SIGALRM, end_child);
    signal(SIGTERM, end_child);
    signal(SIGINT, end_child);
    alarm(limit);
    int status;
    struct rusage usage;
    while (wait4(child, &status, 0, &usage) < 0) {
        if (errno != EINTR) {
            perror("wait4");
            return 1;
        }
    }
    double wall = clock_seconds() - start;
    fprintf(report, "%d %.6f %.6f %.6f %ld\n", status, wall, seconds_of(usage.ru_utime),
            seconds_of(usage.ru_stime), usage.ru_maxrss);
    return fclose(report) == 0 ? 0 : 1;
}
