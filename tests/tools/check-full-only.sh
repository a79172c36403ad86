#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-full-only.sh BUILD: each line of full-only.txt names tests that there are, and ctest, which has
# regular expressions of its own, leaves out those that grep would.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
list=$here/../full-only.txt
lines=$(grep -v -e '^#' -e '^$' "$list")
names=$(mktemp)
trap 'rm -f "$names" "$names.kept"' EXIT

# tests [OPTION]...: the names of the tests, without those that only prepare others.
tests()
{
    folder=$1/tests
    shift
    ctest --test-dir "$folder" -N --fixture-exclude-any '.*' "$@" | sed -n 's/^ *Test *#[0-9]*: //p'
}

build=$1
tests "$build" >"$names"
status=0
for line in $lines; do
    if ! grep -qE "$line" "$names"; then
        echo "tests/full-only.txt: no test has a name like $line" >&2
        status=1
    fi
done
pattern=$(echo "$lines" | paste -s -d '|' -)
grep -vE "$pattern" "$names" >"$names.kept"
tests "$build" -E "$pattern" | cmp - "$names.kept" || {
    echo "tests/full-only.txt: ctest leaves out others than grep does" >&2
    status=1
}
echo "$(wc -l <"$names.kept") of $(wc -l <"$names") tests run every day"
exit "$status"
