/* SPDX-License-Identifier: MIT
 *
 * Under LD_AUDIT: an auditing library, with a libc of its own that allocates beside ours, watches
 * the loader bind every symbol and load libraries.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"
#include "busy.h"

static int is_mapped(const char *name)
{
    char line[1000];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK_NOT_NULL(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        found |= strstr(line, name) != NULL;
    CHECK_EQ_INT(fclose(maps), 0);
    return found;
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    CHECK_TRUE(argc > 3);
    CHECK_TRUE(is_mapped(argv[3]));
    busy_start(2);
    for (unsigned i = 0; i < 50; i++) {
        void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        CHECK_NOT_NULL(library);
        churn(i, 200);
        CHECK_EQ_INT(dlclose(library), 0);
    }
    busy_stop();
    return door_done();
}
