#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: jemalloc
# Needs: gcc:gcc make:make
# Serves: *
# Runs: the integration tests; functions that only jemalloc has are its own, malloc is the process's
# Limit: 1800
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

cp -a "$source" "$work/tree"
cd "$work/tree"
./configure --with-jemalloc-prefix=je_ --disable-cxx
# The tests' header gives the standard's names a prefix as well; they are to be the process's.
for name in malloc calloc realloc free posix_memalign aligned_alloc malloc_usable_size memalign valloc; do
    echo "#undef $name"
done >>test/include/test/jemalloc_test.h
make -j "$jobs" build_lib_static

flags="-std=gnu11 -O1 -w -fno-builtin -D_GNU_SOURCE -DJEMALLOC_INTEGRATION_TEST -Itest/include -Iinclude"
for file in test/src/*.c; do
    # shellcheck disable=SC2086 # several words
    gcc $flags -c "$file" -o "$work/$(basename "$file" .c).o"
done
for file in test/integration/*.c; do
    name=$(basename "$file" .c)
    # shellcheck disable=SC2086
    if gcc $flags "$file" "$work"/*.o lib/libjemalloc.a -lm -pthread -o "$work/$name"; then
        add_test "$name" 100 "$work/$name"
    else
        not_built "$name"
    fi
done
