#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-format.sh: every C and C++ source is laid out as .clang-format says. Releases of
# clang-format differ in details; the sources follow release 14.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

formatter=
for candidate in clang-format-14 clang-format; do
    case $("$candidate" --version 2>/dev/null || :) in
    *" version 14."*)
        formatter=$candidate
        break
        ;;
    esac
done
if [ -z "$formatter" ]; then
    echo "skipped: no clang-format of release 14 here"
    exit 77
fi

list=$(mktemp)
trap 'rm -f "$list" "$list.out"' EXIT
if git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git -c safe.directory='*' ls-files --cached --others --exclude-standard -- \
        '*.c' '*.h' '*.cc' '*.cpp'
else # an unpacked archive
    find include src ctl exporter tests examples bench trace -name '*.c' -o -name '*.h' -o -name '*.cc' -o -name '*.cpp'
fi | sort -u | while IFS= read -r file; do
    [ ! -f "$file" ] || printf '%s\n' "$file"
done >"$list"
if [ ! -s "$list" ]; then
    echo "found no source to look at"
    exit 1
fi
echo "$(wc -l <"$list") files"
status=0
xargs "$formatter" --dry-run -Werror <"$list" >"$list.out" 2>&1 || status=1
sed -n 's/: error: .*/: not laid out as .clang-format says/p' "$list.out"
exit "$status"
