/* SPDX-License-Identifier: MIT */
#include "door.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_eq.h"

static int ours;

/* In a static program the functions are bound at link time (or absent); elsewhere they are looked
 * up, because a program that is only preloaded cannot be linked to them. */
#ifdef DOOR_STATIC
#pragma weak brkm_malloc_usable_size
#pragma weak brkm_check_heap
#pragma weak brkm_option_get
extern size_t brkm_malloc_usable_size(void *memory);
extern int brkm_check_heap(void);
extern int brkm_option_get(const char *name, size_t *value);
static const int built_static = 1;

static int malloc_is_in_libbrkmalloc(void)
{
    return 0;
}
#else
static size_t (*brkm_malloc_usable_size)(void *memory);
static int (*brkm_check_heap)(void);
static int (*brkm_option_get)(const char *name, size_t *value);
static const int built_static = 0;

static int malloc_is_in_libbrkmalloc(void)
{
    Dl_info where;
    void *found = dlsym(RTLD_DEFAULT, "malloc");
    void *usable_size = dlsym(RTLD_DEFAULT, "brkm_malloc_usable_size");
    void *check_heap = dlsym(RTLD_DEFAULT, "brkm_check_heap");
    void *option_get = dlsym(RTLD_DEFAULT, "brkm_option_get");
    memcpy(&brkm_malloc_usable_size, &usable_size, sizeof usable_size);
    memcpy(&brkm_check_heap, &check_heap, sizeof check_heap);
    memcpy(&brkm_option_get, &option_get, sizeof option_get);
    return found != NULL && dladdr(found, &where) != 0 && where.dli_fname != NULL &&
           strstr(where.dli_fname, "libbrkmalloc.so") != NULL;
}
#endif

/* A block of another allocator would be refused by brkm_malloc_usable_size, which ends the
 * program. */
static int blocks_are_ours(void)
{
    int same;
    void *block = malloc(1000);
    /* The minimal library (tests/minimal/) has no check of the heap. */
    if (brkm_check_heap == NULL && getenv("DOOR_MINIMAL") == NULL)
        return 0;
    if (brkm_malloc_usable_size == NULL || block == NULL)
        return 0;
    same = brkm_malloc_usable_size(block) == malloc_usable_size(block);
    free(block);
    return same;
}

_Noreturn static void wrong_door(const char *door, const char *why)
{
    fprintf(stderr, "wrong door \"%s\": %s\n", door, why);
    exit(1);
}

void door_require(int argc, char **argv)
{
    const char *door = argc > 1 ? argv[1] : "";
    int want_static = strcmp(door, "static") == 0;
    int want_shared = strcmp(door, "preload") == 0 || strcmp(door, "linked") == 0;
    int in_library = malloc_is_in_libbrkmalloc();
    if (strcmp(door, "libc") == 0 || strcmp(door, "prefixed") == 0) {
        if (in_library)
            wrong_door(door, "malloc is brkmalloc's");
        return;
    }
    if (!want_static && !want_shared)
        wrong_door(door, "not one of preload, linked, static, prefixed, libc");
    if (want_static != built_static)
        wrong_door(door, "the program was linked the other way");
    if (want_shared && !in_library)
        wrong_door(door, "malloc is not in libbrkmalloc.so");
    if (!blocks_are_ours())
        wrong_door(door, "malloc's blocks are not brkmalloc's");
    ours = 1;
}

int door_is_ours(void)
{
    return ours;
}

int door_check_heap(void)
{
    return ours && brkm_check_heap != NULL ? brkm_check_heap() : 0;
}

size_t door_option(const char *name)
{
    size_t value = 0;
    if (ours && brkm_option_get != NULL)
        CHECK_EQ_INT(brkm_option_get(name, &value), 0);
    return value;
}

int door_done(void)
{
    CHECK_EQ_INT(door_check_heap(), 0);
    return check_done();
}
