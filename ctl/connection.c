/* SPDX-License-Identifier: MIT
 * See connection.h. */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Seconds without a byte after which there will be none: the process may have other clients first,
 * and may walk a large heap. */
#define ANSWER_SECONDS 20

/* A process whose socket was closed by its program opens another, and one that has just started has
 * none yet: times to look, and milliseconds between. */
#define LOOKS 15
#define LOOK_MS 100

/* ---- Its socket ---- */

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    size_t length = strlen(name);
    if (length >= sizeof(address.sun_path)) {
        return -1;
    }
    /* An abstract name: a zero byte in front, none behind. */
    memcpy(address.sun_path + 1, name, length);
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0) {
        return -1;
    }
    setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (connect(file, (struct sockaddr *)&address, size) != 0) {
        close(file);
        return -1;
    }
    return file;
}

/* Whether it is the process itself that listens there: anybody may take any name. */
static bool is_process(int file, const struct process *process)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(file, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == process->id;
}

/* Connects to the process by one of the names in a table of sockets; -1 when it has none there. */
static int connect_by_table(const char *table, const struct process *process)
{
    char line[512];
    char beginning[64];
    int connected = -1;
    FILE *file = fopen(table, "re");
    snprintf(beginning, sizeof(beginning), " @brkmalloc/%ld/", (long)process->inner_id);
    while (file != NULL && connected < 0 && fgets(line, sizeof(line), file) != NULL) {
        const char *name = strstr(line, beginning);
        if (name != NULL) {
            line[strcspn(line, "\n")] = '\0';
            connected = connect_to(name + strlen(" @"));
        }
        if (connected >= 0 && !is_process(connected, process)) {
            close(connected);
            connected = -1;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return connected;
}

/* A process may have left the network name space in which it listens. */
static int connect_to_process(const struct process *process)
{
    char table[64];
    snprintf(table, sizeof(table), "/proc/%ld/net/unix", (long)process->id);
    int file = connect_by_table(table, process);
    return file >= 0 ? file : connect_by_table("/proc/self/net/unix", process);
}

/* ---- Question and answer ---- */

static bool send_line(int file, const char *request)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "%s\n", request);
    return length > 0 && (size_t)length < sizeof(line) &&
           send(file, line, (size_t)length, MSG_NOSIGNAL) == length;
}

/* Everything up to the end. False after an error; what came before stays. */
static bool receive_all(int file, struct answer *answer)
{
    size_t size = 0;
    ssize_t got;
    *answer = (struct answer){NULL, 0};
    do {
        if (size - answer->length < 4096) {
            size = size == 0 ? 65536 : 2 * size;
            char *larger = realloc(answer->text, size);
            if (larger == NULL) {
                return false;
            }
            answer->text = larger;
        }
        got = recv(file, answer->text + answer->length, size - answer->length - 1, 0);
        answer->length += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    answer->text[answer->length] = '\0';
    return got == 0;
}

static void drop(struct answer *answer)
{
    free(answer->text);
    *answer = (struct answer){NULL, 0};
}

/* Takes the first line off an answer, which says how it went. */
static enum status read_head(const struct process *process, struct answer *answer)
{
    size_t length;
    int head = 0;
    if (sscanf(answer->text, "ok %zu%n", &length, &head) == 1 && head > 0 &&
        answer->text[head] == '\n' && answer->length - (size_t)head - 1 == length) {
        memmove(answer->text, answer->text + head + 1, length + 1);
        answer->length = length;
        return STATUS_DONE;
    }
    enum status status = STATUS_NO_ANSWER;
    if (strncmp(answer->text, "error usage ", strlen("error usage ")) == 0) {
        status = STATUS_USAGE;
    } else if (strncmp(answer->text, "error failed ", strlen("error failed ")) == 0) {
        status = STATUS_FAILED;
    }
    if (status == STATUS_NO_ANSWER) {
        complain("the answer of process %ld ends too early", (long)process->id);
    } else {
        const char *words = strchr(strchr(answer->text, ' ') + 1, ' ') + 1;
        complain("process %ld: %.*s", (long)process->id, (int)strcspn(words, "\n"), words);
    }
    drop(answer);
    return status;
}

static void pause_briefly(void)
{
    poll(NULL, 0, LOOK_MS);
}

/* Asks once. *again: the process had a socket and lost it. */
static enum status ask_once(const struct process *process, int file, const char *request,
                            struct answer *answer, bool *again)
{
    errno = 0;
    bool whole = send_line(file, request) && receive_all(file, answer);
    int error = errno;
    close(file);
    if (!whole && error != EAGAIN && answer->length == 0) {
        drop(answer);
        *again = true;
        return STATUS_NO_ANSWER;
    }
    if (!whole && error == EAGAIN) {
        complain("process %ld gives no answer within %d seconds", (long)process->id,
                 ANSWER_SECONDS);
        drop(answer);
        return STATUS_NO_ANSWER;
    }
    if (answer->length == 0) {
        drop(answer);
        *again = true;
        return STATUS_NO_ANSWER;
    }
    return read_head(process, answer);
}

enum status ask(const struct process *process, const char *request, struct answer *answer)
{
    bool was_there = false;
    *answer = (struct answer){NULL, 0};
    for (int look = 0; look < LOOKS; look++) {
        int file = connect_to_process(process);
        if (file >= 0) {
            bool again = false;
            was_there = true;
            enum status status = ask_once(process, file, request, answer, &again);
            if (!again) {
                return status;
            }
        } else if (!was_there && look > 1) {
            break;
        }
        pause_briefly();
    }
    struct process now;
    if (find_process(&now, process->id) != STATUS_DONE) {
        return STATUS_NO_PROCESS;
    }
    if (was_there) {
        complain("process %ld takes the request, but does not answer", (long)process->id);
        return STATUS_NO_ANSWER;
    }
    return explain_silence(process);
}
