/* SPDX-License-Identifier: MIT */
#ifndef BRKM_TESTS_RESIDENT_H
#define BRKM_TESTS_RESIDENT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes of the process that are in memory; where the system does not tell, the test is skipped. */
static inline size_t resident(void)
{
    unsigned long all;
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &all, &pages) != 2) {
        exit(77);
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
