/* SPDX-License-Identifier: MIT
 * os_socket.h on the real system: when all goes well, when the system refuses, and when the program
 * took a descriptor away. */
#include "system/os_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "refuse.h"
#include "unit.h"

static struct os_socket listener, client;
static char name[OS_SOCKET_NAME_MAX];
static size_t name_length;

static void start(void)
{
    name_length = (size_t)snprintf(name, sizeof(name), "brkmalloc/unit/%d", (int)getpid());
    errno = 1234;
}

static void expect_errno_kept(void)
{
    ck_assert_int_eq(errno, 1234);
}

static void expect_refusal(const char *words)
{
    const char *reason = NULL;
    ck_assert(!brkm__os_socket_listen(&listener, name, name_length, &reason));
    expect_errno_kept();
    ck_assert_str_eq(reason, words);
    ck_assert(!listener.open);
}

static void listen_at_name(void)
{
    const char *reason = NULL;
    ck_assert_msg(brkm__os_socket_listen(&listener, name, name_length, &reason), "%s", reason);
    expect_errno_kept();
}

static enum os_socket_result accept_one(void)
{
    bool allowed = false;
    enum os_socket_result result = brkm__os_socket_accept(&listener, &client, &allowed);
    expect_errno_kept();
    ck_assert(result != OS_SOCKET_DONE || allowed);
    return result;
}

/* The other end of a client that was taken. */
static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, name, name_length);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    listen_at_name();
    ck_assert_int_eq(connect(other, (struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name_length)),
                     0);
    ck_assert_int_eq(accept_one(), OS_SOCKET_DONE);
    return other;
}

START_TEST(clients_are_taken_one_by_one)
{
    listen_at_name();
    ck_assert_int_ge(listener.descriptor, 200);
    ck_assert_int_eq(accept_one(), OS_SOCKET_LATER);
    brkm__os_socket_knock(name, name_length);
    expect_errno_kept();
    ck_assert_int_eq(accept_one(), OS_SOCKET_DONE);
    ck_assert_int_eq(accept_one(), OS_SOCKET_LATER);
}
END_TEST

START_TEST(bytes_go_both_ways_until_the_other_side_ends)
{
    char bytes[16];
    size_t done = 99;
    int other = connect_client();
    ck_assert_int_eq(brkm__os_socket_receive(&client, bytes, sizeof(bytes), &done),
                     OS_SOCKET_LATER);
    ck_assert_uint_eq(done, 0);
    ck_assert_int_eq(send(other, "hello", 5, 0), 5);
    ck_assert_int_eq(brkm__os_socket_receive(&client, bytes, sizeof(bytes), &done), OS_SOCKET_DONE);
    ck_assert_uint_eq(done, 5);
    ck_assert_int_eq(brkm__os_socket_send(&client, "well", 4, &done), OS_SOCKET_DONE);
    ck_assert_uint_eq(done, 4);
    ck_assert_int_eq(recv(other, bytes, sizeof(bytes), 0), 4);
    close(other);
    ck_assert_int_eq(brkm__os_socket_receive(&client, bytes, sizeof(bytes), &done),
                     OS_SOCKET_ENDED);
    ck_assert_int_eq(brkm__os_socket_send(&client, "well", 4, &done), OS_SOCKET_FAILED);
    ck_assert_uint_eq(done, 0);
    expect_errno_kept();
}
END_TEST

START_TEST(a_wait_ends_when_something_came_or_with_the_time)
{
    int other = connect_client();
    struct os_socket_event events[] = {{.socket = &listener}, {.socket = &client}};
    brkm__os_socket_wait(events, 2, 1);
    ck_assert(!events[0].ready && !events[1].ready);
    ck_assert_int_eq(send(other, "x", 1, 0), 1);
    brkm__os_socket_wait(events, 2, UINT64_MAX);
    ck_assert(!events[0].ready && events[1].ready);
    events[0] = (struct os_socket_event){.socket = &client, .to_send = true};
    brkm__os_socket_wait(events, 1, UINT64_MAX - 1);
    ck_assert(events[0].ready);
    expect_errno_kept();
}
END_TEST

START_TEST(a_name_that_is_taken_is_told)
{
    listen_at_name();
    struct os_socket first = listener;
    expect_refusal("the name is taken");
    listener = first;
    brkm__os_socket_knock(name, name_length);
    ck_assert_int_eq(accept_one(), OS_SOCKET_DONE);
}
END_TEST

START_TEST(a_socket_that_the_system_refuses_is_told)
{
    static const struct {
        int error;
        const char *words;
    } refusals[] = {
        {EMFILE, "too many files are open"},      {ENFILE, "too many files are open"},
        {EPERM, "the system does not allow it"},  {EACCES, "the system does not allow it"},
        {ENOSYS, "the system does not allow it"}, {EAFNOSUPPORT, "the system has no Unix sockets"},
        {ENOMEM, "the system refuses"},
    };
    if (refuse_calls(SYS_socket, -1, refusals[_i].error)) {
        errno = 1234;
        expect_refusal(refusals[_i].words);
        brkm__os_socket_knock(name, name_length);
        expect_errno_kept();
    }
}
END_TEST

START_TEST(a_socket_that_cannot_be_known_again_is_not_kept)
{
    if (refuse_calls(SYS_newfstatat, SYS_fstat, ENOMEM)) {
        errno = 1234;
        expect_refusal("the system refuses");
        /* Nothing is left open: the next number is the same. */
        int before = fcntl(0, F_DUPFD, 200);
        close(before);
        errno = 1234;
        expect_refusal("the system refuses");
        ck_assert_int_eq(fcntl(0, F_DUPFD, 200), before);
    }
}
END_TEST

START_TEST(where_numbers_are_short_sockets_have_low_ones)
{
    struct rlimit limit = {64, 64};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    listen_at_name();
    ck_assert_int_lt(listener.descriptor, 64);
}
END_TEST

START_TEST(a_descriptor_of_somebody_else_is_left_alone)
{
    char byte;
    size_t done;
    connect_client();
    ck_assert_int_ge(dup2(STDERR_FILENO, client.descriptor), 0);
    ck_assert_int_ge(dup2(STDERR_FILENO, listener.descriptor), 0);
    ck_assert_int_eq(accept_one(), OS_SOCKET_FAILED);
    ck_assert_int_eq(brkm__os_socket_receive(&client, &byte, 1, &done), OS_SOCKET_FAILED);
    ck_assert_int_eq(brkm__os_socket_send(&client, "x", 1, &done), OS_SOCKET_FAILED);
    brkm__os_socket_close(&client);
    brkm__os_socket_close(&listener);
    expect_errno_kept();
    ck_assert(!client.open && !listener.open);
    ck_assert_int_ge(fcntl(client.descriptor, F_GETFD), 0);
    ck_assert_int_ge(fcntl(listener.descriptor, F_GETFD), 0);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("os_socket");
    TCase *tests = unit_case(suite, "linux");
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, clients_are_taken_one_by_one);
    tcase_add_test(tests, bytes_go_both_ways_until_the_other_side_ends);
    tcase_add_test(tests, a_wait_ends_when_something_came_or_with_the_time);
    tcase_add_test(tests, a_name_that_is_taken_is_told);
    tcase_add_loop_test(tests, a_socket_that_the_system_refuses_is_told, 0, 7);
    tcase_add_test(tests, a_socket_that_cannot_be_known_again_is_not_kept);
    tcase_add_test(tests, where_numbers_are_short_sockets_have_low_ones);
    tcase_add_test(tests, a_descriptor_of_somebody_else_is_left_alone);
    return suite;
}
