#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every static test program has brkmalloc inside and nothing of libc's own malloc.
# Usage: check_static_symbols.sh NM FOLDER
set -eu

nm=$1
folder=$2
seen=0
wrong=0
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT INT TERM

for program in "$folder"/api_*_static "$folder"/api_*_static-pie "$folder"/api_*_archive; do
    [ -x "$program" ] || continue
    "$nm" "$program" >"$symbols"
    seen=$((seen + 1))
    for wanted in malloc free calloc realloc brkm_malloc brkm_free; do
        if ! grep -q " [TtWw] $wanted\$" "$symbols"; then
            echo "$program: no symbol $wanted" >&2
            wrong=1
        fi
    done
    if grep -E ' (_int_malloc|_int_free|sysmalloc|main_arena|ptmalloc_init)$' "$symbols" >&2; then
        echo "$program: libc's malloc is linked in" >&2
        wrong=1
    fi
done

if [ "$seen" -eq 0 ]; then
    echo "no static program in $folder" >&2
    exit 1
fi
echo "$seen static programs looked at"
exit "$wrong"
