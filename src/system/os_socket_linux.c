/* SPDX-License-Identifier: MIT
 * Os_socket.h on Linux. */
#define _GNU_SOURCE
#include "system/os_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "system/descriptor.h"
#include "system/os.h"

/* Clients that may wait for their turn; more are refused by the kernel, or wait in connect. */
#define BACKLOG 128

/* ---- Descriptors ---- */

static bool is_ours(const struct os_socket *socket)
{
    return socket->open && descriptor_is(socket->descriptor, socket->file);
}

/* Notes an open descriptor, after it was moved out of the way where that is possible. */
static bool adopt(struct os_socket *adopted, int descriptor)
{
    descriptor = descriptor_move(descriptor);
    adopted->descriptor = descriptor;
    adopted->open = descriptor_find(descriptor, &adopted->file);
    if (!adopted->open) {
        descriptor_close(descriptor);
    }
    return adopted->open;
}

void brkm__os_socket_close(struct os_socket *socket)
{
    if (is_ours(socket)) {
        descriptor_close(socket->descriptor);
    }
    socket->open = false;
}

static int new_socket(void)
{
    return (int)os_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- Names ---- */

static socklen_t make_address(struct sockaddr_un *address, const char *name, size_t length)
{
    length = min_size(length, OS_SOCKET_NAME_MAX);
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path + 1, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static const char *words_for(int error)
{
    switch (error) {
    case EADDRINUSE:
        return "the name is taken";
    case EMFILE:
    case ENFILE:
        return "too many files are open";
    case EPERM:
    case EACCES:
    case ENOSYS:
        return "the system does not allow it";
    case EAFNOSUPPORT:
        return "the system has no Unix sockets";
    default:
        return "the system refuses";
    }
}

/* Returns 0 or an errno value. */
static int listen_at(struct os_socket *listener, const char *name, size_t length)
{
    struct sockaddr_un address;
    socklen_t size = make_address(&address, name, length);
    int descriptor = new_socket();
    if (descriptor < 0) {
        return -descriptor;
    }
    if (!adopt(listener, descriptor)) {
        return EBADF;
    }
    long result = os_call3(SYS_bind, listener->descriptor, (long)&address, size);
    if (result == 0) {
        result = os_call2(SYS_listen, listener->descriptor, BACKLOG);
    }
    if (result != 0) {
        brkm__os_socket_close(listener);
    }
    return (int)-result;
}

bool brkm__os_socket_listen(struct os_socket *listener, const char *name, size_t length,
                            const char **reason)
{
    int error = listen_at(listener, name, length);
    if (error != 0) {
        *reason = words_for(error);
    }
    return error == 0;
}

void brkm__os_socket_knock(const char *name, size_t length)
{
    struct sockaddr_un address;
    socklen_t size = make_address(&address, name, length);
    int descriptor = new_socket();
    if (descriptor >= 0) {
        os_call3(SYS_connect, descriptor, (long)&address, size);
        descriptor_close(descriptor);
    }
}

/* ---- Clients ---- */

/* The user that the kernel names in the place of one that our user namespace does not know. */
#define USER_UNKNOWN 65534

/* True where the user namespace is that of the system, which knows every user. */
static bool knows_all_users(void)
{
    static const char whole[] = "4294967295\n";
    char map[128];
    intptr_t length = brkm__os_read_file("/proc/self/uid_map", map, sizeof(map));
    size_t end = sizeof(whole) - 1;
    return length > (intptr_t)end && memcmp(map + (size_t)length - end, whole, end) == 0;
}

static bool is_allowed(int descriptor)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    long result =
        os_call(SYS_getsockopt, descriptor, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size, 0);
    return result == 0 && (peer.uid == (uid_t)os_call0(SYS_geteuid) || peer.uid == 0) &&
           (peer.uid != USER_UNKNOWN || knows_all_users());
}

/* Waits at most that many milliseconds; UINT64_MAX: for ever. */
static long poll_for(struct pollfd *polled, size_t count, uint64_t milliseconds)
{
    struct timespec time = {
        .tv_sec = (time_t)(milliseconds / 1000),
        .tv_nsec = (long)(milliseconds % 1000 * 1000000),
    };
    return os_call4(SYS_ppoll, (long)polled, (long)count,
                    milliseconds == UINT64_MAX ? 0 : (long)&time, 0);
}

/* A listener that was shut down is always ready and never has a client. */
static bool is_shut_down(int descriptor)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLRDHUP};
    return poll_for(&polled, 1, 0) > 0 && (polled.revents & (POLLRDHUP | POLLHUP)) != 0;
}

static bool has_no_use(int descriptor, int error)
{
    return error == EBADF || error == ENOTSOCK || error == EINVAL ||
           (error == EAGAIN && is_shut_down(descriptor));
}

enum os_socket_result brkm__os_socket_accept(const struct os_socket *listener,
                                             struct os_socket *client, bool *allowed)
{
    if (!is_ours(listener)) {
        return OS_SOCKET_FAILED;
    }
    int descriptor =
        (int)os_call4(SYS_accept4, listener->descriptor, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) {
        return has_no_use(listener->descriptor, -descriptor) ? OS_SOCKET_FAILED : OS_SOCKET_LATER;
    }
    *allowed = is_allowed(descriptor);
    return adopt(client, descriptor) ? OS_SOCKET_DONE : OS_SOCKET_LATER;
}

static enum os_socket_result result_of(long bytes, size_t *done)
{
    *done = bytes > 0 ? (size_t)bytes : 0;
    if (bytes > 0) {
        return OS_SOCKET_DONE;
    }
    if (bytes == 0) {
        return OS_SOCKET_ENDED;
    }
    return bytes == -EAGAIN || bytes == -EINTR ? OS_SOCKET_LATER : OS_SOCKET_FAILED;
}

enum os_socket_result brkm__os_socket_receive(const struct os_socket *client, char *bytes,
                                              size_t size, size_t *done)
{
    *done = 0;
    if (!is_ours(client)) {
        return OS_SOCKET_FAILED;
    }
    return result_of(os_call(SYS_recvfrom, client->descriptor, (long)bytes, (long)size, 0, 0, 0),
                     done);
}

enum os_socket_result brkm__os_socket_send(const struct os_socket *client, const char *bytes,
                                           size_t size, size_t *done)
{
    *done = 0;
    if (!is_ours(client)) {
        return OS_SOCKET_FAILED;
    }
    return result_of(
        os_call(SYS_sendto, client->descriptor, (long)bytes, (long)size, MSG_NOSIGNAL, 0, 0), done);
}

/* ---- Waiting ---- */

void brkm__os_socket_wait(struct os_socket_event *events, size_t count, uint64_t milliseconds)
{
    struct pollfd polled[OS_SOCKET_EVENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        polled[i].fd = events[i].socket->descriptor;
        polled[i].events = events[i].to_send ? POLLOUT : POLLIN;
        polled[i].revents = 0;
    }
    long ready = poll_for(polled, count, milliseconds);
    for (size_t i = 0; i < count; i++) {
        events[i].ready = ready > 0 && polled[i].revents != 0;
    }
}
