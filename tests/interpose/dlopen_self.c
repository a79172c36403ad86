/* SPDX-License-Identifier: MIT
 *
 * The allocator loaded while the program runs on libc's malloc, and used through its prefixed names
 * from several threads, while libc's malloc moves the same break.
 *   local       dlopen with RTLD_LOCAL
 *   namespace   dlmopen into a namespace of its own, whose libc refuses to move the break
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static struct {
    void *(*allocate)(size_t size);
    void *(*resize)(void *memory, size_t size);
    void (*release)(void *memory);
    int (*check_heap)(void);
} own;

static void *library;

static void *look_up(const char *name)
{
    void *symbol = dlsym(library, name);
    CHECK_NOT_NULL(symbol);
    return symbol;
}

static void *run(void *unused)
{
    (void)unused;
    for (int round = 0; round < 200; round++) {
        char *blocks[60];
        for (size_t i = 0; i < 60; i++) {
            blocks[i] = own.allocate(i * i * 5 + 1);
            CHECK_NOT_NULL(blocks[i]);
            memset(blocks[i], (int)i, i * i * 5 + 1);
        }
        for (size_t i = 0; i < 60; i++) {
            CHECK_EQ_INT(blocks[i][i * i * 5], (char)i);
            blocks[i] = own.resize(blocks[i], i * 1000 + 1);
            CHECK_NOT_NULL(blocks[i]);
            CHECK_EQ_INT(blocks[i][0], (char)i);
            own.release(blocks[i]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[4];
    void *symbol;
    door_require(argc, argv);
    CHECK_TRUE(argc > 3);
    library = strcmp(argv[3], "namespace") == 0 ? dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW)
                                                : dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        check_failed(dlerror(), __FILE__, __LINE__);
    symbol = look_up("brkm_malloc");
    memcpy(&own.allocate, &symbol, sizeof symbol);
    symbol = look_up("brkm_realloc");
    memcpy(&own.resize, &symbol, sizeof symbol);
    symbol = look_up("brkm_free");
    memcpy(&own.release, &symbol, sizeof symbol);
    symbol = look_up("brkm_check_heap");
    memcpy(&own.check_heap, &symbol, sizeof symbol);
    busy_start(2);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, run, NULL), 0);
    run(NULL);
    for (int i = 0; i < 4; i++)
        CHECK_EQ_INT(pthread_join(threads[i], NULL), 0);
    busy_stop();
    CHECK_EQ_INT(own.check_heap(), 0);
    return door_done();
}
