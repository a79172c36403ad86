/* SPDX-License-Identifier: MIT
 * See refuse.h. */
#include "refuse.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

bool refuse_calls(int first, int second, int error)
{
    const unsigned short load = BPF_LD | BPF_W | BPF_ABS;
    const unsigned short equal = BPF_JMP | BPF_JEQ | BPF_K;
    const unsigned short give = BPF_RET | BPF_K;
    struct sock_filter filter[] = {
        BPF_STMT(load, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(equal, (unsigned)first, 1, 0),
        BPF_JUMP(equal, (unsigned)second, 0, 1),
        BPF_STMT(give, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(give, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
