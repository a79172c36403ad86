#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-outside.sh [TREE]: what the folders beside src/ read of each other goes one way only: headers by
# their path, modules of Python by their name. Nor do the modules of a folder read each other in a circle.
set -eu

cd "${1:-$(dirname "$0")/../..}"

# The folders that folder $1 may read besides itself.
may_read()
{
    case $1 in
    bench) echo compare ;;
    trace) echo compare profile src ;;
    exporter) echo ctl profile ;;
    report) echo profile trace include ;;
    compare | ctl | profile) ;;
    esac
}

# Prints "FILE FOLDER" for each folder of this tree that a file of folder $1 reads.
reads()
{
    grep -rHo --include='*.[ch]' '^#include "\(\.\./\)*[a-z]*/' "$1" |
        sed 's/:#include "\(\.\.\/\)*/ /; s/\/$//' || :
    grep -rHoE --include='*.py' '^[[:space:]]*(from|import) [a-z_]+' "$1" |
        sed -E 's/:[[:space:]]*(from|import) / /' || :
}

status=0
looked_at=0
list=$(mktemp)
trap 'rm -f "$list"' EXIT
for folder in bench compare ctl exporter profile report trace; do
    reads "$folder" >"$list"
    while read -r file other; do
        looked_at=$((looked_at + 1))
        [ "$other" != "$folder" ] && [ -d "$other" ] || continue
        case " $(may_read "$folder") " in
        *" $other "*) ;;
        *)
            echo "$file reads $other/: $folder/ may read only itself and: $(may_read "$folder")"
            status=1
            ;;
        esac
    done <"$list"
done
# Prints "MODULE OTHER" for each module of C in folder $1 that reads a header of another one there.
reads_within()
{
    grep -Ho '^#include "[a-z_]*[.]h"' "$1"/*.[ch] |
        sed -nE 's/^.*\/([a-z_]+)\.[ch]:#include "([a-z_]+)\.h"$/\1 \2/p' | awk '$1 != $2'
}

for folder in bench/workloads bench/scenarios ctl exporter profile report trace; do
    reads_within "$folder" >"$list"
    [ -s "$list" ] || [ "${folder%/*}" = bench ] || status=1
    if ! circle=$(tsort "$list" 2>&1 >/dev/null); then
        echo "$folder/: modules that read each other in a circle: $circle"
        status=1
    fi
done
echo "$looked_at includes and imports"
[ "$looked_at" -gt 0 ] || status=1
exit "$status"
