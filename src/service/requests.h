/* SPDX-License-Identifier: MIT
 * What a running process is asked and told from outside (option control): one line of
 * request, one answer, see docs/control.md. Knows nothing of sockets. */
#ifndef BRKMALLOC_SERVICE_REQUESTS_H
#define BRKMALLOC_SERVICE_REQUESTS_H

#include "base/base.h"

/* Bytes of a request without its line's end; no sensible one is as long. */
#define CONTROL_REQUEST_MAX 255

/* Bytes of an answer. The longest, a snapshot with HEAP_MAP_BLOCKS runs, has some 20 MiB. */
#define CONTROL_ANSWER_MAX (64 * BRKM_MIB)

/* An answer in memory of its own, none of it the heap's. All zero is none. */
struct control_answer {
    char *memory;
    size_t size;
    size_t start, end; /* of the text within the memory */
    bool lost;         /* there was no memory for all of it */
};

static inline const char *control_answer_text(const struct control_answer *answer)
{
    return answer->memory + answer->start;
}

static inline size_t control_answer_length(const struct control_answer *answer)
{
    return answer->end - answer->start;
}

/* Carries out a request of `length` bytes. False when there is no memory for any answer. */
bool brkm__control_answer(struct control_answer *answer, const char *request, size_t length);

/* Refuses: an answer that says why. */
bool brkm__control_refuse(struct control_answer *answer, const char *why);

void brkm__control_answer_free(struct control_answer *answer);

#endif
