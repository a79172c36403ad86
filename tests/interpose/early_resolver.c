/* SPDX-License-Identifier: MIT
 *
 * A resolver of an indirect function, which the loader calls before libc has filled thread-local
 * storage, allocates; main finds what it kept, and frees it.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { kept = 100 };

static char *blocks[kept];
static void *nothing, *aligned, *grown;
static size_t null_size = 1;

static size_t size_of(size_t i)
{
    return i * i * 37 + 1;
}

static void keep(size_t i)
{
    blocks[i] = i % 2 == 0 ? calloc(1, size_of(i)) : realloc(NULL, size_of(i));
    if (blocks[i] != NULL) {
        blocks[i][0] = blocks[i][size_of(i) - 1] = (char)i;
    }
}

static int answer(void)
{
    return 43;
}

static int (*resolve(void))(void)
{
    nothing = malloc(0);
    free(NULL);
    null_size = malloc_usable_size(NULL);
    for (size_t i = 0; i < kept; i++) {
        keep(i);
        free(malloc(size_of(i)));
    }
    if (posix_memalign(&aligned, 4096, 100) != 0) {
        aligned = NULL;
    }
    grown = realloc(realloc(NULL, 10), 100000);
    return answer;
}

static int chosen(void) __attribute__((ifunc("resolve")));

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_EQ_INT(chosen(), 43);
    CHECK_EQ_UINT(null_size, 0);
    CHECK_NOT_NULL(nothing);
    CHECK_NOT_NULL(aligned);
    CHECK_EQ_UINT((size_t)aligned % 4096, 0);
    CHECK_GE_UINT(malloc_usable_size(grown), 100000);
    churn(1, 1000);
    for (size_t i = 0; i < kept; i++) {
        check_note("block", i);
        CHECK_NOT_NULL(blocks[i]);
        CHECK_EQ_INT(blocks[i][0], (char)i);
        CHECK_EQ_INT(blocks[i][size_of(i) - 1], (char)i);
        free(blocks[i]);
    }
    free(nothing);
    free(aligned);
    free(grown);
    return door_done();
}
