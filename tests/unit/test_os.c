/* SPDX-License-Identifier: MIT
 * os_linux.c on the real system: what os.h promises, errno above all. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/os.h"
#include "unit.h"

static size_t page;

static void start(void)
{
    page = brkm__os_page_size();
    errno = 1234;
}

static void expect_errno_kept(void)
{
    ck_assert_int_eq(errno, 1234);
}

/* The number in a file of the kernel's, or 0. */
static size_t number_in(const char *path)
{
    size_t number = 0;
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        ck_assert_int_eq(fscanf(file, "%zu", &number), 1);
        fclose(file);
    }
    return number;
}

START_TEST(the_size_of_huge_pages_is_the_kernel_s)
{
    char choice[64] = "[never]";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (file != NULL) {
        ck_assert_ptr_nonnull(fgets(choice, sizeof(choice), file));
        fclose(file);
    }
    bool never = strstr(choice, "[never]") != NULL;
    ck_assert_uint_eq(brkm__os_huge_page_size(),
                      never ? 0 : number_in("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"));
}
END_TEST

START_TEST(the_page_size_is_the_kernel_s)
{
    ck_assert_uint_eq(page, (size_t)sysconf(_SC_PAGESIZE));
}
END_TEST

START_TEST(what_can_be_read_is_told)
{
    char *pages = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, page, PROT_NONE), 0);
    errno = 1234;
    ck_assert(brkm__os_is_readable(pages));
    ck_assert(brkm__os_is_readable(pages + page - 8));
    ck_assert(!brkm__os_is_readable(pages + page));
    ck_assert(!brkm__os_is_readable(NULL));
    expect_errno_kept();
}
END_TEST

START_TEST(what_is_resident_is_told)
{
    enum { pages = 5000 };
    char *all =
        mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(all, MAP_FAILED);
    ck_assert_int_eq(madvise(all, pages * page, MADV_NOHUGEPAGE), 0);
    errno = 1234;
    ck_assert_uint_eq(brkm__os_resident(all, pages * page), 0);
    all[0] = all[3 * page] = all[4500 * page] = 1;
    ck_assert_uint_eq(brkm__os_resident(all, pages * page), 3 * page);
    ck_assert_uint_eq(brkm__os_resident(all + page, page), 0);
    ck_assert_int_eq(munmap(all + page, page), 0);
    ck_assert_uint_eq(brkm__os_resident(all, 2 * page), SIZE_MAX);
    ck_assert_int_eq(errno, 1234);
}
END_TEST

START_TEST(what_is_in_memory_is_told)
{
    unsigned char told[3];
    char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    ck_assert_int_eq(madvise(pages, 3 * page, MADV_NOHUGEPAGE), 0);
    errno = 1234;
    pages[0] = pages[2 * page] = 1;
    ck_assert(brkm__os_tell_resident(pages, 3 * page, told));
    ck_assert_uint_eq(told[0] & 1, 1);
    ck_assert_uint_eq(told[1] & 1, 0);
    ck_assert_uint_eq(told[2] & 1, 1);
    ck_assert_int_eq(munmap(pages, page), 0);
    ck_assert(!brkm__os_tell_resident(pages, 3 * page, told));
    expect_errno_kept();
}
END_TEST

START_TEST(the_break_moves_both_ways_and_is_zero)
{
    char *before = brkm__os_sbrk(0);
    ck_assert_ptr_eq(brkm__os_sbrk(3 * (intptr_t)page), before);
    ck_assert_ptr_eq(brkm__os_sbrk(0), before + 3 * page);
    char *fresh = (char *)align_up((uintptr_t)before, page);
    ck_assert(unit_is_zero(fresh, 2 * page));
    memset(fresh, 1, 2 * page);
    ck_assert_ptr_eq(brkm__os_sbrk(-3 * (intptr_t)page), before + 3 * page);
    ck_assert_ptr_eq(brkm__os_sbrk(3 * (intptr_t)page), before);
    ck_assert(unit_is_zero(fresh, 2 * page));
    expect_errno_kept();
}
END_TEST

START_TEST(a_break_that_cannot_be_raised_is_told)
{
    ck_assert_ptr_eq(brkm__os_sbrk(INTPTR_MAX), OS_SBRK_FAILED);
    expect_errno_kept();
#if !UNIT_SANITIZED
    /* The sanitizers themselves need memory. */
    struct rlimit none = {0, 0};
    ck_assert_int_eq(setrlimit(RLIMIT_DATA, &none), 0);
    ck_assert_ptr_eq(brkm__os_sbrk(1 << 20), OS_SBRK_FAILED);
    expect_errno_kept();
#endif
}
END_TEST

START_TEST(mappings_are_zero_and_go_away)
{
    char *memory = brkm__os_map(4 * page);
    ck_assert_ptr_nonnull(memory);
    ck_assert(unit_is_zero(memory, 4 * page));
    memset(memory, 1, 4 * page);
    ck_assert(brkm__os_unmap(memory + 3 * page, page));
    ck_assert(brkm__os_unmap(memory, 3 * page));
    unsigned char there;
    ck_assert_int_ne(mincore(memory, page, &there), 0);
    errno = 1234;
    ck_assert_ptr_null(brkm__os_map((size_t)1 << 62));
    ck_assert(!brkm__os_unmap(memory + 1, page));
    expect_errno_kept();
}
END_TEST

START_TEST(remapping_keeps_contents)
{
    char *memory = brkm__os_map(page);
    memset(memory, 7, page);
    char *larger = brkm__os_remap(memory, page, 64 * page);
    ck_assert_ptr_nonnull(larger);
    ck_assert_int_eq(larger[page - 1], 7);
    ck_assert(unit_is_zero(larger + page, 63 * page));
    char *smaller = brkm__os_remap(larger, 64 * page, 2 * page);
    ck_assert_ptr_eq(smaller, larger);
    ck_assert_ptr_null(brkm__os_remap(smaller, 2 * page, (size_t)1 << 62));
    ck_assert_int_eq(smaller[0], 7);
    expect_errno_kept();
}
END_TEST

START_TEST(discarded_pages_read_as_zero)
{
    char *memory = brkm__os_map(3 * page);
    memset(memory, 7, 3 * page);
    ck_assert(brkm__os_discard(memory + page, page));
    ck_assert_int_eq(memory[page - 1], 7);
    ck_assert(unit_is_zero(memory + page, page));
    ck_assert_int_eq(memory[2 * page], 7);
    ck_assert(!brkm__os_discard(memory + 1, page));
    expect_errno_kept();
}
END_TEST

START_TEST(entropy_is_the_same_in_one_process)
{
    struct os_entropy first, second;
    brkm__os_entropy(&first);
    brkm__os_entropy(&second);
    ck_assert_mem_eq(&first, &second, sizeof(first));
    ck_assert_uint_ne(first.at_start[0], first.at_start[1]);
    ck_assert_uint_ne(first.drawn[0], first.drawn[1]);
    for (size_t i = 0; i < OS_ENTROPY_MORE; i++) {
        ck_assert_uint_ne(first.more[i], 0);
    }
    pid_t child = fork();
    if (child == 0) {
        brkm__os_entropy(&second);
        _exit(memcmp(&first, &second, sizeof(first)) != 0);
    }
    int status = 1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_environment_is_read_by_whole_names)
{
    setenv("BRKM_UNIT", "value=1", 1);
    setenv("BRKM_UNIT_LONGER", "other", 1);
    setenv("BRKM_EMPTY", "", 1);
    ck_assert_str_eq(brkm__os_environment("BRKM_UNIT"), "value=1");
    ck_assert_str_eq(brkm__os_environment("BRKM_EMPTY"), "");
    ck_assert_ptr_null(brkm__os_environment("BRKM_UNI"));
    ck_assert_ptr_null(brkm__os_environment("BRKM_ABSENT"));
    clearenv();
    ck_assert_ptr_null(brkm__os_environment("BRKM_UNIT"));
}
END_TEST

START_TEST(a_file_is_read_up_to_the_buffer_s_end)
{
    char path[] = "/tmp/brkm-unit-XXXXXX";
    char text[16] = "";
    int file = mkstemp(path);
    ck_assert_int_eq(write(file, "0123456789", 10), 10);
    close(file);
    errno = 1234;
    ck_assert_int_eq(brkm__os_read_file(path, text, sizeof(text)), 10);
    ck_assert_mem_eq(text, "0123456789", 10);
    ck_assert_int_eq(brkm__os_read_file(path, text, 4), 4);
    ck_assert_int_eq(brkm__os_read_file("/dev/null", text, sizeof(text)), 0);
    expect_errno_kept();
    unlink(path);
    errno = 1234;
    ck_assert_int_eq(brkm__os_read_file(path, text, sizeof(text)), -1);
    ck_assert_int_eq(brkm__os_read_file("/", text, sizeof(text)), -1);
    expect_errno_kept();
}
END_TEST

START_TEST(a_pipe_without_a_writer_does_not_stop_the_reader)
{
    char path[] = "/tmp/brkm-unit-XXXXXX";
    char text[16];
    ck_assert_ptr_nonnull(mkdtemp(path));
    char pipe_path[sizeof(path) + 5];
    snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", path);
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    ck_assert_int_eq(brkm__os_read_file(pipe_path, text, sizeof(text)), 0);
    unlink(pipe_path);
    rmdir(path);
}
END_TEST

START_TEST(the_clock_goes_forward)
{
    uint64_t fine = brkm__os_microseconds();
    uint64_t before = brkm__os_milliseconds();
    usleep(20000);
    uint64_t passed = brkm__os_milliseconds() - before;
    ck_assert_uint_ge(passed, 19);
    ck_assert_uint_lt(passed, 20000);
    fine = brkm__os_microseconds() - fine;
    ck_assert_uint_ge(fine, 20000);
    ck_assert_uint_lt(fine, 20000000);
    expect_errno_kept();
}
END_TEST

START_TEST(error_text_goes_to_standard_error)
{
    int ends[2];
    char text[100] = "";
    ck_assert_int_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    errno = 1234;
    brkm__os_write_error("some text", 9);
    expect_errno_kept();
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq((int)read(ends[0], text, sizeof(text)), 9);
    ck_assert_str_eq(text, "some text");
    close(STDERR_FILENO);
    errno = 1234;
    brkm__os_write_error("lost", 4);
    expect_errno_kept();
    dup2(saved, STDERR_FILENO);
}
END_TEST

START_TEST(files_are_written_and_removed)
{
    static const char path[] = "unit_os.tmp";
    unlink(path);
    errno = 1234;
    int file = brkm__os_create_file(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(brkm__os_write(file, "some text", 9), 0);
    ck_assert_int_eq(brkm__os_close(file), 0);
    expect_errno_kept();
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, 9);
    ck_assert_int_eq(brkm__os_create_file(path), -EEXIST);
    brkm__os_remove_file(path);
    ck_assert_int_ne(stat(path, &status), 0);
    errno = 1234;
    brkm__os_remove_file(path);
    expect_errno_kept();
}
END_TEST

START_TEST(a_file_that_takes_no_more_is_told)
{
    int file = open("/dev/full", O_WRONLY);
    ck_assert_int_ge(file, 0);
    errno = 1234;
    ck_assert_int_eq(brkm__os_write(file, "some text", 9), ENOSPC);
    ck_assert_int_eq(brkm__os_close(file), 0);
    ck_assert_int_eq(brkm__os_write(file, "some text", 9), EBADF);
    ck_assert_int_eq(brkm__os_close(file), EBADF);
    expect_errno_kept();
}
END_TEST

/* Programs close standard error in an exit handler, or put another file in its place. */
START_TEST(a_kept_error_outlives_its_descriptor)
{
    int ends[2];
    char text[100] = "";
    ck_assert_int_eq(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    brkm__os_keep_error_open();
    close(STDERR_FILENO);
    brkm__os_write_error("kept", 4);
    dup2(saved, STDERR_FILENO);
    ck_assert_int_eq((int)read(ends[0], text, sizeof(text)), 4);
    ck_assert_str_eq(text, "kept");
}
END_TEST

static void *ask_for_threads(void *alone)
{
    *(bool *)alone = os_is_single_threaded();
    return NULL;
}

START_TEST(a_second_thread_is_noticed)
{
    pthread_t thread;
    bool alone = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_threads, &alone), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(!alone);
}
END_TEST

static uint32_t word = 1;

static void *wake(void *unused)
{
    usleep(20000);
    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
    brkm__os_wake_one(&word);
    return unused;
}

START_TEST(waiting_ends_with_a_wake_or_another_value)
{
    pthread_t thread;
    brkm__os_wait(&word, 77);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake, NULL), 0);
    while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 1) {
        brkm__os_wait(&word, 1);
    }
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_errno_kept();
}
END_TEST

static void note_signal(int number)
{
    (void)number;
}

static atomic_bool awake;

static void *interrupt_sleeper(void *sleeper)
{
    while (!awake) {
        usleep(10000);
        pthread_kill(*(pthread_t *)sleeper, SIGUSR1);
    }
    return NULL;
}

/* Also where system calls are restarted. */
START_TEST(waiting_ends_after_a_signal)
{
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    pthread_t self = pthread_self();
    pthread_t thread;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_sleeper, &self), 0);
    word = 1;
    brkm__os_wait(&word, 1);
    awake = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_errno_kept();
}
END_TEST

START_TEST(a_page_is_wiped_in_children_only)
{
    uint32_t *wiped = brkm__os_map_wiped_on_fork();
    int status = 0;
    ck_assert_ptr_nonnull(wiped);
    ck_assert_uint_eq(*wiped, 0);
    *wiped = 5;
    pid_t child = fork();
    if (child == 0) {
        _exit(*wiped == 0 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(*wiped, 5);
#ifndef BRKM_THREAD_SANITIZER
    /* The thread sanitizer makes a fork of it. */
    child = vfork();
    if (child == 0) {
        _exit(*wiped == 5 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
#endif
    expect_errno_kept();
}
END_TEST

START_TEST(abort_raises_sigabrt)
{
    brkm__os_abort();
}
END_TEST

START_TEST(this_is_no_set_user_id_program)
{
    ck_assert(!brkm__os_is_secure_mode());
    ck_assert_int_eq(brkm__os_process_id(), getpid());
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("os");
    TCase *tests = unit_case(suite, "linux");
    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, the_page_size_is_the_kernel_s);
    tcase_add_test(tests, the_size_of_huge_pages_is_the_kernel_s);
    tcase_add_test(tests, the_break_moves_both_ways_and_is_zero);
    tcase_add_test(tests, what_can_be_read_is_told);
    tcase_add_test(tests, what_is_resident_is_told);
    tcase_add_test(tests, what_is_in_memory_is_told);
    tcase_add_test(tests, a_break_that_cannot_be_raised_is_told);
    tcase_add_test(tests, mappings_are_zero_and_go_away);
    tcase_add_test(tests, remapping_keeps_contents);
    tcase_add_test(tests, discarded_pages_read_as_zero);
    tcase_add_test(tests, entropy_is_the_same_in_one_process);
    tcase_add_test(tests, the_environment_is_read_by_whole_names);
    tcase_add_test(tests, a_file_is_read_up_to_the_buffer_s_end);
    tcase_add_test(tests, a_pipe_without_a_writer_does_not_stop_the_reader);
    tcase_add_test(tests, the_clock_goes_forward);
    tcase_add_test(tests, error_text_goes_to_standard_error);
    tcase_add_test(tests, files_are_written_and_removed);
    tcase_add_test(tests, a_file_that_takes_no_more_is_told);
    tcase_add_test(tests, a_kept_error_outlives_its_descriptor);
    tcase_add_test(tests, a_second_thread_is_noticed);
    tcase_add_test(tests, waiting_ends_with_a_wake_or_another_value);
    tcase_add_test(tests, waiting_ends_after_a_signal);
    tcase_add_test(tests, a_page_is_wiped_in_children_only);
    tcase_add_test_raise_signal(tests, abort_raises_sigabrt, 6);
    tcase_add_test(tests, this_is_no_set_user_id_program);
    return suite;
}
