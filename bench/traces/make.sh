#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make.sh [NAME...]: records the traces of this folder anew: small runs of the programs in
# ../programs, compressed. What tells of the machine (process numbers, time, paths) is blanked.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' HUP INT TERM

# size_of NAME: how much the program has to do; chosen for traces of about 300 KiB.
size_of()
{
    case $1 in
    gcc) echo 4 ;;
    redis) echo 2 ;;
    sqlite) echo 20 ;;
    *) echo 3 ;;
    esac
}

# command_of NAME: what the command line of the process begins with that is wanted.
command_of()
{
    case $1 in
    gcc) echo '[^ ]*/cc1 ' ;;
    python) echo '[^ ]*python3 ' ;;
    redis) echo 'redis-server ' ;;
    sqlite) echo 'sqlite3 ' ;;
    *) echo "$1 " ;;
    esac
}

# prepare NAME
prepare()
{
    sh "$root/bench/programs/$1.sh" prepare "$(size_of "$1")"
    if [ "$1" = python ]; then # even one turn of it is too much
        sed -i 's/range(3000)/range(500)/; s/tree(8, /tree(6, /; s/range(30000)/range(5000)/' work.py
    fi
}

# wanted_trace NAME: the file of the wanted process with the most events.
wanted_trace()
{
    "$root/brkmalloc" replay --info trace* | grep " bytes: $(command_of "$1")" |
        sed -n 's/^\(trace[^:]*\): process [0-9]*, \([0-9]*\) events.*/\2 \1/p' |
        sort -n | sed -n '$s/.* //p'
}

# zeros FILE OFFSET BYTES
zeros()
{
    dd if=/dev/zero of="$1" bs=1 seek="$2" count="$3" conv=notrunc 2>/dev/null
}

# blank FILE NAME: the offsets are those of docs/trace-format.md.
blank()
{
    zeros "$1" 20 8
    zeros "$1" 40 8
    zeros "$1" 128 3968
    printf '%s' "$2" | dd of="$1" bs=1 seek=128 conv=notrunc 2>/dev/null
}

# record NAME
record()
{
    mkdir "$work/$1"
    cd "$work/$1"
    prepare "$1"
    BENCH_FIGURES="$PWD/figures" "$root/brkmalloc" record -o trace -- \
        sh "$root/bench/programs/$1.sh" run >/dev/null
    file=$(wanted_trace "$1")
    if [ -z "$file" ]; then
        echo "make.sh: found no trace of $1" >&2
        exit 1
    fi
    blank "$file" "$1"
    zstd -q -f -19 "$file" -o "$here/$1.trace.zst"
    "$root/brkmalloc" replay --info "$here/$1.trace.zst"
}

if [ $# -eq 0 ]; then
    set -- python gcc redis sqlite z3
fi
for name in "$@"; do
    record "$name"
done
