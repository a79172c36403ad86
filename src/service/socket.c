/* SPDX-License-Identifier: MIT
 * See socket.h. */
#include "service/socket.h"

#include <string.h>

#include "kit/alarm.h"
#include "kit/report.h"
#include "kit/secret.h"
#include "service/requests.h"
#include "system/os.h"
#include "system/os_socket.h"

/* Clients that are served at a time; others wait in the kernel's queue. */
#define CLIENTS 8

/* Milliseconds that a client has to send its line. */
#define REQUEST_MS 2000

/* And for which it may take nothing of its answer: on a busy machine it may not run for seconds. */
#define ANSWER_MS 20000

/* Milliseconds for which no client is taken after one was refused or could not be taken: another
 * user must not be able to keep this thread busy. */
#define REST_MS 10

/* Longest sleep in milliseconds while nobody is let in: the alarm rings at the same door. */
#define FULL_MS 250

/* Milliseconds between two sockets, where the program closes ours or shuts it down: the double each
 * time, up to a bound, where it does so again and again. One that stood for as long as the bound
 * ends that. */
#define REOPEN_MS 1000
#define REOPEN_MOST_MS 60000

_Static_assert(CLIENTS + 1 <= OS_SOCKET_EVENTS_MAX, "all sockets can be waited for at once");

struct client {
    struct os_socket socket;
    uint64_t deadline; /* milliseconds on the clock */
    size_t length;     /* of the request so far */
    char request[CONTROL_REQUEST_MAX + 1];
    struct control_answer answer;
    size_t sent; /* bytes of the answer */
};

/* Written by the service thread alone: under the lock where sockets are opened and closed and
 * answers made and unmapped, so that a forked child finds what it has to close. */
static struct {
    struct lock lock;
    struct os_socket listener;
    uint64_t rest_until;
    uint64_t opened_at;
    uint64_t reopen_at; /* 0 while nothing is known against the listener */
    uint64_t pause;     /* milliseconds between the last two sockets; 0 at first */
    char name[OS_SOCKET_NAME_MAX];
    size_t name_length;
    struct client clients[CLIENTS];
} server;

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- The name: brkmalloc/PROCESS/NUMBER ---- */

/* The number cannot be foreseen, so that no other user takes the name first. */
static void make_name(void)
{
    uint64_t number = brkm__secret(SECRET_SOCKET_NAME, brkm__os_milliseconds());
    struct line name = {0};
    brkm__line_add_text(&name, "brkmalloc/");
    brkm__line_add_number(&name, (uint64_t)brkm__os_process_id());
    brkm__line_add_text(&name, "/");
    brkm__line_add_number(&name, number >> 32);
    server.name_length = min_size(name.length, sizeof(server.name));
    memcpy(server.name, name.text, server.name_length);
}

/* ---- Listening ---- */

static void warn(const char *reason)
{
    struct line line = {0};
    brkm__line_add_text(&line, "brkmalloc: control has no effect in process ");
    brkm__line_add_number(&line, (uint64_t)brkm__os_process_id());
    brkm__line_add_text(&line, "; it cannot listen on a socket: ");
    brkm__line_add_text(&line, reason);
    brkm__line_write(&line);
}

static bool listen_at_name(const char **reason)
{
    lock_acquire(&server.lock);
    bool open = brkm__os_socket_listen(&server.listener, server.name, server.name_length, reason);
    lock_release(&server.lock);
    server.opened_at = brkm__os_milliseconds();
    return open;
}

void brkm__server_open(void)
{
    const char *reason = NULL;
    make_name();
    bool open = listen_at_name(&reason);
    brkm__alarm_use_socket(server.name, open ? server.name_length : 0);
    if (!open) {
        warn(reason);
    }
}

bool brkm__server_is_open(void)
{
    return server.listener.open;
}

/* When the next socket may be opened. */
static uint64_t plan_reopening(uint64_t now)
{
    bool is_the_first = server.pause == 0 || now - server.opened_at >= REOPEN_MOST_MS;
    server.pause = is_the_first ? REOPEN_MS : earlier(2 * server.pause, REOPEN_MOST_MS);
    return server.opened_at + server.pause;
}

/* Somebody closed the socket, as a program that becomes a daemon closes all it has, or shut it
 * down. The old name is free again, unless a child that knows nothing of us still has the socket.
 */
static void reopen(uint64_t now)
{
    if (server.reopen_at == 0) {
        server.reopen_at = plan_reopening(now);
    }
    if (now < server.reopen_at) {
        server.rest_until = server.reopen_at;
        return;
    }
    server.reopen_at = 0;
    lock_acquire(&server.lock);
    brkm__os_socket_close(&server.listener);
    lock_release(&server.lock);
    const char *reason;
    if (!listen_at_name(&reason)) {
        brkm__server_open();
    }
}

/* ---- Clients ---- */

static void end_client(struct client *client)
{
    lock_acquire(&server.lock);
    brkm__os_socket_close(&client->socket);
    brkm__control_answer_free(&client->answer);
    lock_release(&server.lock);
}

static struct client *free_client(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        if (!server.clients[i].socket.open) {
            return &server.clients[i];
        }
    }
    return NULL;
}

static bool is_answering(const struct client *client)
{
    return client->answer.size != 0;
}

static void send_answer(struct client *client)
{
    size_t length = control_answer_length(&client->answer);
    while (client->sent < length) {
        size_t done;
        enum os_socket_result result = brkm__os_socket_send(
            &client->socket, control_answer_text(&client->answer) + client->sent,
            length - client->sent, &done);
        client->sent += done;
        if (result == OS_SOCKET_LATER) {
            return;
        }
        if (result != OS_SOCKET_DONE) {
            break;
        }
        client->deadline = brkm__os_milliseconds() + ANSWER_MS;
    }
    end_client(client);
}

/* The answer is made without the lock: a fork shall not wait for it. What it took is no time of the
 * client's. */
static void give_answer(struct client *client, struct control_answer answer, bool made)
{
    if (!made) {
        end_client(client);
        return;
    }
    lock_acquire(&server.lock);
    client->answer = answer;
    lock_release(&server.lock);
    client->sent = 0;
    client->deadline = brkm__os_milliseconds() + ANSWER_MS;
    send_answer(client);
}

static void carry_out(struct client *client, size_t length)
{
    struct control_answer answer = {0};
    bool made = brkm__control_answer(&answer, client->request, length);
    give_answer(client, answer, made);
}

static void refuse(struct client *client, const char *why)
{
    struct control_answer answer = {0};
    bool made = brkm__control_refuse(&answer, why);
    give_answer(client, answer, made);
}

static void receive_request(struct client *client)
{
    size_t done;
    enum os_socket_result result =
        brkm__os_socket_receive(&client->socket, client->request + client->length,
                                sizeof(client->request) - client->length, &done);
    const char *end = done == 0 ? NULL : memchr(client->request + client->length, '\n', done);
    client->length += done;
    if (end != NULL) {
        carry_out(client, (size_t)(end - client->request));
    } else if (client->length == sizeof(client->request)) {
        refuse(client, "the request is longer than 255 bytes");
    } else if (result == OS_SOCKET_ENDED && client->length != 0) {
        carry_out(client, client->length);
    } else if (result == OS_SOCKET_ENDED || result == OS_SOCKET_FAILED) {
        end_client(client);
    }
}

static void take_client(struct client *client, uint64_t now)
{
    bool allowed = false;
    lock_acquire(&server.lock);
    enum os_socket_result result =
        brkm__os_socket_accept(&server.listener, &client->socket, &allowed);
    lock_release(&server.lock);
    if (result == OS_SOCKET_FAILED) {
        reopen(now);
        return;
    }
    if (result != OS_SOCKET_DONE || !allowed) {
        server.rest_until = now + REST_MS;
    }
    if (result == OS_SOCKET_DONE) {
        client->length = 0;
        client->deadline = brkm__os_milliseconds() + REQUEST_MS;
        if (!allowed) {
            refuse(client, "only the user whom the process runs as, and root, may ask");
        }
    }
}

/* ---- Waiting ---- */

/* A client that reads slowly makes room long before a poll tells of it: the kernel waits until
 * three quarters of what it keeps for a connection are read. */
static bool takes_more(struct client *client)
{
    size_t sent = client->sent;
    send_answer(client);
    return client->sent != sent;
}

static void end_late_clients(uint64_t now)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &server.clients[i];
        bool is_late = client->socket.open && now >= client->deadline;
        if (is_late && !(is_answering(client) && takes_more(client))) {
            end_client(client);
        }
    }
}

static uint64_t milliseconds_until(uint64_t time, uint64_t now)
{
    return time > now ? time - now : 0;
}

/* What to wait for, and for whom: NULL for the listener. */
struct waiting {
    size_t count;
    struct os_socket_event events[CLIENTS + 1];
    struct client *clients[CLIENTS + 1];
    uint64_t milliseconds;
};

static void wait_for_clients(struct waiting *waiting, uint64_t now)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &server.clients[i];
        if (client->socket.open) {
            waiting->clients[waiting->count] = client;
            waiting->events[waiting->count++] = (struct os_socket_event){
                .socket = &client->socket, .to_send = is_answering(client)};
            waiting->milliseconds =
                earlier(waiting->milliseconds, milliseconds_until(client->deadline, now));
        }
    }
}

static void wait_for_listener(struct waiting *waiting, uint64_t now)
{
    if (free_client() == NULL) {
        waiting->milliseconds = earlier(waiting->milliseconds, FULL_MS);
        return;
    }
    if (now < server.rest_until) {
        waiting->milliseconds = earlier(waiting->milliseconds, server.rest_until - now);
        return;
    }
    waiting->clients[waiting->count] = NULL;
    waiting->events[waiting->count++] = (struct os_socket_event){.socket = &server.listener};
}

static void serve(const struct waiting *waiting, uint64_t now)
{
    for (size_t i = 0; i < waiting->count; i++) {
        if (!waiting->events[i].ready) {
            continue;
        }
        if (waiting->clients[i] == NULL) {
            take_client(free_client(), now);
        } else if (is_answering(waiting->clients[i])) {
            send_answer(waiting->clients[i]);
        } else {
            receive_request(waiting->clients[i]);
        }
    }
}

void brkm__server_wait(uint64_t milliseconds)
{
    uint64_t now = brkm__os_milliseconds();
    struct waiting waiting = {.milliseconds = earlier(milliseconds, ALARM_SOCKET_SLEEP_MAX)};
    wait_for_clients(&waiting, now);
    wait_for_listener(&waiting, now);
    brkm__os_socket_wait(waiting.events, waiting.count, waiting.milliseconds);
    now = brkm__os_milliseconds();
    serve(&waiting, now);
    end_late_clients(now);
}

/* ---- Fork ---- */

struct lock *brkm__server_lock(void)
{
    return &server.lock;
}

#if BRKM_BARE_FORK
void brkm__server_abandon(void)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        server.clients[i].answer = (struct control_answer){0};
    }
}
#endif

void brkm__server_forget(void)
{
    brkm__os_socket_close(&server.listener);
    for (size_t i = 0; i < CLIENTS; i++) {
        brkm__os_socket_close(&server.clients[i].socket);
        brkm__control_answer_free(&server.clients[i].answer);
    }
    server.rest_until = server.reopen_at = server.pause = 0;
}
