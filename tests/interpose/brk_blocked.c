/* SPDX-License-Identifier: MIT
 *
 * A mapping right above the break, so that it cannot grow: planted before anything was allocated by
 * constructors or main (early), or in the middle of the work (late).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { kept = 40000 };

static void *wall;
static size_t page;

/* The lowest page above the break that is free; glibc may have a page or two there already. */
static void plant_wall(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t at = ((uintptr_t)sbrk(0) + page - 1) & ~(uintptr_t)(page - 1);
    wall =
        mmap((void *)at, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK_EQ_PTR(wall, at);
    CHECK_EQ_PTR(sbrk((intptr_t)(2 * page)), (void *)-1);
}

static void before_all_constructors(int argc, char **argv, char **environment)
{
    (void)environment;
    if (argc > 2 && strcmp(argv[2], "early") == 0)
        plant_wall();
}

__attribute__((section(".preinit_array"),
               used)) static void (*preinit)(int, char **, char **) = before_all_constructors;

static void fill_and_empty(void)
{
    static char *blocks[kept];
    for (size_t i = 0; i < kept; i++) {
        blocks[i] = malloc(i % 2500 + 1);
        CHECK_NOT_NULL(blocks[i]);
        blocks[i][i % 2500] = (char)i;
    }
    for (size_t i = 0; i < kept; i++) {
        CHECK_EQ_INT(blocks[i][i % 2500], (char)i);
        free(blocks[i]);
    }
}

int main(int argc, char **argv)
{
    int late = argc > 2 && strcmp(argv[2], "late") == 0;
    door_require(argc, argv);
    CHECK_TRUE(late || wall != NULL);
    churn(1, 3000);
    if (late)
        plant_wall();
    fill_and_empty();
    churn(2, 20000);
    busy_start(3);
    fill_and_empty();
    busy_stop();
    /* The way is free again. */
    CHECK_EQ_INT(munmap(wall, page), 0);
    fill_and_empty();
    churn(3, 20000);
    return door_done();
}
