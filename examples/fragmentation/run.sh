#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The memory of a program whose blocks change their size, on brkmalloc, on libc's malloc and on what
# other allocators Debian has installed here.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

cc -O2 "$example/main.c" -o "$work/program"
echo "brkmalloc:"
"$command" run "$work/program"
echo "libc:"
"$work/program"
for name in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
    # A program of its own: the shell's `true` would load nothing.
    if env LD_PRELOAD=$name true 2>&1 | grep -q .; then
        echo "$name: not installed"
        continue
    fi
    echo "$name:"
    LD_PRELOAD=$name "$work/program"
done
