#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: mimalloc
# Needs: gcc:gcc
# Serves: stress
# Runs: test-stress with 1, 2 and 8 threads; the others are about functions that only mimalloc has
# Limit: 600
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

tests=$source/test
gcc -O2 -w -DUSE_STD_MALLOC -I"$source/include" "$tests/test-stress.c" -pthread -o "$work/stress"
for threads in 1 2 8; do
    add_test "stress_$threads" 300 "$work/stress $threads 20 5"
done
