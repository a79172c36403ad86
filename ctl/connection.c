/* SPDX-License-Identifier: MIT
 * See connection.h. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Seconds without a byte after which there will be none: the process may have other clients first,
 * and may walk a large heap. It waits as long for us to take a piece of its answer. */
#define ANSWER_SECONDS 20

/* A process whose socket was closed by its program opens another, and one that has just started has
 * none yet: times to look, and milliseconds between. */
#define LOOKS 15
#define LOOK_MS 100

/* Bytes of an answer, more than the allocator gives: what is longer comes from somebody else. */
#define ANSWER_MAX (64u << 20)

/* ---- Its socket ---- */

/* Root connects as the user whom the process runs as: in a user namespace that does not know the
 * host's root, the process would take it for a stranger. */
static bool connect_as(int file, const struct sockaddr_un *address, socklen_t size, uid_t user)
{
    bool is_root = geteuid() == 0 && user != 0;
    if (is_root && seteuid(user) != 0) {
        is_root = false;
    }
    bool connected = connect(file, (const struct sockaddr *)address, size) == 0;
    int error = errno;
    if (is_root && seteuid(0) != 0) {
        abort();
    }
    errno = error;
    return connected;
}

/* In the network namespace of now; -1 with errno. */
static int connect_to(const char *name, uid_t user)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_SECONDS};
    size_t length = strlen(name);
    if (length >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
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
    if (!connect_as(file, &address, size, user)) {
        int error = errno;
        close(file);
        errno = error;
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

/* ---- Another network namespace ---- */

static int open_namespace(const struct process *process, const char *kind)
{
    char path[96];
    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/ns/%s", (long)process->id,
             (long)process->thread, kind);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Whether the process's thread is in another one than we are. */
static bool is_apart(const struct process *process)
{
    struct stat its;
    struct stat ours;
    int file = open_namespace(process, "net");
    bool known = file >= 0 && fstat(file, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0;
    if (file >= 0) {
        close(file);
    }
    return known && (its.st_ino != ours.st_ino || its.st_dev != ours.st_dev);
}

/* Root may at once; the owner of its user namespace when in that. */
static bool enter(const struct process *process)
{
    int network = open_namespace(process, "net");
    int user = open_namespace(process, "user");
    bool entered = setns(network, CLONE_NEWNET) == 0 ||
                   (setns(user, CLONE_NEWUSER) == 0 && setns(network, CLONE_NEWNET) == 0);
    close(network);
    close(user);
    return entered;
}

/* What the child sends to its parent: how it went, and the connected socket. */
struct report {
    int error; /* errno value */
    bool is_barred;
};

static void send_report(int pair, struct report report, int file)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {&report, sizeof(report)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (file >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        control.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
    }
    sendmsg(pair, &message, MSG_NOSIGNAL);
}

static int receive_report(int pair, struct report *report)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {report, sizeof(*report)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int file = -1;
    *report = (struct report){.error = EPIPE};
    if (recvmsg(pair, &message, MSG_CMSG_CLOEXEC) == sizeof(*report) && report->error == 0 &&
        message.msg_controllen >= CMSG_LEN(sizeof(int))) {
        memcpy(&file, CMSG_DATA(&control.head), sizeof(file));
    }
    return file;
}

static _Noreturn void connect_in_child(int pair, const struct process *process, const char *name)
{
    struct report report = {.is_barred = !enter(process)};
    int file = report.is_barred ? -1 : connect_to(name, process->user);
    report.error = file < 0 ? errno : 0;
    send_report(pair, report, file);
    _exit(0);
}

/* A child goes there, since nobody is sure to come back. */
static int connect_apart(const struct process *process, const char *name, struct silence *silence)
{
    int pair[2];
    struct report report;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        silence->error = errno;
        return -1;
    }
    pid_t child = fork();
    if (child == 0) {
        connect_in_child(pair[1], process, name);
    }
    close(pair[1]);
    int file = receive_report(pair[0], &report);
    close(pair[0]);
    if (child > 0) {
        waitpid(child, NULL, 0);
    }
    silence->error = report.error;
    silence->is_barred = report.is_barred;
    return file;
}

/* ---- The names ---- */

/* The socket, if it is the process itself that listens; -1 otherwise. */
static int only_if_process(int file, const struct process *process)
{
    if (file >= 0 && !is_process(file, process)) {
        close(file);
        file = -1;
    }
    return file;
}

static int connect_by_name(const struct process *process, const char *name, struct silence *silence)
{
    struct silence here = {.is_listed = true, .is_apart = is_apart(process)};
    int file = connect_to(name, process->user);
    here.error = file < 0 ? errno : 0;
    file = only_if_process(file, process);
    if (file < 0 && here.is_apart) {
        file = only_if_process(connect_apart(process, name, &here), process);
    }
    if (file < 0 && here.error != 0) {
        *silence = here;
    }
    return file;
}

/* Bytes of a line in a table of sockets. */
#define TABLE_LINE 512

/* The process's next name in a table of sockets, in `line`; NULL when there is no other. */
static const char *next_name(FILE *table, const struct process *process, char line[TABLE_LINE])
{
    char beginning[64];
    snprintf(beginning, sizeof(beginning), " @brkmalloc/%ld/", (long)process->inner_id);
    while (table != NULL && fgets(line, TABLE_LINE, table) != NULL) {
        const char *name = strstr(line, beginning);
        if (name != NULL) {
            line[strcspn(line, "\n")] = '\0';
            return name + strlen(" @");
        }
    }
    return NULL;
}

/* The two tables that the process's names may stand in. The thread's is that of the namespace where
 * the socket was opened: other threads may have left it. */
#define TABLES 2

static FILE *open_table(const struct process *process, int number)
{
    char path[96] = "/proc/self/net/unix";
    if (number == 0) {
        snprintf(path, sizeof(path), "/proc/%ld/task/%ld/net/unix", (long)process->id,
                 (long)process->thread);
    }
    return fopen(path, "re");
}

static void close_table(FILE *table)
{
    if (table != NULL) {
        fclose(table);
    }
}

/* Below zero when it cannot. */
static int connect_to_process(const struct process *process, struct silence *silence)
{
    char line[TABLE_LINE];
    const char *name;
    int connected = -1;
    for (int i = 0; i < TABLES && connected < 0; i++) {
        FILE *table = open_table(process, i);
        while (connected < 0 && (name = next_name(table, process, line)) != NULL) {
            connected = connect_by_name(process, name, silence);
        }
        close_table(table);
    }
    return connected;
}

bool is_listening(const struct process *process)
{
    char line[TABLE_LINE];
    bool found = false;
    for (int i = 0; i < TABLES && !found; i++) {
        FILE *table = open_table(process, i);
        found = next_name(table, process, line) != NULL;
        close_table(table);
    }
    return found;
}

/* ---- Question and answer ---- */

/* Who refuses may have answered and hung up before the question. */
static bool send_line(int file, const char *request)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "%s\n", request);
    return length > 0 && (size_t)length < sizeof(line) &&
           (send(file, line, (size_t)length, MSG_NOSIGNAL) == length || errno == EPIPE);
}

static time_t seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* As recv; notes whether we, stopped or kept from running, took as long as the process waits. */
static ssize_t receive(int file, char *bytes, size_t size, bool *was_late)
{
    time_t begun = seconds_now();
    ssize_t got = recv(file, bytes, size, 0);
    *was_late |= seconds_now() - begun >= ANSWER_SECONDS;
    return got;
}

/* Everything up to the end. False after an error; what came before stays. */
static bool receive_all(int file, struct answer *answer)
{
    size_t size = 0;
    ssize_t got;
    *answer = (struct answer){.text = NULL};
    do {
        if (size - answer->length < 4096) {
            if (size > ANSWER_MAX) {
                return false;
            }
            size = size == 0 ? 65536 : 2 * size;
            char *larger = realloc(answer->text, size);
            if (larger == NULL) {
                return false;
            }
            answer->text = larger;
        }
        got = receive(file, answer->text + answer->length, size - answer->length - 1,
                      &answer->was_late);
        answer->length += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    answer->text[answer->length] = '\0';
    return got == 0;
}

static void drop(struct answer *answer)
{
    free(answer->text);
    *answer = (struct answer){.text = NULL};
}

/* A process that ends closes its files first, and counts as ended a moment later: how long that may
 * take on a busy machine, and between two looks. */
#define END_MS 1000
#define END_LOOK_MS 10

static bool ends(const struct process *process)
{
    bool ended = has_ended(process);
    for (int waited = 0; !ended && waited < END_MS; waited += END_LOOK_MS) {
        poll(NULL, 0, END_LOOK_MS);
        ended = has_ended(process);
    }
    return ended;
}

static const char *why_too_early(const struct process *process, const struct answer *answer)
{
    return ends(process)      ? "the process has ended"
           : answer->was_late ? "we took nothing of it for 20 seconds, and it waits no longer"
                              : "its program closed the connection";
}

static void complain_about_end(const struct process *process, const struct answer *answer)
{
    size_t length = 0;
    int head = 0;
    bool is_known =
        sscanf(answer->text, "ok %zu%n", &length, &head) == 1 && answer->length > (size_t)head;
    size_t got = is_known ? answer->length - (size_t)head - 1 : answer->length;
    const char *why = why_too_early(process, answer);
    if (is_known) {
        complain("the answer of process %ld ends after %zu of %zu bytes: %s", (long)process->id,
                 got, length, why);
    } else {
        complain("the answer of process %ld ends within its first line: %s", (long)process->id,
                 why);
    }
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
        complain_about_end(process, answer);
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
    struct silence silence = {0};
    *answer = (struct answer){.text = NULL};
    for (int look = 0; look < LOOKS; look++) {
        int file = connect_to_process(process, &silence);
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
    return explain_silence(process, silence);
}
