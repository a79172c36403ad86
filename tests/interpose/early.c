/* SPDX-License-Identifier: MIT
 *
 * Memory is asked for before any constructor, the allocator's own included, has run.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { kept = 600 };

static char *blocks[kept];

static void fill(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        size_t size = i * i + 1;
        blocks[i] = i % 3 == 0 ? calloc(1, size) : i % 3 == 1 ? malloc(size) : memalign(256, size);
        CHECK_NOT_NULL(blocks[i]);
        blocks[i][size - 1] = (char)i;
    }
}

static void before_all_constructors(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    (void)environment;
    fill(0, kept / 3);
    churn(1, 1000);
}

__attribute__((section(".preinit_array"),
               used)) static void (*preinit)(int, char **, char **) = before_all_constructors;

__attribute__((constructor(101))) static void early_constructor(void)
{
    fill(kept / 3, 2 * kept / 3);
    for (size_t i = 0; i < kept / 3; i += 2) {
        free(blocks[i]);
        blocks[i] = NULL;
    }
}

__attribute__((constructor)) static void constructor(void)
{
    fill(2 * kept / 3, kept);
    for (size_t i = 0; i < kept; i += 5)
        if (blocks[i] != NULL) {
            blocks[i] = realloc(blocks[i], i * i + 5000);
            CHECK_NOT_NULL(blocks[i]);
        }
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (size_t i = 0; i < kept; i++) {
        check_note("block", i);
        if (i < kept / 3 && i % 2 == 0) {
            CHECK_EQ_PTR(blocks[i], NULL);
            continue;
        }
        CHECK_NOT_NULL(blocks[i]);
        CHECK_EQ_INT(blocks[i][i * i], (char)i);
        CHECK_GE_UINT(malloc_usable_size(blocks[i]), i * i + 1);
        free(blocks[i]);
    }
    return door_done();
}
