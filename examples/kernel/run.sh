#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [PICTURE]: the kernel's allocators in a process. The picture of the buddies is written to PICTURE,
# buddies.svg by default.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

# build NAME: from source that knows the kernel's headers only.
build()
{
    cc -O2 -pthread -I "$prefix/include/brkmalloc/linux-compat" -I "$prefix/include" "$example/$1.c" \
        "$libraries/libbrkmalloc-prefixed.a" -o "$work/$1"
    "$work/$1"
}

echo "A kernel module, unmodified:"
build module
echo
echo "What lies where:"
build places
echo
echo "GFP_ATOMIC where nothing may wait:"
build atomic
echo
echo "Objects against blocks, and what rounding costs:"
build objects
printf 'with powers of two, '
BRKMALLOC=kmalloc_round:power "$work/objects" waste
echo
build buddies >"${1:-buddies.svg}"
echo "Buddies that split and coalesce are drawn in ${1:-buddies.svg}"
