/* SPDX-License-Identifier: MIT
 *
 * A program goes into a sandbox that kills for every system call but those which glibc's malloc
 * makes: with one thread brk, mmap, munmap and mremap; with threads also madvise, mprotect and
 * futex. It works on as before. The argument says at what.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { count = 50000, filter_most = 40 };

static char *volatile block[count];

static const int alone[] = {SYS_brk,   SYS_mmap,       SYS_munmap, SYS_mremap,
                            SYS_write, SYS_exit_group, -1};
/* What libc needs for threads; and malloc then. */
static const int threaded[] = {
    SYS_madvise,   SYS_mprotect,        SYS_futex, SYS_clone,        SYS_clone3, SYS_rt_sigprocmask,
    SYS_rseq,      SYS_set_robust_list, SYS_exit,  SYS_rt_sigaction, SYS_gettid, SYS_sched_yield,
    SYS_prlimit64, SYS_openat,          SYS_read,  SYS_close,        -1};
static const int none[] = {-1};
/* The statistics say whose they are. */
static const int stating[] = {SYS_getpid, -1};

static int add_calls(struct sock_filter *code, int length, const int *calls, int allow_at)
{
    for (; *calls != -1; calls++, length++)
        code[length] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)*calls,
                                                    (unsigned char)(allow_at - length - 1), 0);
    return length;
}

static int count_of(const int *calls)
{
    int length = 0;
    while (calls[length] != -1)
        length++;
    return length;
}

/* False where the kernel has no filters. */
static int enter_sandbox(const int *more)
{
    struct sock_filter code[filter_most];
    int allow_at = 2 + count_of(alone) + count_of(more);
    code[0] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    int length = add_calls(code, 1, alone, allow_at);
    length = add_calls(code, length, more, allow_at);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)length, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void take_and_free_small(void)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < count; i++) {
            block[i] = malloc((size_t)(100 + i % 900));
            CHECK_NOT_NULL(block[i]);
            block[i][0] = 1;
        }
        for (int i = 0; i < count; i++)
            if (i % 1000 != 0)
                free(block[i]);
        for (int i = 0; i < count; i += 1000)
            free(block[i]);
    }
}

static void take_and_free_large(void)
{
    enum { large_count = 120 };
    for (int i = 0; i < large_count; i++) {
        size_t size = (size_t)1000 << i % 12;
        block[i] = i % 3 == 0 ? memalign(4096, size) : malloc(size);
        CHECK_NOT_NULL(block[i]);
        memset(block[i], i, size);
    }
    for (int i = 0; i < large_count; i += 2) {
        block[i] = realloc(block[i], (size_t)3000 << i % 10);
        CHECK_NOT_NULL(block[i]);
    }
    for (int i = 0; i < large_count; i++)
        free(block[i]);
}

static void ask(void)
{
    take_and_free_small();
    malloc_trim(0);
    CHECK_GE_UINT(mallinfo2().arena + 1, 1);
    CHECK_EQ_INT(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
    void *volatile impossible = malloc((size_t)1 << 62);
    CHECK_EQ_PTR(impossible, NULL);
}

static void print_statistics(void)
{
    take_and_free_small();
    malloc_stats();
}

static void *run_thread(void *seed)
{
    churn(*(unsigned *)seed, 3000);
    return NULL;
}

static void run_threads(void)
{
    enum { threads = 3 };
    pthread_t thread[threads];
    unsigned seeds[threads] = {1, 2, 3};
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_create(&thread[i], NULL, run_thread, &seeds[i]), 0);
    take_and_free_small();
    for (int i = 0; i < threads; i++)
        CHECK_EQ_INT(pthread_join(thread[i], NULL), 0);
    take_and_free_large();
}

static const struct work {
    const char *name;
    void (*run)(void);
    const int *more;
} works[] = {{"small", take_and_free_small, none},
             {"large", take_and_free_large, none},
             {"questions", ask, none},
             {"statistics", print_statistics, stating},
             {"child", take_and_free_small, none},
             {"threads", run_threads, threaded}};

static const struct work *find_work(const char *name)
{
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
        if (strcmp(works[i].name, name) == 0)
            return &works[i];
    check_failed(name, __FILE__, __LINE__);
}

_Noreturn static void run_inside(const struct work *work)
{
    if (!enter_sandbox(work->more))
        _exit(CHECK_SKIPPED);
    work->run();
    _exit(0);
}

int main(int argc, char **argv)
{
    int status = 0;
    door_require(argc, argv);
    const struct work *work = find_work(argc > 2 ? argv[2] : "");
    if (argc > 3 || strcmp(work->name, "child") != 0) {
        churn(1, 200);
        run_inside(work);
    }
    take_and_free_small();
    pid_t child = fork();
    if (child == 0)
        run_inside(work);
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_SKIPPED)
        return CHECK_SKIPPED;
    CHECK_EQ_INT(status, 0);
    return door_done();
}
