/* SPDX-License-Identifier: MIT
 * Os_socket.h on Linux. */
#define _GNU_SOURCE
#include "system/os_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clients that may wait for their turn; more are refused by the kernel, or wait in connect. */
#define BACKLOG 128

/* Lowest number of our descriptors, out of the way of programs that count theirs. */
#define DESCRIPTOR_MIN 200

/* ---- Descriptors ---- */

static bool is_ours(const struct os_socket *socket)
{
    struct stat status;
    return socket->open && fstat(socket->descriptor, &status) == 0 &&
           status.st_dev == socket->device && status.st_ino == socket->inode;
}

/* Notes an open descriptor, after it was moved out of the way where that is possible. */
static bool adopt(struct os_socket *adopted, int descriptor)
{
    struct stat status;
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, DESCRIPTOR_MIN);
    if (moved >= 0) {
        close(descriptor);
        descriptor = moved;
    }
    if (fstat(descriptor, &status) != 0) {
        close(descriptor);
        return false;
    }
    *adopted = (struct os_socket){
        .open = true, .descriptor = descriptor, .device = status.st_dev, .inode = status.st_ino};
    return true;
}

static void close_ours(struct os_socket *socket)
{
    if (is_ours(socket)) {
        close(socket->descriptor);
    }
    socket->open = false;
}

void brkm__os_socket_close(struct os_socket *socket)
{
    int saved = errno;
    close_ours(socket);
    errno = saved;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

static bool listen_at(struct os_socket *listener, const char *name, size_t length)
{
    struct sockaddr_un address;
    socklen_t size = make_address(&address, name, length);
    int descriptor = new_socket();
    if (descriptor < 0 || !adopt(listener, descriptor)) {
        return false;
    }
    if (bind(listener->descriptor, (const struct sockaddr *)&address, size) == 0 &&
        listen(listener->descriptor, BACKLOG) == 0) {
        return true;
    }
    int error = errno;
    close_ours(listener);
    errno = error;
    return false;
}

bool brkm__os_socket_listen(struct os_socket *listener, const char *name, size_t length,
                            const char **reason)
{
    int saved = errno;
    bool done = listen_at(listener, name, length);
    if (!done) {
        *reason = words_for(errno);
    }
    errno = saved;
    return done;
}

void brkm__os_socket_knock(const char *name, size_t length)
{
    int saved = errno;
    struct sockaddr_un address;
    socklen_t size = make_address(&address, name, length);
    int descriptor = new_socket();
    if (descriptor >= 0) {
        (void)connect(descriptor, (const struct sockaddr *)&address, size);
        close(descriptor);
    }
    errno = saved;
}

/* ---- Clients ---- */

static bool is_allowed(int descriptor)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* A listener that was shut down is always ready and never has a client. */
static bool is_shut_down(int descriptor)
{
    struct pollfd polled = {.fd = descriptor, .events = POLLRDHUP};
    return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLRDHUP | POLLHUP)) != 0;
}

static bool has_no_use(int descriptor, int error)
{
    return error == EBADF || error == ENOTSOCK || error == EINVAL ||
           (error == EAGAIN && is_shut_down(descriptor));
}

static enum os_socket_result accept_from(const struct os_socket *listener, struct os_socket *client,
                                         bool *allowed)
{
    if (!is_ours(listener)) {
        return OS_SOCKET_FAILED;
    }
    int descriptor = accept4(listener->descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0) {
        return has_no_use(listener->descriptor, errno) ? OS_SOCKET_FAILED : OS_SOCKET_LATER;
    }
    *allowed = is_allowed(descriptor);
    return adopt(client, descriptor) ? OS_SOCKET_DONE : OS_SOCKET_LATER;
}

enum os_socket_result brkm__os_socket_accept(const struct os_socket *listener,
                                             struct os_socket *client, bool *allowed)
{
    int saved = errno;
    enum os_socket_result result = accept_from(listener, client, allowed);
    errno = saved;
    return result;
}

static enum os_socket_result result_of(ssize_t bytes, size_t *done)
{
    *done = bytes > 0 ? (size_t)bytes : 0;
    if (bytes > 0) {
        return OS_SOCKET_DONE;
    }
    if (bytes == 0) {
        return OS_SOCKET_ENDED;
    }
    return errno == EAGAIN || errno == EINTR ? OS_SOCKET_LATER : OS_SOCKET_FAILED;
}

enum os_socket_result brkm__os_socket_receive(const struct os_socket *client, char *bytes,
                                              size_t size, size_t *done)
{
    int saved = errno;
    *done = 0;
    enum os_socket_result result = OS_SOCKET_FAILED;
    if (is_ours(client)) {
        result = result_of(recv(client->descriptor, bytes, size, 0), done);
    }
    errno = saved;
    return result;
}

enum os_socket_result brkm__os_socket_send(const struct os_socket *client, const char *bytes,
                                           size_t size, size_t *done)
{
    int saved = errno;
    *done = 0;
    enum os_socket_result result = OS_SOCKET_FAILED;
    if (is_ours(client)) {
        result = result_of(send(client->descriptor, bytes, size, MSG_NOSIGNAL), done);
    }
    errno = saved;
    return result;
}

/* ---- Waiting ---- */

static int timeout_of(uint64_t milliseconds)
{
    return milliseconds == UINT64_MAX ? -1 : milliseconds > INT_MAX ? INT_MAX : (int)milliseconds;
}

void brkm__os_socket_wait(struct os_socket_event *events, size_t count, uint64_t milliseconds)
{
    int saved = errno;
    struct pollfd polled[OS_SOCKET_EVENTS_MAX];
    for (size_t i = 0; i < count; i++) {
        polled[i].fd = events[i].socket->descriptor;
        polled[i].events = events[i].to_send ? POLLOUT : POLLIN;
        polled[i].revents = 0;
    }
    int ready = poll(polled, count, timeout_of(milliseconds));
    for (size_t i = 0; i < count; i++) {
        events[i].ready = ready > 0 && polled[i].revents != 0;
    }
    errno = saved;
}
