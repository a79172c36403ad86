/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-exporter --asker PATH [--reader PATH] [--port N] [--address A]: serves metrics and heap
 * profiles of all processes that may be asked. The command `brkmalloc` runs it as `brkmalloc
 * exporter`, with the paths of brkmalloc-ctl and brkmalloc-pprof, and has the help text. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ctl/process.h"
#include "children.h"
#include "server.h"

#define STANDARD_PORT 9817
#define PORT_MAX 65535

const char program_name[] = "brkmalloc exporter";

static int tell_usage(const char *problem, const char *about)
{
    fprintf(stderr, "%s: %s '%s'\nusage: brkmalloc exporter [--port N] [--address A]\n",
            program_name, problem, about);
    return STATUS_USAGE;
}

static bool read_port(const char *text, int *port)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    *port = (int)number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && number <= PORT_MAX;
}

/* Takes the value of the option out of the words at *at, as the next word or behind "=". */
static const char *value_of(char **words, int *at, const char *option)
{
    const char *word = words[*at];
    size_t length = strlen(option);
    if (strncmp(word, option, length) != 0 || (word[length] != '\0' && word[length] != '=')) {
        return NULL;
    }
    if (word[length] == '=') {
        return word + length + 1;
    }
    return words[*at + 1] == NULL ? NULL : words[++*at];
}

static int read_words(char **words, struct server_options *options)
{
    for (int i = 1; words[i] != NULL; i++) {
        const char *word = words[i];
        const char *value;
        if ((value = value_of(words, &i, "--port")) != NULL) {
            if (!read_port(value, &options->port)) {
                return tell_usage("--port takes 0 to 65535, not", value);
            }
        } else if ((value = value_of(words, &i, "--address")) != NULL) {
            options->address = value;
        } else if ((value = value_of(words, &i, "--asker")) != NULL) {
            options->programs.asker = value;
        } else if ((value = value_of(words, &i, "--reader")) != NULL) {
            options->programs.reader = value;
        } else {
            return tell_usage("unknown option, or one without its value,", word);
        }
    }
    return options->programs.asker == NULL ? tell_usage("missing:", "--asker") : STATUS_DONE;
}

int main(int count, char **words)
{
    (void)count;
    int number;
    sigset_t ends;
    struct server_options options = {.address = "127.0.0.1", .port = STANDARD_PORT};
    int status = read_words(words, &options);
    if (status != STATUS_DONE) {
        return status;
    }
    /* What is wrong with a process is told by its metrics. */
    hold_complaints();
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    status = children_begin() ? (int)server_start(&options) : STATUS_FAILED;
    if (status != STATUS_DONE) {
        return status;
    }
    sigwait(&ends, &number);
    children_end();
    server_stop();
    return STATUS_DONE;
}
