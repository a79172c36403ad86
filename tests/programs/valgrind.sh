#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: valgrind:valgrind gcc:gcc
# Serves: valgrind* made
# Runs: memcheck watches brkmalloc's malloc and finds a program's errors
set -eu
cat >main.c <<'C'
#include <stdlib.h>
#include <string.h>
static char *volatile kept[1000];
int main(int count, char **arguments)
{
    (void)arguments;
    if (count == 1)
        return 0;
    for (int i = 0; i < 1000; i++)
        kept[i] = memset(malloc((size_t)i + 1), 1, (size_t)i + 1);
    for (int i = 0; i < 500; i++)
        kept[i] = realloc(kept[i], 2000);
    for (int i = 0; i < 990; i++)
        free(kept[i]);
    kept[991] = calloc(10, 100);
    return count > 2 ? kept[5][0] : 0;
}
C
gcc -g -o made main.c
soname=$(basename "$PROGRAMS_LIBRARY")
synonyms="--soname-synonyms=somalloc=${soname%%.so*}*"

# check ARGUMENT ...: memcheck's view of the program, without process numbers and addresses.
check()
{
    valgrind --error-exitcode=9 --log-file=log "$synonyms" ./made "$@" || echo "status $?"
    sed -n 's/^==[0-9]*== *//; /ERROR SUMMARY/p; /Invalid read/p; /after a block/p' log |
        sed 's/0x[0-9a-f]*/ADDRESS/'
    tr -d , <log | awk '/total heap usage/ { print $5, $7, $9 }' >usage
}
echo "true"
valgrind --leak-check=full --error-exitcode=9 --log-file=log "$synonyms" /bin/true
sed -n 's/^==[0-9]*== *//; /ERROR SUMMARY/p' log
echo "a program that does nothing"
check
cp usage nothing
# Some libraries allocate before main: what counts is the difference.
echo "a program that allocates"
check work
paste -d' ' usage nothing | awk '{ print $1 - $4, "allocs", $2 - $5, "frees", $3 - $6, "bytes" }' |
    tee difference
grep -qx '1501 allocs 1490 frees .*' difference
echo "a program with an error"
check work badly
grep -q 'Invalid read' log
echo "the library itself inside valgrind"
seq 5000 -1 1 >lines
valgrind --tool=none -q sort -n lines | sha256sum
valgrind --tool=none -q ./made work && echo "ended well"
