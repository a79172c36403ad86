/* SPDX-License-Identifier: MIT
 *
 * Preloaded beside the library under test: each process that starts adds one line to the file that
 * the environment names, with its executable and the object that serves its malloc. A library that
 * cannot be preloaded is only a message, so a workload could otherwise pass on libc's malloc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void note_provider(void)
{
    const char *log = getenv("PROGRAMS_WITNESS");
    if (log == NULL)
        return;
    char executable[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    /* Of the whole family the function whose address programs take the least: in an executable at
     * a fixed address, a function whose address is taken seems to lie in the executable. */
    void *function = (void *)(uintptr_t)malloc_usable_size;
    Dl_info provider;
    if (length < 0 || dladdr(function, &provider) == 0)
        return;
    executable[length] = '\0';
    int file = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0)
        return;
    char line[2 * PATH_MAX + 2];
    int used = snprintf(line, sizeof line, "%s\t%s\n", executable, provider.dli_fname);
    ssize_t written = used > 0 ? write(file, line, (size_t)used) : 0;
    (void)written;
    close(file);
}
