/* SPDX-License-Identifier: MIT
 * See map_source.h. */
#include "map_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../trace/messages.h"

/* Of a child that could not become the program. */
#define STATUS_NOT_STARTED 127

/* ---- Files ---- */

static bool read_file(struct map_source *source, struct map_file *file, struct problem *problem)
{
    struct input input;
    bool is_open = input_open(&input, source->path, problem);
    bool done = is_open && map_file_read(file, &input, source->wants_sites, problem);
    if (is_open) {
        input_close(&input);
    }
    return done;
}

int map_source_open(struct map_source *source)
{
    struct problem problem;
    return read_file(source, &source->files[source->current], &problem)
               ? 0
               : tell_problem(source->path, &problem);
}

void map_source_free(struct map_source *source)
{
    map_file_free(&source->files[0]);
    map_file_free(&source->files[1]);
}

/* ---- Snapshots ---- */

/* In the child: the answer goes to the file, what is said on the way to the pipe. */
static _Noreturn void become_asker(const struct map_source *source, int said, bool by_blocks)
{
    int answer = open(source->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (answer >= 0 && nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
        dup2(answer, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0) {
        execl(source->asker, source->asker, "ctl", source->process, "snapshot",
              by_blocks ? "--blocks" : NULL, NULL);
    }
    _exit(STATUS_NOT_STARTED);
}

/* The first line that is said, as far as there is room. */
static void read_problem(struct map_source *source, int said)
{
    size_t length = 0;
    char text[MAP_SOURCE_PROBLEM_SIZE];
    ssize_t got;
    do {
        got = read(said, text, sizeof(text));
        size_t taken = got <= 0 ? 0 : (size_t)got;
        size_t room = sizeof(source->problem) - 1 - length;
        taken = taken < room ? taken : room;
        memcpy(source->problem + length, text, taken);
        length += taken;
    } while (got > 0 || (got < 0 && errno == EINTR));
    source->problem[length] = '\0';
    source->problem[strcspn(source->problem, "\n")] = '\0';
}

static int status_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
}

static int ask(struct map_source *source, bool by_blocks)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(source->problem, sizeof(source->problem), "%s", strerror(errno));
        return STATUS_FAILED;
    }
    pid_t child = fork();
    if (child == 0) {
        become_asker(source, ends[1], by_blocks);
    }
    close(ends[1]);
    int status = STATUS_FAILED;
    if (child > 0) {
        read_problem(source, ends[0]);
        status = status_of(child);
    }
    close(ends[0]);
    if (status != 0 && source->problem[0] == '\0') {
        snprintf(source->problem, sizeof(source->problem), "%s cannot be started", source->asker);
    }
    return status;
}

bool map_source_renew(struct map_source *source)
{
    struct map_file *other = &source->files[1 - source->current];
    struct problem problem;
    int status = ask(source, true);
    /* An older library has no snapshots by blocks. */
    status = status == STATUS_USAGE ? ask(source, false) : status;
    if (status != 0) {
        return false;
    }
    source->problem[0] = '\0';
    map_file_free(other);
    if (!read_file(source, other, &problem)) {
        snprintf(source->problem, sizeof(source->problem), "at offset %" PRIu64 ": %s",
                 problem.offset, problem.text);
        return false;
    }
    source->current = 1 - source->current;
    return true;
}
