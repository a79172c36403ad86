/* SPDX-License-Identifier: MIT
 * See process.h. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of a path below /proc/NUMBER. */
#define PATH_SIZE 96

static const char *speaker_words = "brkmalloc";

void set_speaker(const char *speaker)
{
    speaker_words = speaker;
}

/* What is not said yet. */
static struct {
    bool holds;
    char last[1024];
} complaints;

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaints.last, sizeof(complaints.last), format, arguments);
    va_end(arguments);
    if (!complaints.holds) {
        release_complaints(true);
    }
}

void hold_complaints(void)
{
    complaints.holds = true;
}

void release_complaints(bool say)
{
    complaints.holds = false;
    if (say && complaints.last[0] != '\0') {
        fprintf(stderr, "%s: %s\n", speaker_words, complaints.last);
    }
    complaints.last[0] = '\0';
}

static FILE *open_file(pid_t id, const char *name)
{
    char path[PATH_SIZE + 32];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)id, name);
    return fopen(path, "re");
}

/* ---- What it is ---- */

/* The last number of a line. */
static long last_number(const char *line)
{
    const char *last = strrchr(line, '\t');
    return last == NULL ? 0 : strtol(last, NULL, 10);
}

static bool has_key(const char *line, const char *key)
{
    return strncmp(line, key, strlen(key)) == 0;
}

/* Reads /proc/NUMBER/status. *ended: only its exit status is left. *leader: it is a thread of that
 * process. */
static bool read_status(struct process *process, bool *ended, pid_t *leader)
{
    char line[512];
    long effective;
    FILE *file = open_file(process->id, "status");
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (has_key(line, "Name:\t")) {
            snprintf(process->name, sizeof(process->name), "%.63s", line + strlen("Name:\t"));
        } else if (has_key(line, "State:\t")) {
            *ended = line[strlen("State:\t")] == 'Z' || line[strlen("State:\t")] == 'X';
        } else if (has_key(line, "Tgid:\t")) {
            *leader = (pid_t)last_number(line);
        } else if (sscanf(line, "Uid:\t%*d\t%ld", &effective) == 1) {
            process->user = (uid_t)effective;
        } else if (has_key(line, "NSpid:\t")) {
            process->inner_id = (pid_t)last_number(line);
        }
    }
    fclose(file);
    return true;
}

/* The thread of that name, which no other has unless it wants to; the process's number when its
 * threads cannot be read. */
static pid_t find_own_thread(pid_t id)
{
    char path[PATH_SIZE];
    char name[32] = "";
    pid_t found = id;
    snprintf(path, sizeof(path), "/proc/%ld/task", (long)id);
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder != NULL && found == id && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof(path), "task/%.20s/comm", entry->d_name);
        FILE *file = open_file(id, path);
        if (file != NULL && fgets(name, sizeof(name), file) != NULL &&
            strcmp(name, "brkmalloc\n") == 0) {
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

/* Says why /proc does not know the process. */
static enum status explain_absence(pid_t id)
{
    bool is_alive = kill(id, 0) == 0 || errno == EPERM;
    if (is_alive && access("/proc/self/status", F_OK) != 0) {
        complain(
            "process %ld is there, but /proc is not mounted here, by which its socket is found",
            (long)id);
        return STATUS_NO_CONTROL;
    }
    if (is_alive) {
        complain(
            "process %ld is there, but /proc does not show it here; only its user and root may "
            "ask it",
            (long)id);
        return STATUS_NOT_ALLOWED;
    }
    complain("there is no process %ld", (long)id);
    return STATUS_NO_PROCESS;
}

bool has_ended(const struct process *process)
{
    struct process now = {.id = process->id};
    bool ended = false;
    pid_t leader = 0;
    return !read_status(&now, &ended, &leader) || ended;
}

enum status find_process(struct process *process, pid_t id)
{
    bool ended = false;
    pid_t leader = id;
    *process = (struct process){.id = id, .inner_id = id, .thread = id};
    if (!read_status(process, &ended, &leader)) {
        return explain_absence(id);
    }
    if (leader != id) {
        complain("%ld is a thread of the process %ld: ask that", (long)id, (long)leader);
        return STATUS_NO_PROCESS;
    }
    if (ended) {
        complain("process %ld (%s) has ended already", (long)id, process->name);
        return STATUS_NO_PROCESS;
    }
    if (geteuid() != 0 && geteuid() != process->user) {
        complain("process %ld (%s) belongs to user %ld; only that user and root may ask it",
                 (long)id, process->name, (long)process->user);
        return STATUS_NOT_ALLOWED;
    }
    process->thread = find_own_thread(id);
    return STATUS_DONE;
}

bool has_own_thread(const struct process *process)
{
    return process->thread != process->id || strcmp(process->name, "brkmalloc") == 0;
}

size_t resident_bytes(const struct process *process)
{
    size_t pages = 0;
    FILE *file = open_file(process->id, "statm");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*u %zu", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- Why it does not answer ---- */

/* Whether a mapping of it is one of the shared libraries. *known: its mappings could be read. */
static bool has_shared_library(const struct process *process, bool *known)
{
    char line[4096 + 128];
    bool found = false;
    FILE *file = open_file(process->id, "maps");
    *known = file != NULL && fgets(line, sizeof(line), file) != NULL;
    while (*known && !found && fgets(line, sizeof(line), file) != NULL) {
        found = strstr(line, "/libbrkmalloc") != NULL;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* Whether the program holds the allocator, linked statically: then it has its words. */
static bool holds_allocator(const struct process *process)
{
    static const char words[] = "brkmalloc: control has no effect";
    char path[PATH_SIZE];
    struct stat status;
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%ld/exe", (long)process->id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        void *contents = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (contents != MAP_FAILED) {
            found = memmem(contents, size, words, sizeof(words) - 1) != NULL;
            munmap(contents, size);
        }
    }
    if (file >= 0) {
        close(file);
    }
    return found;
}

static enum status explain_refusal(const struct process *process, struct silence silence)
{
    if (silence.is_barred) {
        complain("process %ld (%s) listens in another network namespace, as in a container, which "
                 "only root and the owner of its user namespace may enter",
                 (long)process->id, process->name);
        return STATUS_NOT_ALLOWED;
    }
    complain("process %ld (%s) listens%s, but cannot be reached: %s", (long)process->id,
             process->name, silence.is_apart ? " in another network namespace" : "",
             strerror(silence.error));
    return STATUS_NO_ANSWER;
}

enum status explain_silence(const struct process *process, struct silence silence)
{
    if (silence.is_listed) {
        return explain_refusal(process, silence);
    }
    bool known;
    bool is_ours = has_shared_library(process, &known) || holds_allocator(process);
    if (is_ours) {
        complain(
            "process %ld (%s) runs on brkmalloc, but without the option control; start it with "
            "BRKMALLOC=control:true",
            (long)process->id, process->name);
    } else if (known) {
        complain("process %ld (%s) does not run on brkmalloc; start it with 'brkmalloc run' and "
                 "BRKMALLOC=control:true",
                 (long)process->id, process->name);
    } else {
        complain(
            "process %ld (%s) cannot be asked: it listens at no socket of brkmalloc, and what it "
            "runs on cannot be read",
            (long)process->id, process->name);
    }
    return STATUS_NO_CONTROL;
}
