/* SPDX-License-Identifier: MIT
 * For early_resolver.sh: the loader relocates this library before a preloaded one, and calls the
 * resolver below meanwhile. */
#include <stdlib.h>

extern int early_resolver_answer(void);

/* By a pointer, which the loader fills before it resolves anything. */
static void *(*const volatile allocate_early)(size_t size) = malloc;

static int answer(void)
{
    return 42;
}

static int (*resolve(void))(void)
{
    return allocate_early(100) != NULL ? answer : NULL;
}

int chosen(void) __attribute__((ifunc("resolve"), visibility("hidden")));

int early_resolver_answer(void)
{
    return chosen();
}
