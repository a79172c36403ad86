#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-symbols.sh BUILD_FOLDER: what the built libraries define for others is what exports.txt
# lists, and that list has every function of the public header. Names of ours have a symbol version
# (src/brkmalloc.map), libc's have none.
set -eu

build=$1
here=$(cd "$(dirname "$0")" && pwd)
header=$here/../../include/brkmalloc/brkmalloc.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

# same WHAT EXPECTED FOUND
same()
{
    if ! diff -u "$2" "$3" >"$work/diff"; then
        echo "$1 (- expected, + found):"
        sed '1,2d' "$work/diff"
        status=1
    fi
}

# globals FLAGS FILE: the names of the global symbols that FILE defines
globals()
{
    nm "$1" --defined-only --extern-only --format=posix "$2" |
        sed '/^BRKMALLOC_[0-9.]* A/d; s/[ @].*//' | sort -u
}

# The names that a shared library exports and that have a version of ours.
versioned()
{
    nm --dynamic --defined-only --with-symbol-versions "$1" |
        sed -n 's/.* \([^ ]*\)@@BRKMALLOC_[0-9.]*$/\1/p' | sort -u
}

sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$here/exports.txt" | sort -u >"$work/all"
grep '^brkm_' "$work/all" >"$work/prefixed"
# The first name before a parenthesis in each declaration of both headers.
sed -e ':a' -e '/\\$/{N;s/\\\n//;ba' -e '}' -e '/^ \*/d; /^\/\*/d; /^#/d' "$header" "${header%/*}/kernel.h" | tr '\n' ' ' | tr ';' '\n' |
    sed -n '/BRKM_API/s/[^(]*BRKM_API\(_ALLOC([^)]*)\)\{0,1\}[^(]*\(brkm_[a-z0-9_]*\)(.*/\2/p' | sort -u >"$work/header"
[ -s "$work/header" ] || { echo "found no function in $header"; exit 1; }

same "the functions of $header against exports.txt" "$work/header" "$work/prefixed"

globals --dynamic "$build/libbrkmalloc.so" >"$work/found"
same "exported by libbrkmalloc.so" "$work/all" "$work/found"

globals --dynamic "$build/libbrkmalloc-prefixed.so" >"$work/found"
same "exported by libbrkmalloc-prefixed.so" "$work/prefixed" "$work/found"

for file in libbrkmalloc.so libbrkmalloc-prefixed.so; do
    versioned "$build/$file" >"$work/found"
    same "exported by $file with a version of src/brkmalloc.map" "$work/prefixed" "$work/found"
done

for file in brkmalloc.o libbrkmalloc.a; do
    nm --defined-only --extern-only --format=posix "$build/$file" | sed '/:$/d; s/ .*//' | sort -u \
        >"$work/defined"
    # The weak, hidden symbol is one that all who use sys/sdt.h share.
    grep -v -e '^brkm__' -e '^_\.stapsdt\.base$' "$work/defined" >"$work/found" || :
    same "defined by $file, names of its own (brkm__) aside" "$work/all" "$work/found"
done
exit "$status"
