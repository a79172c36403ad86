/* SPDX-License-Identifier: MIT
 *
 * Resolvers of indirect functions, one in a library and one in the program, free NULL and ask for
 * its size, before the loader has relocated libbrkmalloc.so.
 */
#include <malloc.h>
#include <stdlib.h>

#include "../support/check_eq.h"
#include "../support/door.h"

extern int early_null_answer(void);

static void (*const volatile free_early)(void *) = free;
static size_t (*const volatile usable_size_early)(void *) = malloc_usable_size;
static size_t early_size = 1;

static int answer(void)
{
    return 43;
}

static int (*resolve(void))(void)
{
    free_early(NULL);
    early_size = usable_size_early(NULL);
    return answer;
}

static int chosen(void) __attribute__((ifunc("resolve")));

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_EQ_INT(early_null_answer(), 42);
    CHECK_EQ_INT(chosen(), 43);
    CHECK_EQ_UINT(early_size, 0);
    return door_done();
}
