/* SPDX-License-Identifier: MIT
 *
 * The names with and without the prefix are two names of one family: what one allocates the other
 * frees and resizes.
 */
#include "api.h"

#include <dlfcn.h>
#include <stdio.h>

#include <brkmalloc/brkmalloc.h>

#ifdef DOOR_STATIC
#define GET(name)               \
    do {                        \
        own.name = brkm_##name; \
    } while (0)
#else
#define GET(name)                                          \
    do {                                                   \
        void *found_ = dlsym(RTLD_DEFAULT, "brkm_" #name); \
        CHECK_NOT_NULL(found_);                            \
        memcpy(&own.name, &found_, sizeof found_);         \
    } while (0)
#endif

static void same_family(void)
{
    struct {
        void *(*malloc)(size_t);
        void (*free)(void *);
        void *(*calloc)(size_t, size_t);
        void *(*realloc)(void *, size_t);
        void *(*memalign)(size_t, size_t);
        size_t (*malloc_usable_size)(void *);
        const char *(*version)(void);
    } own;
    char version[32];
    GET(malloc);
    GET(free);
    GET(calloc);
    GET(realloc);
    GET(memalign);
    GET(malloc_usable_size);
    GET(version);
    snprintf(version, sizeof version, "%d.%d.%d", BRKM_VERSION_MAJOR, BRKM_VERSION_MINOR,
             BRKM_VERSION_PATCH);
    CHECK_EQ_STR(own.version(), version);
    for (size_t size = 1; size < 10 * MIB; size = size * 3 + 1) {
        char *block = own.malloc(size);
        check_note("size", size);
        CHECK_NOT_NULL(block);
        CHECK_EQ_UINT(malloc_usable_size(block), own.malloc_usable_size(block));
        api_fill(block, size, 3);
        block = realloc(block, size * 2);
        CHECK_TRUE(api_matches(block, size, 3));
        block = own.realloc(block, size);
        CHECK_TRUE(api_matches(block, size, 3));
        free(block);
        own.free(malloc(size));
        own.free(memalign(4096, size));
        free(own.memalign(4096, size));
        free(own.calloc(size, 1));
        own.free(calloc(1, size));
    }
}

/* The names by which old programs, and libc itself, call some of them. */
#ifdef DOOR_STATIC
extern void *__libc_malloc(size_t size);
extern void __libc_free(void *memory);
extern void __free(void *memory);
extern void __malloc_stats(void);
#define FIND(name) (names.name = __##name)
#else
#define FIND(name)                                      \
    do {                                                \
        void *found_ = dlsym(RTLD_DEFAULT, "__" #name); \
        CHECK_NOT_NULL(found_);                         \
        memcpy(&names.name, &found_, sizeof found_);    \
    } while (0)
#endif

static void libc_names(void)
{
    struct {
        void *(*libc_malloc)(size_t);
        void (*libc_free)(void *);
        void (*free)(void *);
        void (*malloc_stats)(void);
    } names;
    FIND(libc_malloc);
    FIND(libc_free);
    FIND(free);
    FIND(malloc_stats);
    names.libc_free(malloc(100));
    names.free(names.libc_malloc(100));
    free(names.libc_malloc(5000));
    names.malloc_stats();
}

void api_test(int alone)
{
    (void)alone;
    same_family();
    libc_names();
}
