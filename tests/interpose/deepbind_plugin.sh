#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deepbind_plugin.sh LIBRARY: a library loaded with RTLD_DEEPBIND frees, by libc's name, what libc's
# functions allocated for it from us, and what it allocated from libc itself: foreign:forward serves both.
set -eu
library=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/plugin.c" <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
int work(void)
{
    char *text = NULL;
    if (asprintf(&text, "%d items", 42) < 0) return 1;
    text = realloc(text, 100000);
    free(text);
    char *own = realloc(malloc(100), 5000);
    free(own);
    return own == NULL || text == NULL;
}
END
cat >"$work/main.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
int main(int count, char **words)
{
    void *plugin = dlopen(words[count - 1], RTLD_NOW | RTLD_DEEPBIND);
    return ((int (*)(void))dlsym(plugin, "work"))();
}
END
cc -O0 -shared -fPIC -o "$work/plugin.so" "$work/plugin.c"
cc -O0 -w -o "$work/main" "$work/main.c"
BRKMALLOC=foreign:forward LD_PRELOAD=$library "$work/main" "$work/plugin.so"
