/* SPDX-License-Identifier: MIT
 * The sockets of the allocator's own thread: stream sockets with abstract names, which
 * need no file system and vanish with the process. As in os.h, no function changes errno. Nothing
 * waits but brkm__os_socket_wait.
 *
 * Programs close descriptors that are not theirs, for example all of them when they become a
 * daemon, and then use the numbers themselves. So each socket is known by its device and inode too,
 * and is verified before it is used; what is not ours any more is left alone. */
#ifndef BRKMALLOC_SYSTEM_OS_SOCKET_H
#define BRKMALLOC_SYSTEM_OS_SOCKET_H

#include "base/base.h"
#include "system/os_file.h"

/* Bytes of an abstract name, without the leading zero byte that the kernel wants. */
#define OS_SOCKET_NAME_MAX 107

struct os_socket {
    bool open;
    int descriptor;
    struct os_file_identity file;
};

enum os_socket_result {
    OS_SOCKET_DONE,   /* some bytes went through */
    OS_SOCKET_LATER,  /* nothing to be had at the moment */
    OS_SOCKET_ENDED,  /* the other side sends no more */
    OS_SOCKET_FAILED, /* no use any more; a listener: somebody closed it or shut it down */
};

/* Listens at the name. False when the name is taken or the system refuses; *reason, a constant
 * string, then says why. */
bool brkm__os_socket_listen(struct os_socket *listener, const char *name, size_t length,
                            const char **reason);

/* Takes the next client. *allowed tells whether it runs as the user that this process acts as, or
 * as root. */
enum os_socket_result brkm__os_socket_accept(const struct os_socket *listener,
                                             struct os_socket *client, bool *allowed);

/* Receives up to `size` bytes, or sends; *done says how many. */
enum os_socket_result brkm__os_socket_receive(const struct os_socket *client, char *bytes,
                                              size_t size, size_t *done);
enum os_socket_result brkm__os_socket_send(const struct os_socket *client, const char *bytes,
                                           size_t size, size_t *done);

/* Closes a socket, if it is still ours. */
void brkm__os_socket_close(struct os_socket *socket);

/* What is waited for at a socket. */
struct os_socket_event {
    const struct os_socket *socket;
    bool to_send; /* wait until it can send, not until it has something */
    bool ready;
};

#define OS_SOCKET_EVENTS_MAX 16

/* Waits until one of at most OS_SOCKET_EVENTS_MAX sockets is ready, and no longer than that many
 * milliseconds. */
void brkm__os_socket_wait(struct os_socket_event *events, size_t count, uint64_t milliseconds);

/* Connects to the name and lets go again, which wakes whoever waits there. */
void brkm__os_socket_knock(const char *name, size_t length);

#endif
