/* SPDX-License-Identifier: MIT
 *
 * Preloaded beside the library under test: each process that starts adds one line to the file that
 * the environment names, with its executable and the object that serves its calls of malloc.
 * Preload errors are only messages, so a workload could otherwise pass on libc's malloc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The object that calls of malloc reach. An executable at a fixed address may give malloc's address
 * as that of its own stub for the imported function; the function is then in an object after it. */
static const char *malloc_provider(void)
{
    Dl_info object;
    struct link_map *map;
    ElfW(Sym) * symbol;
    void *function = (void *)(uintptr_t)malloc;
    if (dladdr1(function, &object, (void **)&symbol, RTLD_DL_SYMENT) == 0)
        return "unknown";
    if (symbol == NULL || symbol->st_shndx != SHN_UNDEF)
        return object.dli_fname;
    if (dladdr1(function, &object, (void **)&map, RTLD_DL_LINKMAP) == 0)
        return "unknown";
    while ((map = map->l_next) != NULL) {
        /* The kernel's own object has no path and cannot be searched. */
        function = strchr(map->l_name, '/') != NULL ? dlsym(map, "malloc") : NULL;
        if (function != NULL && dladdr(function, &object) != 0)
            return object.dli_fname;
    }
    return "unknown";
}

__attribute__((constructor)) static void note_provider(void)
{
    const char *log = getenv("PROGRAMS_WITNESS");
    if (log == NULL)
        return;
    char executable[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length < 0)
        return;
    executable[length] = '\0';
    int file = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0)
        return;
    char line[2 * PATH_MAX + 2];
    int used = snprintf(line, sizeof line, "%s\t%s\n", executable, malloc_provider());
    ssize_t written = used > 0 ? write(file, line, (size_t)used) : 0;
    (void)written;
    close(file);
}
