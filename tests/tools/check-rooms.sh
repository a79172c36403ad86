#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-rooms.sh [SOURCE_FOLDER]: each file of src/ lies in a room (a folder), and a room includes
# headers of its own and of the rooms below it only, by the path from src/. guard, profile, stats
# and service stand side by side: none includes another, but service may read stats.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../../src}"

# The rooms that room $1 may include besides itself.
below()
{
    case $1 in
    base) ;;
    system) echo base ;;
    kit) echo base system ;;
    heap) echo base system kit ;;
    cache) echo base system kit heap ;;
    malloc) echo base system kit heap cache ;;
    guard | profile | stats | kernel) echo base system kit heap cache malloc ;;
    service) echo base system kit heap cache malloc stats ;;
    process) echo base system kit heap cache malloc kernel guard profile stats service ;;
    *) echo unknown ;;
    esac
}

includes_of()
{
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}

violation()
{
    echo "$*"
    status=1
}

# check_include FILE ROOM HEADER
check_include()
{
    case $3 in
    brkmalloc/*) return ;;
    */*) ;;
    *)
        violation "$1 includes $3: say the room, as in heap/$3"
        return
        ;;
    esac
    other=${3%%/*}
    [ "$other" != "$2" ] || return 0
    case " $(below "$2") " in
    *" $other "*) ;;
    *) violation "$1 includes $3: $2 may include only itself and: $(below "$2")" ;;
    esac
}

list=$(mktemp)
trap 'rm -f "$list"' EXIT
status=0
looked_at=0
for file in *.c *.h */*.c */*.h; do
    [ -f "$file" ] || continue
    looked_at=$((looked_at + 1))
    room=${file%%/*}
    if [ "$room" = "$file" ] || [ "$(below "$room")" = unknown ]; then
        violation "$file: lies in no room that check-rooms.sh knows"
        continue
    fi
    includes_of "$file" >"$list"
    while IFS= read -r header; do
        check_include "$file" "$room" "$header"
    done <"$list"
done
echo "$looked_at files"
if [ "$looked_at" -eq 0 ]; then
    violation "found no file in $PWD"
fi
exit "$status"
