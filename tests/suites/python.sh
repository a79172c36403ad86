#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: python3:python3 /usr/lib/python3*/test/test_list.py:libpython3-testsuite
# Serves: python3*
# Runs: 29 of CPython's test modules: built-in types, memory, threads, processes, ctypes, pickling
# Limit: 60
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

# PYTHONMALLOC: each object comes from malloc, where Python would have a heap of its own.
for module in array bytes buffer capi class collections ctypes dict fork1 gc generators io list \
    long memoryview pickle posix random re set str struct subprocess threading tuple unicodedata \
    weakref xml_etree_c zlib; do
    for file in /usr/lib/python3*/test/"test_$module" /usr/lib/python3*/test/"test_$module.py"; do
        [ ! -e "$file" ] ||
            add_test "$module" 600 "PYTHONMALLOC=malloc /usr/bin/python3 -m test -u none test_$module"
    done
done
