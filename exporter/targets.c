/* SPDX-License-Identifier: MIT
 * See targets.h. */
#include "targets.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ctl/connection.h"
#include "../ctl/process.h"

/* Bytes of a label's value before escapes; longer cgroups lose their end. A character that the end
 * is in goes with it. */
#define LABEL_MAX 512

/* The field of /proc/PID/stat, counted from that behind the name, that tells when it began. */
#define STARTED_FIELD 19

/* ---- What /proc says ---- */

/* The beginning of a file below /proc/PID; "" when it cannot be read. */
static void read_file(pid_t id, const char *name, char *text, size_t size)
{
    char path[64];
    size_t length = 0;
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)id, name);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        length = fread(text, 1, size - 1, file);
        fclose(file);
    }
    text[length] = '\0';
}

/* "NUMBER:CONTROLLERS:PATH" for each hierarchy: the path in that of memory, or in the one that has
 * no controllers' names. */
static const char *find_cgroup(char *text)
{
    const char *path = "";
    bool is_of_memory = false;
    for (char *line = strtok_r(text, "\n", &text); line != NULL && !is_of_memory;
         line = strtok_r(NULL, "\n", &text)) {
        char *name = line + strcspn(line, ":");
        is_of_memory = strncmp(name, ":memory:", strlen(":memory:")) == 0;
        if (is_of_memory || strncmp(line, "0::", strlen("0::")) == 0) {
            path = strchr(name + 1, ':') + 1;
        }
    }
    return path;
}

/* "PID (NAME) STATE ...": a name may have anything in it. */
static void add_since(struct text *text, pid_t id)
{
    char stat[1024];
    read_file(id, "stat", stat, sizeof(stat));
    const char *field = strrchr(stat, ')');
    for (int i = 0; field != NULL && i <= STARTED_FIELD; i++) {
        field = strchr(field + 1, ' ');
    }
    text_add_bytes(text, field == NULL ? "" : field,
                   field == NULL ? 0 : strcspn(field + 1, " ") + 1);
}

/* ---- Labels ---- */

static void cut(struct text *text)
{
    if (text->length > LABEL_MAX) {
        text->length = LABEL_MAX;
        while ((text->bytes[text->length] & 0xc0) == 0x80) {
            text->length--;
        }
        text->bytes[text->length] = '\0';
    }
}

/* As UTF-8, with what would end the value or the line escaped. */
static void add_label(struct text *text, const char *name, const char *value)
{
    struct text clean = {.bytes = NULL};
    text_clear(&clean);
    text_add_clean(&clean, value);
    cut(&clean);
    text_format(text, "%s=\"", name);
    for (const char *at = clean.bytes; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            text_add_character(text, '\\');
        }
        text_add_character(text, *at);
    }
    text_add(text, "\"");
    text_free(&clean);
}

static void look_at(struct target *target, pid_t id)
{
    char name[64];
    char cgroups[16 * 1024];
    *target = (struct target){.id = id};
    snprintf(target->name, sizeof(target->name), "%ld", (long)id);
    add_label(&target->labels, "pid", target->name);
    read_file(id, "comm", name, sizeof(name));
    size_t length = strlen(name);
    name[length == 0 ? 0 : length - 1] = '\0'; /* the line's end */
    add_label(&target->labels, ",command", name);
    read_file(id, "cgroup", cgroups, sizeof(cgroups));
    add_label(&target->labels, ",cgroup", find_cgroup(cgroups));
    text_clear(&target->since);
    add_since(&target->since, id);
}

static void forget(struct target *target)
{
    text_free(&target->labels);
    text_free(&target->since);
}

bool target_is_same(const struct target *target)
{
    struct target now;
    look_at(&now, target->id);
    bool is_same = strcmp(now.labels.bytes, target->labels.bytes) == 0 &&
                   strcmp(now.since.bytes, target->since.bytes) == 0;
    forget(&now);
    return is_same;
}

/* ---- All of them ---- */

static bool is_target(pid_t id)
{
    struct process process;
    return find_process(&process, id) == STATUS_DONE && has_own_thread(&process) &&
           is_listening(&process);
}

static int compare_numbers(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left;
    pid_t b = *(const pid_t *)right;
    return a < b ? -1 : a > b ? 1 : 0;
}

void targets_find(struct targets *targets)
{
    static pid_t found[TARGETS_MAX];
    size_t count = 0;
    targets->left_out = 0;
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        pid_t id = (pid_t)strtol(entry->d_name, NULL, 10);
        if (id <= 0 || !is_target(id)) {
            continue;
        }
        /* The kernel lists them in ascending order. */
        if (count < TARGETS_MAX) {
            found[count++] = id;
        } else {
            targets->left_out++;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    qsort(found, count, sizeof(found[0]), compare_numbers);
    targets->count = count;
    for (size_t i = 0; i < count; i++) {
        look_at(&targets->all[i], found[i]);
    }
}

void targets_free(struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        forget(&targets->all[i]);
    }
    targets->count = 0;
}
