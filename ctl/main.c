/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-ctl ctl PROCESS REQUEST... | top [OPTIONS] PROCESS: asks a process that runs on
 * brkmalloc with the option control. The command `brkmalloc` runs it as `brkmalloc ctl` and
 * `brkmalloc top`, and has the help texts. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "profile.h"
#include "top.h"

static const char ctl_usage[] =
    "usage: brkmalloc ctl PID stats [--json] | explain [--json] | trim "
    "| get [KEY] | set KEY=VALUE\n"
    "       brkmalloc ctl PID profile [--seconds N] [--interval BYTES] [-o FILE]\n"
    "       brkmalloc ctl PID metrics | snapshot [--blocks] | version\n";
static const char top_usage[] = "usage: brkmalloc top [-b] [-d SECONDS] [-n COUNT] PID\n";

/* The end of a complaint about the command line. */
static enum status show_usage(const char *usage)
{
    fputs(usage, stderr);
    return STATUS_USAGE;
}

static bool parse_process(const char *text, pid_t *id)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    *id = (pid_t)number;
    return text[0] >= '1' && text[0] <= '9' && *end == '\0' && errno == 0 && *id == number;
}

/* ---- ctl ---- */

/* True when `word` is one of the words of a list. */
static bool is_one_of(const char *word, const char *list)
{
    size_t length = strlen(word);
    const char *end;
    for (const char *at = list; at[0] != '\0'; at = end + (end[0] == ' ')) {
        end = at + strcspn(at, " ");
        if ((size_t)(end - at) == length && memcmp(at, word, length) == 0) {
            return true;
        }
    }
    return false;
}

/* The line to send for the words of the command line; false when they are no request. */
static bool make_request(int count, char **words, char *line, size_t size)
{
    const char *name = words[0];
    int length = -1;
    if (is_one_of(name, "stats explain") && count == 2 && strcmp(words[1], "--json") == 0) {
        length = snprintf(line, size, "%s json", name);
    } else if (strcmp(name, "snapshot") == 0 && count == 2 && strcmp(words[1], "--blocks") == 0) {
        length = snprintf(line, size, "snapshot blocks");
    } else if (is_one_of(name, "stats explain metrics trim get snapshot version") && count == 1) {
        length = snprintf(line, size, "%s", name);
    } else if ((strcmp(name, "get") == 0 || strcmp(name, "set") == 0) && count == 2) {
        length = snprintf(line, size, "%s %s", name, words[1]);
    }
    return length > 0 && (size_t)length < size && strchr(line, '\n') == NULL;
}

static enum status print_answer(struct answer *answer)
{
    bool written = fwrite(answer->text, 1, answer->length, stdout) == answer->length;
    free(answer->text);
    if (fflush(stdout) != 0 || !written) {
        complain("cannot write to standard output: %s", strerror(errno));
        return STATUS_FAILED;
    }
    return STATUS_DONE;
}

/* profile [--seconds N] [--interval BYTES] [-o FILE]; words behind it. */
static enum status run_profile(const struct process *process, int count, char **words)
{
    struct profile_wish wish = {.seconds = 0};
    for (int i = 0; i < count; i += 2) {
        char *end = NULL;
        bool has_value = i + 1 < count;
        if (has_value && strcmp(words[i], "--seconds") == 0) {
            wish.seconds = strtol(words[i + 1], &end, 10);
        } else if (has_value && strcmp(words[i], "--interval") == 0) {
            wish.interval = words[i + 1];
        } else if (has_value && strcmp(words[i], "-o") == 0) {
            wish.path = words[i + 1];
        } else {
            complain("'%s' is no option of profile, or has no value", words[i]);
            return show_usage(ctl_usage);
        }
        if (end != NULL &&
            (*end != '\0' || wish.seconds < 1 || wish.seconds > PROFILE_SECONDS_MAX)) {
            complain("--seconds takes 1 to %d, not '%s'", PROFILE_SECONDS_MAX, words[i + 1]);
            return show_usage(ctl_usage);
        }
    }
    return profile_process(process, wish);
}

static enum status run_ctl(int count, char **words)
{
    pid_t id;
    char line[256];
    struct process process;
    struct answer answer;
    if (count == 0) {
        complain("%s is missing", "PID");
        return show_usage(ctl_usage);
    }
    if (!parse_process(words[0], &id)) {
        complain("'%s' is no process number", words[0]);
        return show_usage(ctl_usage);
    }
    if (count == 1) {
        complain("%s is missing", "the request");
        return show_usage(ctl_usage);
    }
    if (strcmp(words[1], "profile") == 0) {
        enum status found = find_process(&process, id);
        return found == STATUS_DONE ? run_profile(&process, count - 2, words + 2) : found;
    }
    if (strcmp(words[1], "set") == 0 && (count != 3 || strpbrk(words[2], "=:") == NULL)) {
        complain("%s needs KEY=VALUE", words[1]);
        return show_usage(ctl_usage);
    }
    if (!make_request(count - 1, words + 1, line, sizeof(line))) {
        complain("'%s', with what follows, is no request", words[1]);
        return show_usage(ctl_usage);
    }
    enum status status = find_process(&process, id);
    if (status == STATUS_DONE) {
        status = ask(&process, line, &answer);
    }
    return status == STATUS_DONE ? print_answer(&answer) : status;
}

/* ---- top ---- */

static bool parse_seconds(const char *text, double *seconds)
{
    char *end;
    *seconds = strtod(text, &end);
    return end != text && *end == '\0' && *seconds >= TOP_SECONDS_MIN &&
           *seconds <= TOP_SECONDS_MAX;
}

static bool parse_count(const char *text, long *count)
{
    char *end;
    errno = 0;
    *count = strtol(text, &end, 10);
    return end != text && *end == '\0' && errno == 0 && *count > 0;
}

/* Reads the option at words[0]; false after a complaint. *used: how many words it takes. */
static bool read_option(int count, char **words, struct top_view *view, int *used)
{
    const char *option = words[0];
    *used = 1;
    if (strcmp(option, "-b") == 0) {
        view->batch = true;
        return true;
    }
    bool is_delay = strncmp(option, "-d", 2) == 0;
    if (!is_delay && strncmp(option, "-n", 2) != 0) {
        complain("unknown option '%s'", option);
        show_usage(top_usage);
        return false;
    }
    const char *value = option[2] != '\0' ? option + 2 : count > 1 ? words[1] : "";
    *used = option[2] != '\0' ? 1 : 2;
    if (is_delay && !parse_seconds(value, &view->seconds)) {
        complain("-d takes 0.1 to 3600 seconds, not '%s'", value);
        show_usage(top_usage);
        return false;
    }
    if (!is_delay && !parse_count(value, &view->count)) {
        complain("-n takes a number above 0, not '%s'", value);
        show_usage(top_usage);
        return false;
    }
    return true;
}

static enum status run_top(int count, char **words)
{
    struct top_view view = {.seconds = 1};
    const char *text = NULL;
    for (int i = 0, used = 1; i < count; i += used) {
        used = 1;
        if (words[i][0] == '-') {
            if (!read_option(count - i, words + i, &view, &used)) {
                return STATUS_USAGE;
            }
        } else if (text == NULL) {
            text = words[i];
        } else {
            complain("unexpected argument '%s'", words[i]);
            return show_usage(top_usage);
        }
    }
    pid_t id;
    struct process process;
    if (text == NULL) {
        complain("%s is missing", "PID");
        return show_usage(top_usage);
    }
    if (!parse_process(text, &id)) {
        complain("'%s' is no process number", text);
        return show_usage(top_usage);
    }
    enum status status = find_process(&process, id);
    return status == STATUS_DONE ? show_top(&process, &view) : status;
}

int main(int count, char **words)
{
    setlocale(LC_CTYPE, "");
    const char *subcommand = count > 1 ? words[1] : "";
    if (strcmp(subcommand, "ctl") == 0) {
        set_speaker("brkmalloc ctl");
        return (int)run_ctl(count - 2, words + 2);
    }
    if (strcmp(subcommand, "top") == 0) {
        set_speaker("brkmalloc top");
        return (int)run_top(count - 2, words + 2);
    }
    fprintf(stderr, "%s%s", ctl_usage, top_usage);
    return STATUS_USAGE;
}
