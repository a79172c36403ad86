/* SPDX-License-Identifier: MIT
 *
 * A library with constructors and thread-local storage is loaded and unloaded hundreds of times
 * while other threads allocate.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static int (*use)(char letter);

static void *run(void *unused)
{
    (void)unused;
    CHECK_EQ_INT(use('t'), 't');
    return NULL;
}

int main(int argc, char **argv)
{
    size_t before = 0;
    door_require(argc, argv);
    CHECK_TRUE(argc > 2);
    busy_start(2);
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        void *symbol;
        void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        CHECK_NOT_NULL(library);
        symbol = dlsym(library, "plugin_use");
        CHECK_NOT_NULL(symbol);
        memcpy(&use, &symbol, sizeof symbol);
        CHECK_EQ_INT(use('m'), 'm');
        CHECK_EQ_INT(pthread_create(&thread, NULL, run, NULL), 0);
        CHECK_EQ_INT(pthread_join(thread, NULL), 0);
        CHECK_EQ_INT(dlclose(library), 0);
        if (i == 50)
            before = resident_bytes();
    }
    busy_stop();
    CHECK_LE_UINT(resident_bytes(), before + (16u << 20));
    return door_done();
}
