#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: google-perftools
# Needs: g++:g++ gcc:gcc cmake:cmake
# Serves: *_unittest
# Runs: realloc, memalign, tcmalloc_large, thread_dealloc, markidle, frag and large_heap_fragmentation
# Limit: 600
#
# The unit tests of malloc's contract, linked with what they need of the project but not with tcmalloc.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

cd "$work"
# Only for the headers that it writes.
cmake -S "$source" -B configured -DBUILD_TESTING=OFF -DGPERFTOOLS_BUILD_CPU_PROFILER=OFF
flags="-O1 -w -fno-builtin -DPERFTOOLS_DLL_DECL= -Iconfigured -I$source/src"
mkdir parts
for name in base/logging base/sysinfo base/spinlock base/spinlock_internal malloc_extension \
    maybe_threads tests/testutil internal_logging common system-alloc malloc_hook; do
    # shellcheck disable=SC2086 # several words
    g++ -std=gnu++17 $flags -c "$source/src/$name.cc" -o "parts/$(basename "$name").o"
done
# shellcheck disable=SC2086
gcc $flags -c "$source/src/base/dynamic_annotations.c" -o parts/dynamic_annotations.o
# shellcheck disable=SC2086
g++ -std=gnu++17 $flags -c "$here/google-perftools/no_leak_checker.cc" -o parts/no_leak_checker.o
ar rc parts.a parts/*.o

for name in realloc memalign tcmalloc_large thread_dealloc markidle frag large_heap_fragmentation; do
    # shellcheck disable=SC2086
    if g++ -std=gnu++17 $flags "$source/src/tests/${name}_unittest.cc" parts.a -pthread \
        -o "${name}_unittest"; then
        add_test "$name" 300 "$work/${name}_unittest"
    else
        not_built "$name"
    fi
done
