/* SPDX-License-Identifier: MIT
 * See server.h. */
#include "server.h"

#include <civetweb.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../profile/memory.h"
#include "http_status.h"
#include "metrics_page.h"

/* Requests that are served at a time, more than may wait for profiles; how many bytes a request and
 * milliseconds its reading and each piece of the answer may take. CivetWeb takes them as text. */
#define THREADS "16"
#define REQUEST_BYTES "8192"
#define REQUEST_MS "10000"

/* Bytes of addresses that are read, and not looked at. */
#define SYMBOLS_BYTES (1 << 20)

#define TEXT_TYPE "text/plain; charset=utf-8"

/* Written before there are other threads. */
static struct {
    struct server_options options;
    struct mg_context *context;
    char problem[256]; /* what CivetWeb said last, while it starts */
} server;

/* ---- Answers ---- */

struct answer_page {
    int status;
    const char *type, *more_headers;
    struct text text;
};

const char *http_status_line(int status)
{
    switch (status) {
    case HTTP_OK:
        return "200 OK";
    case HTTP_BAD_REQUEST:
        return "400 Bad Request";
    case HTTP_FORBIDDEN:
        return "403 Forbidden";
    case HTTP_NOT_FOUND:
        return "404 Not Found";
    case HTTP_WRONG_METHOD:
        return "405 Method Not Allowed";
    case HTTP_NOT_BUILT:
        return "501 Not Implemented";
    case HTTP_BUSY:
        return "503 Service Unavailable";
    case HTTP_TIMED_OUT:
        return "504 Gateway Timeout";
    default:
        return "502 Bad Gateway";
    }
}

static void send_page(struct mg_connection *connection, const struct answer_page *page)
{
    const struct mg_request_info *request = mg_get_request_info(connection);
    mg_printf(connection,
              "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
              "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
              "Connection: close\r\n%s\r\n",
              http_status_line(page->status), page->type, page->text.length, page->more_headers);
    if (strcmp(request->request_method, "HEAD") != 0) {
        mg_write(connection, page->text.bytes, page->text.length);
    }
}

/* ---- /metrics ---- */

static void make_metrics(struct mg_connection *connection, struct answer_page *page)
{
    const char *accepted = mg_get_header(connection, "Accept");
    bool openmetrics = accepted != NULL && strstr(accepted, "application/openmetrics-text") != NULL;
    page->type = openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                             : "text/plain; version=0.0.4; charset=utf-8";
    metrics_page_make(&page->text, server.options.programs.asker, openmetrics);
}

/* ---- /debug/pprof/heap ---- */

struct profile_request {
    long id, seconds;
};

static bool read_number(const char *text, long most, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number > 0 &&
           *number <= most;
}

/* Reads the NAME=VALUE's between ampersands; false, with words about it, when one is wrong. */
static bool read_query(char *query, struct profile_request *request, struct text *words)
{
    char *rest = query;
    for (char *part = strtok_r(rest, "&", &rest); part != NULL; part = strtok_r(NULL, "&", &rest)) {
        size_t name = strcspn(part, "=");
        const char *value = part + name + (part[name] == '=');
        if (strncmp(part, "pid=", strlen("pid=")) == 0) {
            if (!read_number(value, INT_MAX, &request->id)) {
                text_add(words, "pid takes the number of a process, not ");
                text_add_clean(words, value);
                return false;
            }
        } else if (strncmp(part, "seconds=", strlen("seconds=")) == 0) {
            if (!read_number(value, HEAP_PROFILE_SECONDS_MAX, &request->seconds)) {
                text_format(words, "seconds takes 1 to %d, not ", HEAP_PROFILE_SECONDS_MAX);
                text_add_clean(words, value);
                return false;
            }
        } else {
            text_add(words, "there are pid=N and seconds=N, but not ");
            text_add_clean(words, part);
            return false;
        }
    }
    return true;
}

static void make_profile(const char *query, struct answer_page *page)
{
    struct profile_request request = {0, 0};
    char *copy = memory_copy_text(query == NULL ? "" : query);
    bool is_well = read_query(copy, &request, &page->text);
    free(copy);
    if (is_well && request.id == 0) {
        text_add(&page->text, "pid=N is missing: the process whose heap it is about");
    }
    if (page->text.length != 0) {
        text_add(&page->text, "\n");
        page->status = HTTP_BAD_REQUEST;
        return;
    }
    if (server.options.programs.reader == NULL) {
        text_add(&page->text, "brkmalloc was built without what reads heap profiles\n");
        page->status = HTTP_NOT_BUILT;
        return;
    }
    page->status = heap_profile_take(&page->text, &server.options.programs, (pid_t)request.id,
                                     request.seconds);
    if (page->status == HTTP_OK) {
        page->type = "application/octet-stream";
        page->more_headers = "Content-Disposition: attachment; filename=\"heap.pb.gz\"\r\n";
    }
}

/* pprof asks there for names of functions that a profile lacks, and gives up where nobody answers.
 * What the exporter can find is in the profile: it knows no other. */
static void make_symbols(struct mg_connection *connection, struct answer_page *page)
{
    char part[1024];
    int left = SYMBOLS_BYTES;
    int got = 1;
    for (; left > 0 && got > 0; left -= got) {
        got = mg_read(connection, part, sizeof(part));
    }
    text_add(&page->text, "num_symbols: 0\n");
}

/* ---- All requests ---- */

static const char start_page[] =
    "brkmalloc exporter\n\n"
    "/metrics                    metrics of all processes, for Prometheus\n"
    "/debug/pprof/heap?pid=N     a heap profile of process N, for pprof; seconds=N for how long\n";

static void make_page(struct mg_connection *connection, struct answer_page *page)
{
    const struct mg_request_info *request = mg_get_request_info(connection);
    const char *path = request->local_uri == NULL ? "" : request->local_uri;
    if (strcmp(path, "/debug/pprof/symbol") == 0) {
        make_symbols(connection, page);
    } else if (strcmp(request->request_method, "GET") != 0 &&
               strcmp(request->request_method, "HEAD") != 0) {
        page->status = HTTP_WRONG_METHOD;
        page->more_headers = "Allow: GET, HEAD\r\n";
        text_add(&page->text, "only GET and HEAD are served\n");
    } else if (strcmp(path, "/metrics") == 0) {
        make_metrics(connection, page);
    } else if (strcmp(path, "/debug/pprof/heap") == 0) {
        make_profile(request->query_string, page);
    } else if (strcmp(path, "/") == 0) {
        text_add(&page->text, start_page);
    } else {
        page->status = HTTP_NOT_FOUND;
        text_add(&page->text, "there are /metrics and /debug/pprof/heap?pid=N, but not ");
        text_add_clean(&page->text, path);
        text_add(&page->text, "\n");
    }
}

/* Called by CivetWeb for each request, before it looks at anything else. */
static int serve(struct mg_connection *connection)
{
    struct answer_page page = {.status = HTTP_OK, .type = TEXT_TYPE, .more_headers = ""};
    make_page(connection, &page);
    if (page.status == HTTP_BUSY) {
        page.more_headers = "Retry-After: 10\r\n";
    }
    send_page(connection, &page);
    text_free(&page.text);
    return page.status;
}

/* ---- Start and end ---- */

/* What is wrong with a request is the client's to know. */
static int keep_problem(const struct mg_connection *connection, const char *words)
{
    (void)connection;
    if (server.context == NULL) {
        snprintf(server.problem, sizeof(server.problem), "%s", words);
    }
    return 1;
}

/* The system's word on why nobody can listen there; 0 when one can. */
static int try_address(const struct addrinfo *address)
{
    int one = 1;
    int error = 0;
    int file = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0) {
        return errno;
    }
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(file, address->ai_addr, address->ai_addrlen) != 0 || listen(file, 1) != 0) {
        error = errno;
    }
    close(file);
    return error;
}

/* The address as the system has it; NULL after a message. */
static struct addrinfo *read_address(const struct server_options *options)
{
    char port[16];
    struct addrinfo *address = NULL;
    const struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof(port), "%d", options->port);
    if (getaddrinfo(options->address, port, &wanted, &address) != 0) {
        fprintf(stderr, "%s: --address takes a number, as 127.0.0.1, not '%s'\n", program_name,
                options->address);
        return NULL;
    }
    /* Debian's has not. */
    if (address->ai_family == AF_INET6 && mg_check_feature(MG_FEATURES_IPV6) == 0) {
        fprintf(stderr, "%s: --address '%s': the CivetWeb of this system serves IPv4 only\n",
                program_name, options->address);
        freeaddrinfo(address);
        return NULL;
    }
    return address;
}

/* Checks the address, and writes the place as CivetWeb and URLs have it. */
static enum status find_place(const struct server_options *options, char *place, size_t size)
{
    struct addrinfo *address = read_address(options);
    if (address == NULL) {
        return STATUS_USAGE;
    }
    snprintf(place, size, address->ai_family == AF_INET6 ? "[%s]:" : "%s:", options->address);
    int error = try_address(address);
    freeaddrinfo(address);
    if (error != 0) {
        fprintf(stderr, "%s: cannot listen at %s%d: %s%s\n", program_name, place, options->port,
                strerror(error), error == EADDRINUSE ? "; --port takes another" : "");
    }
    return error == 0 ? STATUS_DONE : STATUS_FAILED;
}

enum status server_start(const struct server_options *options)
{
    char place[128];
    char ports[160];
    server.options = *options;
    enum status status = find_place(options, place, sizeof(place));
    if (status != STATUS_DONE) {
        return status;
    }
    snprintf(ports, sizeof(ports), "%s%d", place, options->port);
    const char *settings[] = {"listening_ports",
                              ports,
                              "num_threads",
                              THREADS,
                              "max_request_size",
                              REQUEST_BYTES,
                              "request_timeout_ms",
                              REQUEST_MS,
                              "enable_keep_alive",
                              "no",
                              NULL};
    const struct mg_callbacks callbacks = {.begin_request = serve, .log_message = keep_problem};
    struct mg_server_port port;
    mg_init_library(0);
    server.context = mg_start(&callbacks, NULL, settings);
    if (server.context == NULL || mg_get_server_ports(server.context, 1, &port) != 1) {
        fprintf(stderr, "%s: cannot serve at %s: %s\n", program_name, ports, server.problem);
        return STATUS_FAILED;
    }
    printf("%s: http://%s%d/metrics\n", program_name, place, port.port);
    fflush(stdout);
    return STATUS_DONE;
}

void server_stop(void)
{
    mg_stop(server.context);
    mg_exit_library();
}
