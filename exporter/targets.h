/* SPDX-License-Identifier: MIT
 *
 * The processes that are to be asked: all that may be, as `brkmalloc ctl` may ask them. */
#ifndef BRKM_EXPORTER_TARGETS_H
#define BRKM_EXPORTER_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../profile/text.h"

/* Processes that are asked; the number of series that a Prometheus gets is bounded by it. */
#define TARGETS_MAX 256

struct target {
    pid_t id;
    char name[16];      /* the number as text */
    struct text labels; /* pid="1",command="cat",cgroup="/" */
    struct text since;  /* when the process began, in the kernel's clock */
};

struct targets {
    struct target all[TARGETS_MAX];
    size_t count;
    size_t left_out; /* further ones, with higher numbers */
};

/* Not by two threads at once. */
void targets_find(struct targets *targets);
void targets_free(struct targets *targets);

/* Whether the number is still that process's, which runs the same program in the same cgroup: what
 * was answered in between is of what the labels say. */
bool target_is_same(const struct target *target);

#endif
