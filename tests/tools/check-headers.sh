#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-headers.sh: each header compiles alone and twice in one file, in C11, and the public ones in
# C++ too, with gcc and with clang if it is there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
status=0
looked_at=0

# compiles HEADER COMPILER FLAGS...
compiles()
{
    header=$1
    shift
    printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
        "$@" -Wall -Wextra -Werror -Wundef -fsyntax-only -I "$root/include" -I "$root/src" \
            -DBRKM_CHECKED=2 -DBRKM_VALGRIND=0 - >"$errors" 2>&1 && return
    echo "$header does not compile alone with $*"
    head -n 5 "$errors"
    status=1
}

for header in "$root"/src/*/*.h; do
    [ -f "$header" ] || continue
    looked_at=$((looked_at + 1))
    for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || continue
        compiles "$header" "$compiler" -x c -std=gnu11 -Wno-unused-function
    done
done
for header in "$root"/include/*/*.h; do
    looked_at=$((looked_at + 1))
    for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || continue
        compiles "$header" "$compiler" -x c -std=c11 -pedantic
        compiles "$header" "$compiler" -x c++ -std=c++11 -pedantic
        compiles "$header" "$compiler" -x c++ -std=c++20 -pedantic
    done
done
echo "$looked_at headers"
[ "$looked_at" -gt 1 ] || status=1
exit "$status"
