#!/bin/sh
# SPDX-License-Identifier: MIT
#
# brkmalloc linked into a static program, as an object and as an archive.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

echo "With the object:"
cc -static -I "$prefix/include" "$example/main.c" "$libraries/brkmalloc.o" -o "$work/object"
"$work/object"

echo "With the archive; the option takes malloc from it, whatever else is linked:"
cc -static -I "$prefix/include" "$example/main.c" -Wl,--undefined=malloc \
    "$libraries/libbrkmalloc.a" -o "$work/archive"
"$work/archive"

echo "Is libc's own malloc in there as well?"
if nm "$work/object" "$work/archive" | grep -q ' _int_malloc$'; then
    echo "yes, something is wrong"
    exit 1
fi
echo "no"
