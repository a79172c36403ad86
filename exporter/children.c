/* SPDX-License-Identifier: MIT
 * See children.h. */
#include "children.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../profile/memory.h"

/* Milliseconds that children have to end after they were asked to. */
#define FAREWELL_MS 1000

extern char **environ;

/* Readable once the exporter ends. Written at the beginning, before there are other threads. */
static int ending = -1;

static long clock_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

bool children_begin(void)
{
    ending = eventfd(0, EFD_CLOEXEC);
    return ending >= 0;
}

void children_end(void)
{
    uint64_t one = 1;
    if (write(ending, &one, sizeof(one)) < 0) {
        perror(program_name);
    }
}

static bool is_ending(void)
{
    struct pollfd event = {.fd = ending, .events = POLLIN};
    return poll(&event, 1, 0) > 0;
}

/* ---- One child ---- */

void children_open(struct child *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        children[i] = (struct child){.input = -1, .output = -1, .errors = -1, .status = -1};
    }
}

void children_close(struct child *children, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(children[i].output);
        close(children[i].errors);
    }
}

struct text child_text(int file)
{
    struct text text = {.bytes = NULL};
    char part[4096];
    ssize_t got;
    text_clear(&text);
    for (off_t at = 0; (got = pread(file, part, sizeof(part), at)) > 0; at += got) {
        text_add_bytes(&text, part, (size_t)got);
    }
    return text;
}

/* It has the three standard files and no other, and takes signals as programs do. */
static bool spawn(struct child *child)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    char *words[CHILD_WORDS];
    memcpy(words, child->words, sizeof(words));
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    if (child->input >= 0) {
        posix_spawn_file_actions_adddup2(&files, child->input, STDIN_FILENO);
    } else {
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", 0, 0);
    }
    posix_spawn_file_actions_adddup2(&files, child->output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, child->errors, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(&child->process, child->words[0], &files, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error == 0;
}

/* Notes how it went. */
static void reap(struct child *child)
{
    int status = 0;
    waitpid(child->process, &status, 0);
    child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    child->process = 0;
    close(child->descriptor);
}

static void start(struct child *child)
{
    child->output = memfd_create("output", MFD_CLOEXEC);
    child->errors = memfd_create("errors", MFD_CLOEXEC);
    if (child->output < 0 || child->errors < 0 || !spawn(child)) {
        child->process = 0;
        return;
    }
    child->deadline = clock_ms() + child->limit_ms;
    child->descriptor = (int)syscall(SYS_pidfd_open, child->process, 0);
    if (child->descriptor < 0) {
        kill(child->process, SIGKILL);
        reap(child);
    }
}

/* ---- All of them ---- */

struct crowd {
    struct child *children;
    size_t count;
    size_t started;
    bool ends;
    struct child *running[CHILDREN_AT_ONCE];
    struct pollfd events[CHILDREN_AT_ONCE + 1]; /* the last: that the exporter ends */
    size_t running_count;
};

static void start_some(struct crowd *crowd)
{
    while (!crowd->ends && crowd->started < crowd->count &&
           crowd->running_count < CHILDREN_AT_ONCE) {
        struct child *child = &crowd->children[crowd->started++];
        start(child);
        if (child->process != 0) {
            crowd->running[crowd->running_count++] = child;
        }
    }
}

static void wait_for_any(struct crowd *crowd)
{
    long soonest = crowd->running[0]->deadline;
    for (size_t i = 0; i < crowd->running_count; i++) {
        struct child *child = crowd->running[i];
        soonest = child->deadline < soonest ? child->deadline : soonest;
        crowd->events[i] = (struct pollfd){.fd = child->descriptor, .events = POLLIN};
    }
    crowd->events[crowd->running_count] =
        (struct pollfd){.fd = crowd->ends ? -1 : ending, .events = POLLIN};
    long wait = soonest - clock_ms();
    poll(crowd->events, crowd->running_count + 1, wait < 0 ? 0 : (int)wait);
}

/* Asks all to end, and gives them a while for it. */
static void say_farewell(struct crowd *crowd)
{
    crowd->ends = true;
    for (size_t i = 0; i < crowd->running_count; i++) {
        kill(crowd->running[i]->process, SIGTERM);
        crowd->running[i]->deadline = clock_ms() + FAREWELL_MS;
    }
}

/* Takes those out that have ended, or have to. */
static void take_out(struct crowd *crowd)
{
    size_t kept = 0;
    long now = clock_ms();
    for (size_t i = 0; i < crowd->running_count; i++) {
        struct child *child = crowd->running[i];
        bool has_ended = crowd->events[i].revents != 0;
        if (!has_ended && now >= child->deadline) {
            child->is_late = true;
            kill(child->process, SIGKILL);
            has_ended = true;
        }
        if (has_ended) {
            reap(child);
        } else {
            crowd->running[kept++] = child;
        }
    }
    crowd->running_count = kept;
}

void children_run(struct child *children, size_t count)
{
    struct crowd crowd = {.children = children, .count = count, .ends = is_ending()};
    start_some(&crowd);
    while (crowd.running_count > 0) {
        wait_for_any(&crowd);
        bool ends = crowd.events[crowd.running_count].revents != 0;
        take_out(&crowd);
        if (ends) {
            say_farewell(&crowd);
        }
        start_some(&crowd);
    }
}
