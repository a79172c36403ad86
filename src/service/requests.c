/* SPDX-License-Identifier: MIT
 * See requests.h. */
#include "service/requests.h"

#include <errno.h>
#include <string.h>

#include "base/config.h"
#include "brkmalloc/brkmalloc.h"
#include "cache/depot.h"
#include "heap/heaps.h"
#include "kit/options.h"
#include "kit/options_value.h"
#include "kit/span.h"
#include "kit/text.h"
#include "service/profile_term.h"
#include "stats/explain_memory.h"
#include "stats/heap_map.h"
#include "stats/metrics.h"
#include "system/os.h"

/* Of what docs/control.md describes. */
#define PROTOCOL_VERSION 1

/* Room in front of an answer for its first line. */
#define HEAD_MAX 64

/* Bytes that an answer's memory begins with; it doubles. */
#define ANSWER_FIRST (64 * BRKM_KIB)

/* Bytes of a request that an error repeats. */
#define QUOTED_MAX 64

/* ---- Answers ---- */

static bool enlarge(struct control_answer *answer)
{
    size_t size = answer->size == 0 ? ANSWER_FIRST : 2 * answer->size;
    char *memory = NULL;
    if (size <= CONTROL_ANSWER_MAX) {
        memory = answer->size == 0 ? brkm__os_map(size)
                                   : brkm__os_remap(answer->memory, answer->size, size);
    }
    if (memory == NULL) {
        answer->lost = true;
        return false;
    }
    answer->memory = memory;
    answer->size = size;
    return true;
}

/* A brkm_writer. */
static void append(void *context, const char *text, size_t length)
{
    struct control_answer *answer = context;
    while (answer->size - answer->end < length) {
        if (answer->lost || !enlarge(answer)) {
            return;
        }
    }
    memcpy(answer->memory + answer->end, text, length);
    answer->end += length;
}

static bool begin_answer(struct control_answer *answer)
{
    *answer = (struct control_answer){0};
    if (!enlarge(answer)) {
        return false;
    }
    answer->start = answer->end = HEAD_MAX;
    return true;
}

/* Puts the first line in front of the text. */
static void put_head(struct control_answer *answer, const char *head, size_t length)
{
    answer->start -= length;
    memcpy(answer->memory + answer->start, head, length);
}

/* "ok LENGTH" */
static void head_ok(struct control_answer *answer)
{
    struct line head = {0};
    brkm__line_add_text(&head, "ok ");
    brkm__line_add_number(&head, control_answer_length(answer));
    brkm__line_add_text(&head, "\n");
    put_head(answer, head.text, head.length);
}

/* ---- Errors ---- */

/* Whose fault it is: decides about the exit status of `brkmalloc ctl`. */
enum error_kind { ERROR_USAGE, ERROR_FAILED };

/* The whole of an answer that is an error, up to its words. */
static void begin_error(struct writer *writer, enum error_kind kind)
{
    brkm__writer_add(writer, kind == ERROR_USAGE ? "error usage " : "error failed ");
}

static void say_error(struct control_answer *answer, enum error_kind kind, const char *words)
{
    struct writer writer = {.write = append, .context = answer};
    begin_error(&writer, kind);
    brkm__writer_add(&writer, words);
    brkm__writer_add(&writer, "\n");
    brkm__writer_flush(&writer);
}

/* `what "WORD"; remedy`. What is not printable is shown as a question mark. */
static void say_error_about(struct control_answer *answer, const char *what, struct span word,
                            const char *remedy)
{
    struct writer writer = {.write = append, .context = answer};
    begin_error(&writer, ERROR_USAGE);
    brkm__writer_add(&writer, what);
    brkm__writer_add(&writer, " \"");
    for (size_t i = 0; i < word.length && i < QUOTED_MAX; i++) {
        bool printable = word.text[i] >= ' ' && word.text[i] <= '~';
        char letter[] = {printable ? word.text[i] : '?', '\0'};
        brkm__writer_add(&writer, letter);
    }
    brkm__writer_add(&writer, "\"; ");
    brkm__writer_add(&writer, remedy);
    brkm__writer_add(&writer, "\n");
    brkm__writer_flush(&writer);
}

/* ---- Requests: version, stats, explain, metrics ---- */

typedef void (*request_function)(struct control_answer *answer, struct span argument);

/* True when there is no argument; otherwise says so. */
static bool has_none(struct control_answer *answer, struct span argument)
{
    if (argument.length != 0) {
        say_error_about(answer, "unexpected", argument, "this request stands alone");
    }
    return argument.length == 0;
}

static void answer_version(struct control_answer *answer, struct span argument)
{
    if (!has_none(answer, argument)) {
        return;
    }
    struct writer writer = {.write = append, .context = answer};
    brkm__writer_add(&writer, "brkmalloc ");
    brkm__writer_add(&writer, brkm_version());
    brkm__writer_add(&writer, "\nprotocol ");
    brkm__writer_add_number(&writer, PROTOCOL_VERSION);
    brkm__writer_add(&writer, "\nprocess ");
    brkm__writer_add_number(&writer, (uint64_t)brkm__os_process_id());
    brkm__writer_add(&writer, "\n");
    brkm__writer_flush(&writer);
    head_ok(answer);
}

static void answer_stats(struct control_answer *answer, struct span argument)
{
    bool json = span_is(argument, "json");
    bool lines = span_is(argument, "lines");
    if (!json && !lines && argument.length != 0) {
        say_error_about(answer, "unknown format", argument,
                        "the formats are json and lines, or none for a table");
        return;
    }
    brkm_stats_print(append, answer,
                     json    ? BRKM_STATS_JSON
                     : lines ? BRKM_STATS_LINES
                             : BRKM_STATS_TEXT);
    head_ok(answer);
}

static void answer_explain(struct control_answer *answer, struct span argument)
{
    bool json = span_is(argument, "json");
    if (!json && argument.length != 0) {
        say_error_about(answer, "unknown format", argument, "the format is json, or none for text");
    } else if (brkm__explain_memory(append, answer, json ? BRKM_EXPLAIN_JSON : 0) != 0) {
        say_error(answer, ERROR_FAILED, "there is no memory for an explanation");
    } else {
        head_ok(answer);
    }
}

static void answer_metrics(struct control_answer *answer, struct span argument)
{
    if (has_none(answer, argument)) {
        struct writer writer = {.write = append, .context = answer};
        brkm__metrics_write(&writer);
        head_ok(answer);
    }
}

/* ---- Requests: profile ---- */

static void say_done(struct control_answer *answer, const char *words)
{
    append(answer, words, strlen(words));
    head_ok(answer);
}

static void take_profile(struct control_answer *answer)
{
    if (brkm__profile_take(append, answer)) {
        head_ok(answer);
    } else {
        say_error(answer, ERROR_FAILED, "there is no heap profile yet; profile start begins one");
    }
}

/* True for a number from 1 to `largest`. */
static bool read_number(struct span text, uint64_t largest, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint64_t digit = (uint64_t)(text.text[i] - '0');
        if (digit > 9 || *number > largest) {
            return false;
        }
        *number = 10 * *number + digit;
    }
    return *number != 0 && *number <= largest;
}

static void say_begun(struct control_answer *answer, enum profile_term term)
{
    switch (term) {
    case PROFILE_TERM_BEGUN:
        say_done(answer, "started\n");
        break;
    case PROFILE_TERM_IS_ON_ALREADY:
        say_done(answer, "on already\n");
        break;
    case PROFILE_TERM_HAS_INTERVAL:
        say_error(answer, ERROR_USAGE,
                  "the profile has begun with another interval, which stays: get profile_interval");
        break;
    default:
        say_error(answer, ERROR_FAILED, "there is no memory for a heap profile");
    }
}

/* SECONDS and perhaps INTERVAL. */
static void start_profile(struct control_answer *answer, struct span argument)
{
    uint64_t seconds = 0;
    uint64_t interval = 0;
    struct span rest = argument;
    struct span word = span_cut(&rest, " \t");
    rest = span_without_blanks(rest);
    if (!read_number(word, PROFILE_TERM_MAX, &seconds)) {
        say_error_about(answer, "no term", word, "it takes 1 to 86400 seconds");
    } else if (rest.length != 0 &&
               !read_number(rest, brkm__option_rows[OPTION_profile_interval].largest, &interval)) {
        say_error_about(answer, "no interval", rest, "it takes bytes, 1 to 68719476736");
    } else {
        say_begun(answer, brkm__profile_term_begin(seconds, (size_t)interval));
    }
}

static void answer_profile(struct control_answer *answer, struct span argument)
{
    struct span rest = argument;
    struct span word = span_cut(&rest, " \t");
    if (!BRKM_PROFILE) {
        say_error(answer, ERROR_FAILED, "the library was built without the heap profile");
    } else if (argument.length == 0) {
        take_profile(answer);
    } else if (span_is(word, "start")) {
        start_profile(answer, span_without_blanks(rest));
    } else if (span_is(argument, "stop")) {
        say_done(answer, brkm__profile_term_end() ? "stopped\n" : "not started\n");
    } else {
        say_error_about(answer, "unknown order", argument,
                        "it is start SECONDS [INTERVAL] or stop, or none to take the profile");
    }
}

/* ---- Requests: trim ---- */

static void answer_trim(struct control_answer *answer, struct span argument)
{
    if (!has_none(answer, argument)) {
        return;
    }
    brkm__depot_drain();
    size_t released = brkm__heaps_trim(0);
    struct writer writer = {.write = append, .context = answer};
    brkm__writer_add(&writer, "released ");
    brkm__writer_add_number(&writer, released);
    brkm__writer_add(&writer, " bytes\n");
    brkm__writer_flush(&writer);
    head_ok(answer);
}

/* ---- Requests: get, set ---- */

static void answer_options(struct control_answer *answer, enum option first, enum option end)
{
    struct writer writer = {.write = append, .context = answer};
    for (enum option option = first; option < end; option++) {
        struct line setting = {0};
        brkm__option_add_setting(&setting, option);
        brkm__writer_add_span(&writer, setting.text, setting.length);
        brkm__writer_add(&writer, "\n");
    }
    brkm__writer_flush(&writer);
    head_ok(answer);
}

/* The option of that name; OPTION_COUNT after an error was said. */
static enum option find_option(struct control_answer *answer, struct span key)
{
    enum option option = brkm__option_find(key.text, key.length);
    if (option == OPTION_COUNT) {
        const char *nearest = brkm__option_nearest(key.text, key.length);
        struct line remedy = {0};
        brkm__line_add_text(&remedy,
                            nearest == NULL ? "get lists the options" : "the nearest option is ");
        brkm__line_add_text(&remedy, nearest == NULL ? "" : nearest);
        say_error_about(answer, "unknown option", key, remedy.text);
    }
    return option;
}

static void answer_get(struct control_answer *answer, struct span argument)
{
    if (argument.length == 0) {
        answer_options(answer, 0, OPTION_COUNT);
        return;
    }
    enum option option = find_option(answer, argument);
    if (option != OPTION_COUNT) {
        answer_options(answer, option, option + 1);
    }
}

static void set_option(struct control_answer *answer, enum option option, struct span text)
{
    size_t value = 0;
    struct line remedy = {0};
    if (!brkm__option_parse(option, text, &value, &remedy)) {
        say_error_about(answer, brkm__option_rows[option].name, text, brkm__line_text(&remedy));
    } else if (brkm__option_change(option, value, "control") != 0) {
        say_error_about(answer, "cannot change", span_of(brkm__option_rows[option].name),
                        "it counts only when the process starts, set it in BRKMALLOC then");
    } else {
        answer_options(answer, option, option + 1);
    }
}

static void answer_set(struct control_answer *answer, struct span argument)
{
    struct span value = argument;
    struct span key = span_cut(&value, "=:");
    if (key.length == argument.length) {
        say_error(answer, ERROR_USAGE, "set needs KEY=VALUE");
        return;
    }
    enum option option = find_option(answer, key);
    if (option != OPTION_COUNT) {
        set_option(answer, option, value);
    }
}

/* ---- Requests: snapshot ---- */

static void answer_snapshot(struct control_answer *answer, struct span argument)
{
    bool by_blocks = span_is(argument, "blocks");
    if (!by_blocks && argument.length != 0) {
        say_error_about(answer, "unknown detail", argument, "it is blocks, or none for runs");
        return;
    }
    struct heap_map *map = brkm__heap_map_make(by_blocks ? HEAP_MAP_BY_BLOCKS : HEAP_MAP_BY_RUNS);
    if (map == NULL) {
        say_error(answer, ERROR_FAILED, "there is no memory for a snapshot");
        return;
    }
    struct writer writer = {.write = append, .context = answer};
    brkm__heap_map_write(&writer, map);
    brkm__writer_flush(&writer);
    brkm__heap_map_free(map);
    head_ok(answer);
}

/* ---- All requests ---- */

static const struct request {
    const char *name;
    request_function answer;
} requests[] = {
    {"version", answer_version}, {"stats", answer_stats},     {"trim", answer_trim},
    {"get", answer_get},         {"set", answer_set},         {"snapshot", answer_snapshot},
    {"explain", answer_explain}, {"metrics", answer_metrics}, {"profile", answer_profile},
};

#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void carry_out(struct control_answer *answer, struct span line)
{
    struct span argument = line;
    struct span name = span_cut(&argument, " \t\r\n");
    for (size_t i = 0; i < REQUESTS; i++) {
        if (span_is(name, requests[i].name)) {
            requests[i].answer(answer, span_without_blanks(argument));
            return;
        }
    }
    say_error_about(
        answer, "unknown request", name,
        "the requests are version, stats, explain, metrics, profile, trim, get, set and snapshot");
}

bool brkm__control_answer(struct control_answer *answer, const char *request, size_t length)
{
    if (!begin_answer(answer)) {
        return false;
    }
    carry_out(answer, span_without_blanks((struct span){request, length}));
    if (answer->lost) {
        answer->start = answer->end = HEAD_MAX;
        answer->lost = false;
        say_error(answer, ERROR_FAILED, "there is no memory for the answer");
    }
    return true;
}

bool brkm__control_refuse(struct control_answer *answer, const char *why)
{
    if (!begin_answer(answer)) {
        return false;
    }
    say_error(answer, ERROR_USAGE, why);
    return true;
}

void brkm__control_answer_free(struct control_answer *answer)
{
    if (answer->size != 0) {
        brkm__os_unmap(answer->memory, answer->size);
    }
    *answer = (struct control_answer){0};
}
