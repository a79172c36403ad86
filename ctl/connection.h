/* SPDX-License-Identifier: MIT
 *
 * One request to a process, and its answer (docs/control.md). */
#ifndef BRKM_CTL_CONNECTION_H
#define BRKM_CTL_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "process.h"

/* Text that ends with a zero byte behind its length. */
struct answer {
    char *text;
    size_t length;
    bool was_late; /* there were ANSWER_SECONDS without a byte */
};

/* Sends the request and reads the answer, which the caller frees. Says on standard error what went
 * wrong. */
enum status ask(const struct process *process, const char *request, struct answer *answer);

/* Whether a table of sockets has one of the process. */
bool is_listening(const struct process *process);

#endif
