/* SPDX-License-Identifier: MIT
 * See heap_profile.h. */
#include "heap_profile.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../ctl/process.h"
#include "children.h"
#include "http_status.h"

/* Milliseconds for the process's answers, and for finding the names of functions. */
#define ANSWERS_LIMIT_MS 10000
#define NAMES_LIMIT_MS 60000

/* Seconds that ctl takes where nothing is said and the profile is off. */
#define STANDARD_SECONDS 10

/* ---- Places ---- */

/* Processes of which a profile is being taken; 0 for a free place. Under the lock. */
static struct {
    pthread_mutex_t lock;
    pid_t all[HEAP_PROFILES_AT_ONCE];
} places = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* NULL when the process has one already, or there is none left. */
static pid_t *take_place(pid_t id)
{
    pid_t *place = NULL;
    pthread_mutex_lock(&places.lock);
    for (size_t i = 0; i < HEAP_PROFILES_AT_ONCE; i++) {
        if (places.all[i] == id) {
            place = NULL;
            break;
        }
        if (places.all[i] == 0) {
            place = &places.all[i];
        }
    }
    if (place != NULL) {
        *place = id;
    }
    pthread_mutex_unlock(&places.lock);
    return place;
}

static void leave_place(pid_t *place)
{
    pthread_mutex_lock(&places.lock);
    *place = 0;
    pthread_mutex_unlock(&places.lock);
}

/* ---- The two steps ---- */

static int http_status_of(const struct child *child)
{
    switch (child->is_late ? STATUS_NO_ANSWER : child->status) {
    case STATUS_DONE:
        return HTTP_OK;
    case STATUS_NO_PROCESS:
    case STATUS_NO_CONTROL:
        return HTTP_NOT_FOUND;
    case STATUS_NOT_ALLOWED:
        return HTTP_FORBIDDEN;
    case STATUS_NO_ANSWER:
        return HTTP_TIMED_OUT;
    default:
        return HTTP_BAD_ANSWER;
    }
}

/* What the program said, without its own name. */
static void tell_problem(struct text *text, const struct child *child, const char *late)
{
    struct text errors = child_text(child->errors);
    const char *words = strstr(errors.bytes, ": ");
    text_clear(text);
    if (child->is_late) {
        text_add(text, late);
    } else if (words != NULL) {
        text_add(text, words + strlen(": "));
    } else {
        text_add(text, "the profile could not be taken\n");
    }
    text_free(&errors);
}

/* Has ctl print the profile. */
static int take(struct child *child, const char *asker, pid_t id, long seconds, struct text *text)
{
    char number[16];
    char duration[16];
    snprintf(number, sizeof(number), "%ld", (long)id);
    snprintf(duration, sizeof(duration), "%ld", seconds);
    const char *const words[CHILD_WORDS] = {
        asker, "ctl", number, "profile", "-o", "-", seconds == 0 ? NULL : "--seconds", duration};
    memcpy(child->words, words, sizeof(words));
    child->limit_ms = (seconds == 0 ? STANDARD_SECONDS : seconds) * 1000 + ANSWERS_LIMIT_MS;
    children_run(child, 1);
    int status = http_status_of(child);
    if (status != HTTP_OK) {
        tell_problem(text, child, "the process gave no answer in time\n");
    }
    return status;
}

/* Has pprof's own format made of it. */
static int translate(struct child *child, const char *reader, int profile, struct text *text)
{
    const char *const words[CHILD_WORDS] = {reader, "-o", "-", "/dev/stdin"};
    memcpy(child->words, words, sizeof(words));
    child->input = profile;
    child->limit_ms = NAMES_LIMIT_MS;
    children_run(child, 1);
    if (child->status == 0 && !child->is_late) {
        *text = child_text(child->output);
        return HTTP_OK;
    }
    tell_problem(text, child, "finding the names of functions takes too long\n");
    return child->is_late ? HTTP_TIMED_OUT : HTTP_BAD_ANSWER;
}

int heap_profile_take(struct text *text, const struct profile_programs *programs, pid_t id,
                      long seconds)
{
    struct child children[2];
    pid_t *place = take_place(id);
    if (place == NULL) {
        text_format(text,
                    "another client takes a profile of process %ld, or %d of others: try again\n",
                    (long)id, HEAP_PROFILES_AT_ONCE);
        return HTTP_BUSY;
    }
    children_open(children, 2);
    int status = take(&children[0], programs->asker, id, seconds, text);
    if (status == HTTP_OK) {
        status = translate(&children[1], programs->reader, children[0].output, text);
    }
    children_close(children, 2);
    leave_place(place);
    return status;
}
