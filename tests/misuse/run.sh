#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh CASE_FILE NAME PROGRAM [LIBRARY]: runs one misuse for each of its sizes, LIBRARY preloaded,
# and compares what comes of it with what the first comment of CASE_FILE says. MISUSE_RUNS in the
# environment says how many times, 1 where it is not set: addresses, secrets and what they make of a
# written byte differ from run to run.
set -u

file=$1
name=$2
program=$3
library=${4:-}
runs=${MISUSE_RUNS:-1}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC3045 # the shells of Linux have it
ulimit -c 0

# field KEY: what stands behind KEY in the first comment, to the next key or the comment's end
field()
{
    awk -v key="$1" '
        /^#include/ { exit }
        { sub(/^(\/\*| \*)\/? ?/, ""); sub(/ ?\*\/$/, "") }
        match($0, /^[A-Z][a-z]+( [a-z]+)?: /) {
            inside = (substr($0, 1, RLENGTH - 2) == key)
            $0 = substr($0, RLENGTH + 1)
        }
        inside && $0 != "" { text = text (text == "" ? "" : " ") $0 }
        END { print text }' "$file"
}

# The request that fills a block of a size to its last byte.
bytes_of()
{
    case $1 in
    small) echo 24 ;;
    medium) echo 3064 ;;
    large) echo 100008 ;;
    mapped) echo 1048552 ;;
    guarded) echo 64 ;;
    page) getconf PAGESIZE ;;
    none) echo 0 ;;
    *) echo "no size is called $1" >&2 && exit 1 ;;
    esac
}

# What shall come of it: status and message, in the words of the case file.
expected()
{
    says=$(field "Says $1")
    : "${says:=$(field Says)}"
    case $says in
    "segmentation fault") echo 139: ;;
    "segmentation fault: "*) echo "139:brkmalloc: ${says#*: }" ;;
    "") echo 0: ;;
    *) echo "134:brkmalloc: $says" ;;
    esac
}

# In a shell of its own, which keeps what shells say of a signal out of the program's output.
commit()
(
    exec env ${library:+"LD_PRELOAD=$library"} ${options:+"BRKMALLOC=$options"} \
        "$program" "$name" "$(bytes_of "$1")" \
        >"$work/out" 2>"$work/err"
)

# The words of case files for the address, the block's size and an instruction's place.
in_words()
{
    case $expected in
    *NUMBER*) bytes='[0-9]*' word=NUMBER ;;
    *) bytes=$(bytes_of "$1") word=N ;;
    esac
    sed "s/ at 0x[0-9a-f]\{1,\}/ at ADDRESS/; s/(block of $bytes bytes/(block of $word bytes/
        s/called from ${program##*/}+0x[0-9a-f]\{1,\}/called from PLACE/"
}

# Whether the message is followed by process, program, what found it in the program, and builds; in the
# program it is not found where the case file says "Found".
where_is_told()
{
    case $expected in
    134:* | 139:?*) ;;
    *) return 0 ;;
    esac
    where=$(sed '1d
        s/^brkmalloc:   process [0-9]\{1,\}$/process/p
        s|^brkmalloc:   program /.*/'"${program##*/}"'$|program|p
        s/^brkmalloc:   \(found\|touched\) by thread [0-9]\{1,\}:$/found/p
        s|^brkmalloc:     0x[0-9a-f]\{1,\} /.*/'"${program##*/}"'+0x[0-9a-f]\{1,\}$|frame|p
        s|^brkmalloc:   build [0-9a-f]\{16,\} of /.*/'"${program##*/}"'$|build|p
        d' "$work/err" | uniq | tr '\n' ' ')
    case $where in
    "process program found frame build "*) ;;
    "process program found ") [ -n "$(field Found)" ] ;;
    *)
        echo "what is told of the place: $where"
        return 1
        ;;
    esac
}

# Which stacks follow the message; what else follows it, but for the place and the address's distance, as
# it is.
stacks()
{
    sed '1d
        /^brkmalloc:   process [0-9]\{1,\}$/d
        /^brkmalloc:   program /d
        /^brkmalloc:   build [0-9a-f]\{1,\} of /d
        /^brkmalloc:   found by thread [0-9]\{1,\}:$/d
        s/^brkmalloc:   \([a-z]*\) by thread [0-9]\{1,\}:$/\1/p
        /^brkmalloc:     0x[0-9a-f]\{1,\} .*+0x[0-9a-f]\{1,\}$/d
        /^brkmalloc:     0x[0-9a-f]\{1,\} ?$/d
        /^brkmalloc:   [0-9]\{1,\} bytes\{0,1\} \(before\|behind\) the \(start\|end\) of the block at 0x/d
        /^[a-z]*$/d' "$work/err" | tr '\n' ' '
}

# The function that the first frame of a stack lies in.
function_of()
{
    frame=$(sed -n "/^brkmalloc:   $1 by/{n;s/.* //p;q;}" "$work/err")
    addr2line -f -e "${frame%+*}" "${frame##*+}" | head -n 1
}

# Whether the stacks are those of the case file, and one begins in the misuse itself.
stacks_are_right()
{
    wanted=$(field Stacks)
    [ "$(stacks)" = "$wanted${wanted:+ }" ] || return 1
    case $wanted in
    touched*) [ "$(function_of touched)" = "$name" ] ;;
    esac
}

if ! grep -q '^ \* Says\|^ \* Not caught' "$file"; then
    echo "$file does not tell what comes of it"
    exit 1
fi
case $runs in
'' | *[!0-9]* | 0)
    echo "MISUSE_RUNS is \"$runs\"; it takes a number of runs from 1 on"
    exit 2
    ;;
esac

# Whether the allocator follows frame pointers there: static programs are linked without the table of the
# unwinder's tables unless asked (-Wl,--eh-frame-hdr).
has_no_unwinder()
{
    [ -z "$library" ] && ! readelf -lW "$program" | grep -q GNU_EH_FRAME
}

# What was called cannot always be told then.
as_expected()
{
    [ "$1" != "$expected" ] || return 0
    [ "$1" = "$(echo "$expected" | sed 's/called from [^)]*)/called from ?)/')" ] && has_no_unwinder
}

# run_once SIZE: true when what shall come of it came of it
run_once()
{
    commit "$1" 2>/dev/null
    found=$?:$(in_words "$1" <"$work/err" | head -n 1)
    if as_expected "$found" && [ ! -s "$work/out" ] && stacks_are_right &&
        where_is_told; then
        return 0
    fi
    echo "$1 block: expected, found (status:standard error):"
    echo "$expected"
    echo "$found"
    cat "$work/err" "$work/out"
    return 1
}

# good_runs SIZE: how many of the runs were as they shall be; says of the others what came
good_runs()
{
    good=0
    run=0
    while [ "$run" -lt "$runs" ]; do
        run_once "$1" >>"$work/bad" && good=$((good + 1))
        run=$((run + 1))
    done
    echo "$good"
}

status=0
sizes=$(field Sizes)
options=$(field Options)
for size in ${sizes:-small}; do
    expected=$(expected "$size")
    good=$(good_runs "$size")
    [ "$runs" -eq 1 ] || echo "$size block: $good of $runs runs"
    [ "$good" -eq "$runs" ] || status=1
done
[ "$status" -eq 0 ] || cat "$work/bad"
exit "$status"
