/* SPDX-License-Identifier: MIT
 * What the tests of the kernel's family share. */
#ifndef BRKM_TESTS_KERNEL_H
#define BRKM_TESTS_KERNEL_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "brkmalloc/kernel.h"

static inline unsigned test_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 8;
}

static inline int is_filled(const void *memory, int byte, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)byte)
            return 0;
    return 1;
}

#endif
