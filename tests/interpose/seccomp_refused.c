/* SPDX-License-Identifier: MIT
 *
 * A seccomp filter refuses, from the middle of the work on, a system call that an allocator likes
 * to make. The work goes on; where all ways to memory are closed (memory), calls end with NULL and
 * ENOMEM.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

struct refusal {
    const char *name;
    unsigned error;
    int calls[3];
};

static const struct refusal refusals[] = {
    /* With EPERM, libc's sbrk reports success although the break has not moved. */
    {"brk", EPERM, {SYS_brk, -1, -1}},
    /* With 0 the break looks as if it were at address 0, which libc takes for a failure. */
    {"brk_quietly", 0, {SYS_brk, -1, -1}},
    {"mmap", EPERM, {SYS_mmap, -1, -1}},
    {"munmap", EPERM, {SYS_munmap, -1, -1}},
    {"mremap", EPERM, {SYS_mremap, -1, -1}},
    {"advice", EPERM, {SYS_madvise, SYS_mprotect, SYS_prctl}},
    {"files", EPERM, {SYS_openat, SYS_getrandom, SYS_clock_gettime}},
    {"mappings", EPERM, {SYS_mmap, SYS_mremap, -1}},
};

static int add_filter(const struct refusal *refusal)
{
    const unsigned short load = BPF_LD | BPF_W | BPF_ABS;
    const unsigned short equal = BPF_JMP | BPF_JEQ | BPF_K;
    const unsigned short give = BPF_RET | BPF_K;
    struct sock_filter filter[] = {
        BPF_STMT(load, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(equal, (unsigned)refusal->calls[0], 2, 0),
        BPF_JUMP(equal, (unsigned)refusal->calls[1], 1, 0),
        BPF_JUMP(equal, (unsigned)refusal->calls[2], 0, 1),
        BPF_STMT(give, SECCOMP_RET_ERRNO | refusal->error),
        BPF_STMT(give, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int refuse(const char *name)
{
    const struct refusal *refusal = refusals;
    while (strcmp(refusal->name, name) != 0) {
        refusal++;
        CHECK_TRUE(refusal < refusals + sizeof refusals / sizeof refusals[0]);
    }
    return add_filter(refusal);
}

static void keeps_errno(void *memory)
{
    errno = EBADMSG;
    free(memory);
    CHECK_EQ_INT(errno, EBADMSG);
}

static void work(void)
{
    enum { count = 3000 };
    static char *blocks[count];
    char *grown = NULL;
    churn(2, 20000);
    for (size_t i = 0; i < count; i++) {
        size_t size = i * 10 + 1;
        blocks[i] = malloc(size);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], (int)i, size);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ_INT(blocks[i][i * 10], (char)i);
        keeps_errno(blocks[i]);
    }
    for (size_t size = 1000; size < 10u << 20; size *= 2) {
        grown = realloc(grown, size);
        CHECK_NOT_NULL(grown);
        CHECK_TRUE(size == 1000 || grown[size / 2 - 1] == 'g');
        memset(grown, 'g', size);
        keeps_errno(memalign(4096, size));
    }
    keeps_errno(grown);
    malloc_trim(0);
}

/* Whatever is left is used up without an accident. */
static void use_up(void)
{
    char *last = NULL;
    for (size_t size = 1u << 20; size >= 16; size /= 2)
        for (;;) {
            char *block;
            errno = 0;
            block = malloc(size);
            if (block == NULL)
                break;
            memset(block, 'u', size);
            memcpy(block, &last, sizeof last);
            last = block;
        }
    CHECK_EQ_INT(errno, ENOMEM);
    while (last != NULL) {
        char *next;
        memcpy(&next, last, sizeof next);
        keeps_errno(last);
        last = next;
    }
    keeps_errno(malloc(1000));
}

int main(int argc, char **argv)
{
    const char *name = argc > 2 ? argv[2] : "";
    int no_memory = strcmp(name, "memory") == 0;
    void *early[3];
    if (strcmp(name, "brk_from_start") == 0 && refuse("brk")) {
        char started[] = "brk";
        argv[2] = started;
        execv("/proc/self/exe", argv);
    }
    door_require(argc, argv);
    churn(1, 2000);
    early[0] = malloc(100);
    early[1] = malloc(3000000);
    early[2] = malloc(30000000);
    if (no_memory ? !refuse("brk_quietly") || !refuse("mappings") : !refuse(name)) {
        puts("the kernel does not accept seccomp filters here");
        return CHECK_SKIPPED;
    }
    for (int i = 0; i < 3; i++)
        keeps_errno(early[i]);
    if (no_memory)
        use_up();
    else
        work();
    return door_done();
}
