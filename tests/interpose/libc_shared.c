/* SPDX-License-Identifier: MIT
 *
 * What only a dynamically linked program can do: names looked up, libraries loaded, backtraces.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <grp.h>
#include <malloc.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/check_eq.h"
#include "../support/door.h"

static void addresses(void)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    CHECK_EQ_INT(getaddrinfo("127.0.0.1", "80", &hints, &found), 0);
    CHECK_NOT_NULL(found);
    freeaddrinfo(found);
}

static void users(void)
{
    struct passwd *user = getpwuid(0);
    struct group *group = getgrgid(0);
    CHECK_NOT_NULL(user);
    CHECK_NOT_NULL(group);
    CHECK_EQ_STR(user->pw_name, "root");
    CHECK_EQ_STR(group->gr_name, "root");
}

static void backtraces(void)
{
    void *frames[32];
    int depth = backtrace(frames, 32);
    char **symbols = backtrace_symbols(frames, depth);
    CHECK_GE_INT(depth, 1);
    CHECK_NOT_NULL(symbols);
    CHECK_GE_UINT(malloc_usable_size(symbols), (size_t)depth * sizeof *symbols);
    free(symbols);
}

static void libraries(void)
{
    void *library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
    CHECK_NOT_NULL(library);
    CHECK_NOT_NULL(dlsym(library, "cos"));
    CHECK_EQ_INT(dlclose(library), 0);
    CHECK_EQ_PTR(dlopen("no-such-library.so", RTLD_NOW), NULL);
    CHECK_NOT_NULL(dlerror());
}

int main(int argc, char **argv)
{
    door_require(argc, argv);
    for (int round = 0; round < 30; round++) {
        addresses();
        users();
        backtraces();
        libraries();
    }
    return door_done();
}
