/* SPDX-License-Identifier: MIT
 *
 * brkmalloc-exporter --asker PATH [--reader PATH] [--port N] [--address A]: serves metrics and heap
 * profiles of all processes that may be asked. The command `brkmalloc` runs it as `brkmalloc
 * exporter`, with the paths of brkmalloc-ctl and brkmalloc-pprof, and has the help text. */
#include <errno.h>
#include <getopt.h>
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

static int read_option(int option, char **words, struct server_options *options)
{
    switch (option) {
    case 'p':
        return read_port(optarg, &options->port)
                   ? STATUS_DONE
                   : tell_usage("--port takes 0 to 65535, not", optarg);
    case 'a':
        options->address = optarg;
        return STATUS_DONE;
    case 'c':
        options->programs.asker = optarg;
        return STATUS_DONE;
    case 'r':
        options->programs.reader = optarg;
        return STATUS_DONE;
    default:
        return tell_usage("unknown option, or one without its value,", words[optind - 1]);
    }
}

static int read_words(int count, char **words, struct server_options *options)
{
    static const struct option known[] = {{"port", required_argument, NULL, 'p'},
                                          {"address", required_argument, NULL, 'a'},
                                          {"asker", required_argument, NULL, 'c'},
                                          {"reader", required_argument, NULL, 'r'},
                                          {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(count, words, "+:", known, NULL)) != -1) {
        int status = read_option(option, words, options);
        if (status != STATUS_DONE) {
            return status;
        }
    }
    if (optind < count) {
        return tell_usage("unknown option, or one without its value,", words[optind]);
    }
    return options->programs.asker == NULL ? tell_usage("missing:", "--asker") : STATUS_DONE;
}

int main(int count, char **words)
{
    int number;
    sigset_t ends;
    struct server_options options = {.address = "127.0.0.1", .port = STANDARD_PORT};
    int status = read_words(count, words, &options);
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
