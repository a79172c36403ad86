/* SPDX-License-Identifier: MIT
 * See profile.h. */
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"

/* Seconds that the process goes on sampling for a client that does not come back. */
#define GRACE_SECONDS 60

static void wake_up(int number)
{
    (void)number;
}

/* Ends early at a signal. */
static void sleep_until_signal(long seconds)
{
    struct sigaction action = {.sa_handler = wake_up};
    struct timespec time = {.tv_sec = seconds};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    nanosleep(&time, NULL);
}

/* Asks for what has an answer of a word or two; *started when it is the one expected. */
static enum status order(const struct process *process, const char *request, const char *expected,
                         bool *is_expected)
{
    struct answer answer;
    enum status status = ask(process, request, &answer);
    if (status == STATUS_DONE) {
        *is_expected = strcmp(answer.text, expected) == 0;
        free(answer.text);
    }
    return status;
}

/* The file's descriptor; below zero after a complaint. */
static int create_file(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        complain("cannot create '%s': %s", path, strerror(errno));
    }
    return file;
}

static bool write_all(int file, const struct answer *answer)
{
    size_t written = 0;
    while (written < answer->length) {
        ssize_t some = write(file, answer->text + written, answer->length - written);
        if (some < 0 && errno != EINTR) {
            complain("cannot write the profile: %s", strerror(errno));
            return false;
        }
        written += some > 0 ? (size_t)some : 0;
    }
    return true;
}

static enum status take(const struct process *process, int file)
{
    struct answer answer;
    enum status status = ask(process, "profile", &answer);
    if (status == STATUS_DONE) {
        status = write_all(file, &answer) ? STATUS_DONE : STATUS_FAILED;
        free(answer.text);
    }
    return status;
}

static enum status profile_into(const struct process *process, struct profile_wish wish, int file)
{
    char request[128];
    bool started = false;
    bool stopped;
    long term = (wish.seconds == 0 ? PROFILE_SECONDS : wish.seconds) + GRACE_SECONDS;
    snprintf(request, sizeof(request), "profile start %ld%s%.64s", term,
             wish.interval == NULL ? "" : " ", wish.interval == NULL ? "" : wish.interval);
    enum status status = order(process, request, "started\n", &started);
    if (status != STATUS_DONE) {
        return status;
    }
    if (started || wish.seconds != 0) {
        sleep_until_signal(term - GRACE_SECONDS);
    }
    status = take(process, file);
    if (started && status == STATUS_DONE) {
        status = order(process, "profile stop", "stopped\n", &stopped);
    }
    return status;
}

enum status profile_process(const struct process *process, struct profile_wish wish)
{
    char standard[64];
    snprintf(standard, sizeof(standard), "brkmalloc.%ld.heap", (long)process->id);
    const char *path = wish.path == NULL ? standard : wish.path;
    if (strcmp(path, "-") == 0) {
        return profile_into(process, wish, STDOUT_FILENO);
    }
    int file = create_file(path);
    if (file < 0) {
        return STATUS_FAILED;
    }
    enum status status = profile_into(process, wish, file);
    close(file);
    if (status == STATUS_DONE) {
        printf("%s\n", path);
    } else {
        unlink(path);
    }
    return status;
}
