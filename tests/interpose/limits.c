/* SPDX-License-Identifier: MIT */
#include "limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../support/check_eq.h"

struct node {
    struct node *next;
    size_t size;
};

/* The n-th number in /proc/self/statm, in bytes. */
static size_t statm(int n)
{
    char text[128] = "";
    char *at = text;
    size_t value = 0;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    CHECK_GE_INT(file, 0);
    CHECK_GE_INT(read(file, text, sizeof text - 1), 4);
    close(file);
    for (int i = 0; i <= n; i++)
        value = strtoul(at, &at, 10);
    return value * (size_t)sysconf(_SC_PAGESIZE);
}

static void set_limit(const char *what, rlim_t bytes)
{
    int is_data = strcmp(what, "data") == 0;
    struct rlimit limit;
    CHECK_TRUE(is_data || strcmp(what, "as") == 0);
    CHECK_EQ_INT(getrlimit(is_data ? RLIMIT_DATA : RLIMIT_AS, &limit), 0);
    limit.rlim_cur = bytes;
    CHECK_EQ_INT(setrlimit(is_data ? RLIMIT_DATA : RLIMIT_AS, &limit), 0);
}

void limit_memory(const char *what, size_t room)
{
    set_limit(what, statm(strcmp(what, "data") == 0 ? 5 : 0) + room);
}

void unlimit_memory(const char *what)
{
    set_limit(what, RLIM_INFINITY);
}

size_t exhaust(void **list, size_t size)
{
    size_t count = 0;
    for (;;) {
        struct node *node;
        errno = 0;
        node = malloc(size < sizeof *node ? sizeof *node : size);
        if (node == NULL)
            break;
        ((char *)node)[size - 1] = (char)size;
        node->next = *list;
        node->size = size;
        *list = node;
        count++;
    }
    CHECK_EQ_INT(errno, ENOMEM);
    return count;
}

void exhaust_all(void **list)
{
    size_t got;
    /* An allocator may give a small block where it just refused a large one, so until one whole
     * pass gets nothing. */
    do {
        got = 0;
        for (size_t size = 1u << 20; size >= 24; size = size / 8 * 7)
            got += exhaust(list, size);
        got += exhaust(list, 24);
    } while (got > 0);
}

void release_all(void **list)
{
    struct node *node = *list;
    while (node != NULL) {
        struct node *next = node->next;
        if (node->size > sizeof *node)
            CHECK_EQ_INT(((char *)node)[node->size - 1], (char)node->size);
        free(node);
        node = next;
    }
    *list = NULL;
}
