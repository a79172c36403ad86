/* SPDX-License-Identifier: MIT
 *
 * A library that allocates is loaded into namespaces of its own (dlmopen), each of which has a libc
 * with a malloc beside ours, while threads allocate; again and again. libc has
 * static thread-local storage for few of them at a time.
 */
#include <dlfcn.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

enum { rounds = 10, at_a_time = 2 };

static void use_library(void *library, char letter)
{
    int (*use)(char letter);
    void *symbol = dlsym(library, "plugin_use");
    CHECK_NOT_NULL(symbol);
    memcpy(&use, &symbol, sizeof symbol);
    CHECK_EQ_INT(use(letter), letter);
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_TRUE(argc > 2);
    busy_start(2);
    for (unsigned round = 0; round < rounds; round++) {
        void *libraries[at_a_time];
        for (int i = 0; i < at_a_time; i++) {
            libraries[i] = dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW | RTLD_LOCAL);
            CHECK_NOT_NULL(libraries[i]);
            use_library(libraries[i], (char)('a' + i));
            churn(round, 200);
        }
        for (int i = 0; i < at_a_time; i++) {
            use_library(libraries[i], (char)('z' - i));
            CHECK_EQ_INT(dlclose(libraries[i]), 0);
            churn(round, 200);
        }
    }
    busy_stop();
    return door_done();
}
