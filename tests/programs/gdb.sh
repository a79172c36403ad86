#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gdb:gdb gcc:gcc
# Serves: gdb made
# Runs: breakpoints, printing and stepping in a small program
set -eu
cat >main.c <<'C'
#include <stdlib.h>
#include <string.h>
struct pair { int number; char *text; };
static int tally_pairs(struct pair *pairs, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += pairs[i].number + (int)strlen(pairs[i].text);
    return sum;
}
int main(void)
{
    struct pair *pairs = malloc(50 * sizeof *pairs);
    for (int i = 0; i < 50; i++) {
        pairs[i].number = i;
        pairs[i].text = calloc(1, 20);
        memset(pairs[i].text, 'a' + i % 26, (size_t)i % 10);
    }
    return tally_pairs(pairs, 50) % 200;
}
C
gcc -g -O0 -o made main.c
if ! gdb -q -nx -batch -ex run ./made 2>&1 | grep -q 'exited with'; then
    echo "tracing is not allowed here" >&2
    exit 77
fi
gdb -q -nx -batch -ex 'set debuginfod enabled off' -ex 'break tally_pairs' -ex 'run' -ex 'print n' \
    -ex 'print pairs[27]' -ex 'print *pairs@3' -ex 'backtrace' -ex 'ptype struct pair' \
    -ex 'print ((void *(*)(unsigned long))malloc)(1000) != 0' \
    -ex 'print ((char *(*)(const char *))strdup)("given")' \
    -ex 'finish' -ex 'info line tally_pairs' -ex 'continue' ./made 2>&1 |
    sed -e 's/0x[0-9a-f]*/ADDRESS/g' -e 's/(process [0-9]*)/(process)/' -e '/^warning/d'
gdb -q -nx -batch -ex 'disassemble main' -ex 'info functions tally_pairs' ./made |
    sed 's/0x0*[0-9a-f]*/ADDRESS/g'
gdb -q -nx -batch -ex 'python print(sum(i * i for i in range(1000)))'
