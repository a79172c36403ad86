/* SPDX-License-Identifier: MIT
 * service/socket.h with real sockets and a clock that the test moves: who is served, and who is not
 * waited for. Server and clients are one thread: a look is one turn of the server. */
#include "service/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/heap.h"
#include "refuse.h"
#include "service/requests.h"
#include "unit.h"

/* As in service/socket.c. */
enum {
    clients = 8,
    request_ms = 2000,
    answer_ms = 20000,
    rest_ms = 10,
    reopen_ms = 1000,
    reopen_most_ms = 60000
};

enum { nobody = 65534, descriptor_min = 200, descriptor_max = 300 };

/* ---- The server's side ---- */

/* Descriptors among the server's numbers that the test inherited. */
static int inherited;

static int open_descriptors(void)
{
    int found = 0;
    for (int file = descriptor_min; file < descriptor_max; file++) {
        found += fcntl(file, F_GETFD) >= 0;
    }
    return found - inherited;
}

/* The number in the socket's name differs between tests that run at the same time. */
static void open_server(void)
{
    fake_os.entropy = (uint64_t)getpid() << 32;
    fake_os.milliseconds = 1000000;
    inherited = open_descriptors();
    brkm__server_open();
    ck_assert_str_eq(fake_os_text(), "");
    ck_assert(brkm__server_is_open());
}

static void look(void)
{
    brkm__server_wait(0);
}

static void look_after(uint64_t milliseconds)
{
    fake_os.milliseconds += milliseconds;
    look();
}

/* The descriptor that listens. */
static int listener(void)
{
    for (int file = descriptor_min; file < descriptor_max; file++) {
        int listens = 0;
        socklen_t size = sizeof(listens);
        if (getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens) {
            return file;
        }
    }
    ck_abort_msg("nobody listens");
    return -1;
}

/* ---- The clients' side ---- */

static int connect_client(void)
{
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(getsockname(listener(), (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, size), 0);
    return client;
}

static void say(int client, const char *text)
{
    ck_assert_int_eq(send(client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What has come, up to the end: the server closed the connection. */
static const char *read_all(int client)
{
    static char text[BRKM_MIB];
    size_t length = 0;
    ssize_t got;
    while ((got = recv(client, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT)) > 0) {
        length += (size_t)got;
    }
    ck_assert_int_eq(got, 0);
    text[length] = '\0';
    close(client);
    return text;
}

static bool has_been_ended(int client)
{
    char byte;
    return recv(client, &byte, 1, MSG_DONTWAIT) == 0;
}

/* Takes a client, and looks at what it said. */
static const char *ask(const char *request)
{
    int client = connect_client();
    say(client, request);
    look();
    look();
    return read_all(client);
}

static void expect_served(void)
{
    ck_assert_int_eq(strncmp(ask("version\n"), "ok ", 3), 0);
}

/* ---- Requests ---- */

START_TEST(a_request_is_answered)
{
    open_server();
    expect_served();
    ck_assert_str_eq(ask("get top_pad\n"), "ok 25\ntop_pad:131072 (default)\n");
    ck_assert_int_eq(open_descriptors(), 1);
}
END_TEST

START_TEST(a_request_may_come_in_pieces)
{
    open_server();
    int client = connect_client();
    say(client, "ver");
    look();
    look();
    say(client, "sion");
    look();
    ck_assert(!has_been_ended(client));
    ck_assert_int_eq(shutdown(client, SHUT_WR), 0);
    look();
    ck_assert_int_eq(strncmp(read_all(client), "ok ", 3), 0);
}
END_TEST

START_TEST(a_request_without_an_end_is_refused)
{
    char request[CONTROL_REQUEST_MAX + 2];
    memset(request, 'x', sizeof(request));
    request[sizeof(request) - 1] = '\0';
    open_server();
    ck_assert_str_eq(ask(request), "error usage the request is longer than 255 bytes\n");
}
END_TEST

START_TEST(who_says_nothing_is_let_go)
{
    open_server();
    int client = connect_client();
    close(client);
    look();
    look();
    ck_assert_int_eq(open_descriptors(), 1);
    client = connect_client();
    look_after(0);
    look_after(request_ms - 1);
    ck_assert(!has_been_ended(client));
    look_after(1);
    ck_assert_str_eq(read_all(client), "");
}
END_TEST

START_TEST(without_memory_a_client_is_let_go)
{
    open_server();
    fake_os_fail(FAKE_ONLY(FAKE_MAP), 1, false);
    ck_assert_str_eq(ask("version\n"), "");
    expect_served();
}
END_TEST

/* ---- Clients that read slowly ---- */

/* Of these, a snapshot has more bytes than the kernel keeps for a connection. */
enum { long_runs = 1 << 16 };

static void make_long_snapshot(void)
{
    static struct mem_control_block *blocks[long_runs];
    for (size_t i = 0; i < long_runs; i++) {
        blocks[i] = brkm__heap_allocate(&brkm__main_heap, 32, HEAP_MAY_GROW, NULL);
        ck_assert_ptr_nonnull(blocks[i]);
    }
    for (size_t i = 0; i < long_runs; i += 2) {
        brkm__heap_free(&brkm__main_heap, blocks[i], "free");
    }
}

/* Bytes that could be read at once. */
static size_t read_some(int client)
{
    static char bytes[BRKM_MIB];
    ssize_t got = recv(client, bytes, sizeof(bytes), MSG_DONTWAIT);
    return got > 0 ? (size_t)got : 0;
}

static int ask_for_long_answer(void)
{
    open_server();
    make_long_snapshot();
    int client = connect_client();
    say(client, "snapshot\n");
    look();
    look();
    return client;
}

START_TEST(a_long_answer_goes_in_pieces)
{
    int client = ask_for_long_answer();
    size_t sum = 0;
    for (int piece = 0; piece < 10000 && !has_been_ended(client); piece++) {
        /* has_been_ended took a byte. */
        sum += 1 + read_some(client);
        look_after(answer_ms - 1);
    }
    ck_assert_uint_gt(sum, (size_t)long_runs * 8);
    ck_assert_int_eq(open_descriptors(), 1);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    close(client);
}
END_TEST

/* Less than what makes the kernel call the connection ready again. */
START_TEST(who_reads_slowly_is_waited_for)
{
    int client = ask_for_long_answer();
    size_t piece = (size_t)40 * BRKM_KIB;
    static char bytes[40 * BRKM_KIB];
    for (int turn = 0; turn < 10; turn++) {
        ck_assert_int_eq(recv(client, bytes, piece, MSG_DONTWAIT), (ssize_t)piece);
        look_after(answer_ms / 2 + 1);
        ck_assert_int_eq(open_descriptors(), 2);
    }
    close(client);
}
END_TEST

static void take_long(void)
{
    fake_os.before_call = NULL;
    fake_os.milliseconds += 3 * answer_ms;
}

START_TEST(what_an_answer_takes_is_no_time_of_its_clients)
{
    open_server();
    make_long_snapshot();
    int client = connect_client();
    say(client, "snapshot\n");
    look();
    fake_os.before_call = take_long;
    look();
    look();
    ck_assert_ptr_null(fake_os.before_call);
    ck_assert_int_eq(open_descriptors(), 2);
    look_after(answer_ms - 1);
    ck_assert_int_eq(open_descriptors(), 2);
    close(client);
}
END_TEST

START_TEST(who_does_not_read_is_let_go)
{
    int client = ask_for_long_answer();
    ck_assert_uint_gt(fake_os_mapped_count(), 0);
    look_after(answer_ms - 1);
    ck_assert_int_eq(open_descriptors(), 2);
    look_after(1);
    ck_assert_int_eq(open_descriptors(), 1);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    close(client);
}
END_TEST

START_TEST(who_goes_in_the_midst_of_an_answer_is_forgotten)
{
    int client = ask_for_long_answer();
    close(client);
    look();
    ck_assert_int_eq(open_descriptors(), 1);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    expect_served();
}
END_TEST

/* ---- Many clients, and those of others ---- */

START_TEST(who_comes_when_all_places_are_taken_waits)
{
    int silent[clients];
    open_server();
    for (int i = 0; i < clients; i++) {
        silent[i] = connect_client();
        look();
    }
    int late = connect_client();
    say(late, "version\n");
    look();
    look();
    ck_assert_int_lt(recv(late, &(char){0}, 1, MSG_DONTWAIT), 0);
    look_after(request_ms);
    for (int i = 0; i < clients; i++) {
        ck_assert_str_eq(read_all(silent[i]), "");
    }
    look();
    look();
    ck_assert_int_eq(strncmp(read_all(late), "ok ", 3), 0);
}
END_TEST

/* Only root can become somebody else. */
START_TEST(another_user_is_refused_and_the_server_rests)
{
    if (geteuid() != 0) {
        return;
    }
    open_server();
    int result[2];
    ck_assert_int_eq(pipe(result), 0);
    pid_t child = fork();
    if (child == 0) {
        ck_assert_int_eq(setuid(nobody), 0);
        int client = connect_client();
        (void)send(client, "set limit_hard=1\n", 17, MSG_NOSIGNAL);
        char text[200];
        ssize_t got = recv(client, text, sizeof(text), 0);
        _exit(write(result[1], text, got > 0 ? (size_t)got : 0) != got);
    }
    struct pollfd arrival = {.fd = listener(), .events = POLLIN};
    ck_assert_int_eq(poll(&arrival, 1, -1), 1);
    look();
    int other = connect_client();
    say(other, "version\n");
    look();
    look();
    ck_assert_int_lt(recv(other, &(char){0}, 1, MSG_DONTWAIT), 0);
    look_after(rest_ms);
    look();
    ck_assert_int_eq(strncmp(read_all(other), "ok ", 3), 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    char text[200] = "";
    ck_assert_int_gt(read(result[0], text, sizeof(text) - 1), 0);
    ck_assert_str_eq(text,
                     "error usage only the user whom the process runs as, and root, may ask\n");
}
END_TEST

/* Everybody may read the name, in /proc/net/unix. */
START_TEST(the_name_does_not_tell_how_seals_depend_on_the_size)
{
    fake_os.entropy = 0x9e3779b97f4a7c15u * (unsigned)(_i + 1) + ((uint64_t)getpid() << 32);
    fake_os.milliseconds = 1000000;
    brkm__server_open();
    brkm__block_draw_secret();
    struct sockaddr_un address = {.sun_path = ""};
    socklen_t size = sizeof(address);
    ck_assert_int_eq(getsockname(listener(), (struct sockaddr *)&address, &size), 0);
    const char *number = strrchr(address.sun_path + 1, '/');
    ck_assert_ptr_nonnull(number);
    uint32_t told = (uint32_t)strtoul(number + 1, NULL, 10);
    uint32_t clock = (uint32_t)(fake_os.milliseconds * BRKM_MIXING_FACTOR >> 32);
    ck_assert_uint_ne(((told ^ clock) & 0xffff000) | 0x1000, brkm__block_multiplier);
    ck_assert_uint_ne((told & 0xffff000) | 0x1000, brkm__block_multiplier);
}
END_TEST

/* ---- The program, and the system ---- */

START_TEST(a_listener_that_the_program_closed_is_opened_again)
{
    open_server();
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    ck_assert_int_eq(getsockname(listener(), (struct sockaddr *)&address, &size), 0);
    close(listener());
    int taken = -1;
    if (_i == 1) {
        /* By now the old name is somebody else's. */
        taken = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(bind(taken, (struct sockaddr *)&address, size), 0);
    }
    look_after(reopen_ms - 1);
    ck_assert_int_eq(open_descriptors(), 0);
    look_after(1);
    fake_os.milliseconds += 1;
    look();
    ck_assert_int_eq(open_descriptors(), 1);
    expect_served();
    ck_assert_str_eq(fake_os_text(), "");
    struct sockaddr_un now;
    socklen_t now_size = sizeof(now);
    ck_assert_int_eq(getsockname(listener(), (struct sockaddr *)&now, &now_size), 0);
    bool same = now_size == size && memcmp(&now, &address, size) == 0;
    ck_assert_int_eq(same, taken < 0);
}
END_TEST

/* Such a listener is always ready, and never has a client. Meanwhile nobody looks at it. */
START_TEST(a_listener_that_the_program_shut_down_is_opened_again)
{
    open_server();
    int shut_down = listener();
    ck_assert_int_eq(shutdown(shut_down, _i == 0 ? SHUT_RD : SHUT_RDWR), 0);
    struct pollfd always_ready = {.fd = shut_down, .events = POLLIN};
    ck_assert_int_eq(poll(&always_ready, 1, 0), 1);
    look();
    look_after(reopen_ms - 1);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address;
    socklen_t size = sizeof(address);
    ck_assert_int_eq(getsockname(shut_down, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_ne(connect(client, (struct sockaddr *)&address, size), 0);
    look_after(1);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, size), 0);
    say(client, "version\n");
    look();
    look();
    ck_assert_int_eq(strncmp(read_all(client), "ok ", 3), 0);
    ck_assert_int_eq(open_descriptors(), 1);
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

/* The new listener comes `pause` after the one before, and no sooner. */
static void expect_reopened_after(uint64_t pause)
{
    close(listener());
    look();
    look_after(pause - 1);
    ck_assert_int_eq(open_descriptors(), 0);
    look_after(1);
    ck_assert_int_eq(open_descriptors(), 1);
}

START_TEST(a_listener_that_is_closed_again_and_again_comes_later_and_later)
{
    open_server();
    for (uint64_t pause = reopen_ms; pause < reopen_most_ms; pause *= 2) {
        expect_reopened_after(pause);
    }
    expect_reopened_after(reopen_most_ms);
    expect_reopened_after(reopen_most_ms);
    /* One that stood for long is replaced at once, and the next soon. */
    look_after(reopen_most_ms);
    close(listener());
    look();
    ck_assert_int_eq(open_descriptors(), 1);
    expect_reopened_after(2 * reopen_ms);
    expect_served();
    ck_assert_str_eq(fake_os_text(), "");
}
END_TEST

START_TEST(a_server_that_cannot_listen_says_so)
{
    if (refuse_calls(SYS_socket, -1, EMFILE)) {
        brkm__server_open();
        ck_assert(!brkm__server_is_open());
        ck_assert_str_eq(fake_os_text(),
                         "brkmalloc: control has no effect in process 4242; it cannot listen on a "
                         "socket: too many files are open\n");
    }
}
END_TEST

START_TEST(a_child_closes_what_is_its_parent_s)
{
    int client = ask_for_long_answer();
    brkm__server_forget();
    ck_assert(!brkm__server_is_open());
    ck_assert_int_eq(open_descriptors(), 0);
    ck_assert_uint_eq(fake_os_mapped_count(), 0);
    close(client);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("server");
    TCase *tests = unit_case(suite, "requests");
    tcase_add_test(tests, a_request_is_answered);
    tcase_add_test(tests, a_request_may_come_in_pieces);
    tcase_add_test(tests, a_request_without_an_end_is_refused);
    tcase_add_test(tests, who_says_nothing_is_let_go);
    tcase_add_test(tests, without_memory_a_client_is_let_go);
    TCase *slow = unit_case(suite, "slow");
    tcase_add_test(slow, a_long_answer_goes_in_pieces);
    tcase_add_test(slow, who_reads_slowly_is_waited_for);
    tcase_add_test(slow, what_an_answer_takes_is_no_time_of_its_clients);
    tcase_add_test(slow, who_does_not_read_is_let_go);
    tcase_add_test(slow, who_goes_in_the_midst_of_an_answer_is_forgotten);
    TCase *others = unit_case(suite, "others");
    tcase_add_test(others, who_comes_when_all_places_are_taken_waits);
    tcase_add_test(others, another_user_is_refused_and_the_server_rests);
    tcase_add_loop_test(others, the_name_does_not_tell_how_seals_depend_on_the_size, 0, 4);
    tcase_add_loop_test(others, a_listener_that_the_program_closed_is_opened_again, 0, 2);
    tcase_add_loop_test(others, a_listener_that_the_program_shut_down_is_opened_again, 0, 2);
    tcase_add_test(others, a_listener_that_is_closed_again_and_again_comes_later_and_later);
    tcase_add_test(others, a_server_that_cannot_listen_says_so);
    tcase_add_test(others, a_child_closes_what_is_its_parent_s);
    return suite;
}
