/* SPDX-License-Identifier: MIT
 *
 * thp:never and thp:always (the second argument): after the heap has grown in many steps, shrunk
 * and grown again it still is one mapping, which the kernel has marked as the option says, and so
 * are mapped blocks. On a kernel without transparent huge pages nothing is marked and all else
 * works.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"

enum { steps = 400, step_size = 100000, mapped_size = 40 << 20 };

static void *blocks[steps];

static void grow(void)
{
    for (int i = 0; i < steps; i++) {
        blocks[i] = malloc(step_size);
        CHECK_NOT_NULL(blocks[i]);
        memset(blocks[i], i, step_size);
    }
}

static void shrink(void)
{
    for (int i = steps; i-- > 0;) {
        free(blocks[i]);
    }
}

/* The flags that the kernel shows for the mapping that holds `address`; `heaps` counts the pieces
 * of the break. */
static void read_flags(const void *address, char *flags, size_t size, int *heaps)
{
    static char line[512];
    FILE *maps = fopen("/proc/self/smaps", "re");
    CHECK_NOT_NULL(maps);
    int inside = 0;
    flags[0] = '\0';
    *heaps = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *rest;
        unsigned long start = strtoul(line, &rest, 16);
        if (*rest == '-') {
            unsigned long end = strtoul(rest + 1, NULL, 16);
            inside = (unsigned long)address >= start && (unsigned long)address < end;
            *heaps += strstr(line, "[heap]") != NULL;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(flags, size, "%s", line + 8);
        }
    }
    fclose(maps);
}

static void expect_marked(const void *address, const char *flag)
{
    static char flags[256];
    int heaps;
    read_flags(address, flags, sizeof(flags), &heaps);
    CHECK_LE_UINT(heaps, 2); /* in a static program the first page is libc's */
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) == 0) {
        CHECK_NOT_NULL(strstr(flags, flag));
    }
}

int main(int argc, char **argv)
{
    char setting[32];
    door_require(argc, argv);
    CHECK_EQ_INT(argc, 3);
    if (getenv("BRKMALLOC") == NULL) {
        snprintf(setting, sizeof(setting), "thp:%s", argv[2]);
        setenv("BRKMALLOC", setting, 1);
        execv("/proc/self/exe", argv);
        CHECK_EQ_STR("execv", "did not return");
    }
    const char *flag = strcmp(argv[2], "never") == 0 ? " nh" : " hg";
    grow();
    expect_marked(blocks[0], flag);
    expect_marked(blocks[steps - 1], flag);
    shrink();
    grow();
    expect_marked(blocks[steps - 1], flag);
    char *mapped = malloc(mapped_size);
    CHECK_NOT_NULL(mapped);
    expect_marked(mapped, flag);
    mapped = realloc(mapped, 2 * (size_t)mapped_size);
    CHECK_NOT_NULL(mapped);
    expect_marked(mapped + mapped_size, flag);
    free(mapped);
    shrink();
    return door_done();
}
