/* SPDX-License-Identifier: MIT
 * For early_null.c: the loader relocates this library before a preloaded one, and calls the
 * resolver below meanwhile. */
#include <malloc.h>
#include <stdlib.h>

extern int early_null_answer(void);

/* By pointers, which the loader fills before it resolves anything. */
static void (*const volatile free_early)(void *) = free;
static size_t (*const volatile usable_size_early)(void *) = malloc_usable_size;

static int answer(void)
{
    return 42;
}

static int wrong_answer(void)
{
    return 0;
}

static int (*resolve(void))(void)
{
    free_early(NULL);
    return usable_size_early(NULL) == 0 ? answer : wrong_answer;
}

int chosen(void) __attribute__((ifunc("resolve"), visibility("hidden")));

int early_null_answer(void)
{
    return chosen();
}
