/* SPDX-License-Identifier: MIT
 *
 * Prints the path of the library whose malloc this program calls, so that the driver can tell that
 * the allocator it names is the one it measures. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    Dl_info info;
    void *symbol = dlsym(RTLD_DEFAULT, "malloc");
    free(malloc(1));
    if (symbol == NULL || dladdr(symbol, &info) == 0) {
        fprintf(stderr, "cannot tell where malloc comes from\n");
        return 1;
    }
    puts(info.dli_fname);
    return 0;
}
