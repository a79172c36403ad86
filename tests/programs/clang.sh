#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: clang:clang
# Serves: clang* made
# Runs: compiles and runs a sorting program and a generated file, at -O0 and -O2 -g
set -eu
cat >main.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
int main(void)
{
    size_t count = 20000;
    char **words = malloc(count * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[i] = malloc(32);
        snprintf(words[i], 32, "w%zu", i * 7919 % 10007);
    }
    qsort(words, count, sizeof *words, compare);
    printf("%s %s\n", words[0], words[count - 1]);
    for (size_t i = 0; i < count; i++)
        free(words[i]);
    free(words);
    return 0;
}
C
for i in $(seq 200); do
    echo "int f$i(int *v, int n) { int s = $i;"
    echo "  for (int i = 0; i < n; i++) s += v[i] * $i ^ i; return s; }"
done >long.c
for level in -O0 '-O2 -g'; do
    # shellcheck disable=SC2086 # several options
    clang $level -c long.c main.c
    sha256sum long.o main.o
    clang -o made main.o long.o
    ./made
done
clang -O2 -S -emit-llvm -o - long.c | sha256sum
printf 'int main(void) { return missing; }\n' >wrong.c
clang -c wrong.c 2>&1 || echo "status $?"
