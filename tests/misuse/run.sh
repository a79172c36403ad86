#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh CASE_FILE NAME PROGRAM [LIBRARY]: runs one misuse for each of its sizes, LIBRARY preloaded,
# and compares what comes of it with what the first comment of CASE_FILE says. MISUSE_RUNS in the
# environment says how many times, 1 where it is not set: addresses, secrets and what they make of a
# written byte differ from run to run.
#
# There are hundreds of these tests: each starts as few programs as it can.
set -u

file=$1
name=$2
program=$3
library=${4:-}
runs=${MISUSE_RUNS:-1}

case $runs in
'' | *[!0-9]* | 0)
    echo "MISUSE_RUNS is \"$runs\"; it takes a number of runs from 1 on"
    exit 2
    ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC3045 # the shells of Linux have it
ulimit -c 0

# Prints "field_KEY='TEXT'" for each key of the first comment; the text goes to the next key or the
# comment's end.
fields()
{
    awk -v quote="'" '
        /^#include/ { exit }
        { sub(/^(\/\*| \*)\/? ?/, ""); sub(/ ?\*\/$/, "") }
        match($0, /^[A-Z][a-z]+( [a-z]+)?: /) {
            key = substr($0, 1, RLENGTH - 2)
            gsub(/ /, "_", key)
            $0 = substr($0, RLENGTH + 1)
        }
        key != "" && $0 != "" { text[key] = text[key] (text[key] == "" ? "" : " ") $0 }
        END {
            for (key in text) {
                gsub(quote, quote "\\" quote quote, text[key])
                print "field_" key "=" quote text[key] quote
            }
        }' "$file"
}

# Sets bytes to the request that fills a block of size $1 to its last byte.
set_bytes()
{
    case $1 in
    small) bytes=24 ;;
    medium) bytes=3064 ;;
    large) bytes=100008 ;;
    mapped) bytes=1048552 ;;
    guarded) bytes=64 ;;
    page) bytes=$(getconf PAGESIZE) ;;
    none) bytes=0 ;;
    *) echo "no size is called $1" >&2 && exit 1 ;;
    esac
}

# Sets expected to what shall come of size $1: status and message, in the words of the case file.
set_expected()
{
    says=
    eval "says=\${field_Says_$1:-\${field_Says:-}}"
    case $says in
    "segmentation fault") expected=139: ;;
    "segmentation fault: "*) expected="139:brkmalloc: ${says#*: }" ;;
    "") expected=0: ;;
    *) expected="134:brkmalloc: $says" ;;
    esac
}

# In a shell of its own, which keeps what shells say of a signal out of the program's output.
commit()
(
    [ -z "${field_Options:-}" ] || export BRKMALLOC="$field_Options"
    [ -z "$library" ] || export LD_PRELOAD="$library"
    exec "$program" "$name" "$bytes" >"$work/out" 2>"$work/err"
)

# Whether the allocator follows frame pointers there: static programs are linked without the table of the
# unwinder's tables unless asked (-Wl,--eh-frame-hdr). What was called cannot always be told then.
has_no_unwinder()
{
    [ -z "$library" ] && ! readelf -lW "$program" | grep -q GNU_EH_FRAME
}

# The function that the frame $1, FILE+OFFSET, lies in.
function_of()
{
    addr2line -f -e "${1%+*}" "${1##*+}" | head -n 1
}

# judged STATUS UNWINDER: prints what is not as the case file says; or nothing, or where the stack "touched"
# begins. Of what follows the message there shall be the stacks that the case file names; and process,
# program, what found it in the program, and builds, unless it says "Found".
judged()
{
    awk -v status="$1" -v unwinder="$2" -v expected="$expected" -v bytes="$bytes" \
        -v wanted="${field_Stacks:-}" -v outside="${field_Found:-}" -v program="${program##*/}" '
        function place(kind) {
            if (kind != last)
                where = where kind " "
            last = kind
        }
        function stack(kind) { stacks = stacks (stacks == "" ? "" : " ") kind }
        function ends_with(text) {
            return substr($0, length($0) - length(text) + 1) == text
        }
        # A place in the program: "PROGRAM+0x...".
        function in_program() {
            plus = $0
            return sub(/\+0x[0-9a-f]+$/, "", plus) &&
                substr(plus, length(plus) - length("/" program) + 1) == "/" program
        }
        # The words of case files for the address, the size of the block and the place of an instruction.
        function in_words() {
            sub(/ at 0x[0-9a-f]+/, " at ADDRESS")
            if (expected ~ /NUMBER/)
                sub(/\(block of [0-9]+ bytes/, "(block of NUMBER bytes")
            else
                sub("\\(block of " bytes " bytes", "(block of N bytes")
            if (match($0, /called from [^)]*\+0x[0-9a-f]+/) &&
                index($0, "called from " program "+0x") == RSTART)
                $0 = substr($0, 1, RSTART + 11) "PLACE" substr($0, RSTART + RLENGTH)
        }
        NR == 1 { in_words(); found = $0; next }
        touching { touched = $0; sub(/^brkmalloc: +0x[0-9a-f]+ /, "", touched); touching = 0 }
        /^brkmalloc:   process [0-9]+$/ { place("process"); next }
        /^brkmalloc:   program \// { if (ends_with("/" program)) place("program"); next }
        /^brkmalloc:   program / { next }
        /^brkmalloc:   found by thread [0-9]+:$/ { place("found"); next }
        /^brkmalloc:   [a-z]* by thread [0-9]+:$/ {
            stack($2)
            if ($2 == "touched") { place("found"); touching = 1 }
            next
        }
        /^brkmalloc:     0x[0-9a-f]+ .*\+0x[0-9a-f]+$/ { if (in_program()) place("frame"); next }
        /^brkmalloc:     0x[0-9a-f]+ [?]$/ { next }
        /^brkmalloc:   build [0-9a-f]+ of / {
            if (length($3) >= 16 && ends_with("/" program)) place("build")
            next
        }
        /^brkmalloc:   [0-9]+ bytes? (before|behind) the (start|end) of the block at 0x/ { next }
        /^[a-z]*$/ { next }
        { stack($0) }
        END {
            found = status ":" found
            if (!unwinder)
                sub(/called from [^)]*\)/, "called from ?)", expected)
            if (found != expected)
                print "expected, found (status:standard error):\n" expected "\n" found
            if (stacks != wanted)
                print "stacks: expected \"" wanted "\", found \"" stacks "\""
            told = where ~ /^process program found frame build / ||
                (outside != "" && where == "process program found ")
            if (expected ~ /^(134:|139:.)/ && !told)
                print "what is told of the place: " where
            if (wanted ~ /^touched/)
                print "touched " touched
        }' "$work/err"
}

# run_once SIZE: true when what shall come of it came of it
run_once()
{
    commit 2>/dev/null
    status=$?
    wrong=$(judged "$status" 1)
    case $wrong in
    expected*) ! has_no_unwinder || wrong=$(judged "$status" '') ;;
    esac
    case $wrong in
    "touched "*) [ "$(function_of "${wrong#* }")" != "$name" ] || wrong='' ;;
    esac
    [ ! -s "$work/out" ] || wrong="$wrong
there is standard output"
    [ -n "$wrong" ] || return 0
    echo "$1 block: $wrong"
    cat "$work/err" "$work/out"
    return 1
}

if ! grep -q '^ \* Says\|^ \* Not caught' "$file"; then
    echo "$file does not tell what comes of it"
    exit 1
fi
eval "$(fields)"
failed=0
for size in ${field_Sizes:-small}; do
    set_bytes "$size"
    set_expected "$size"
    good=0
    run=0
    while [ "$run" -lt "$runs" ]; do
        run_once "$size" && good=$((good + 1))
        run=$((run + 1))
    done
    [ "$runs" -eq 1 ] || echo "$size block: $good of $runs runs"
    [ "$good" -eq "$runs" ] || failed=1
done
exit "$failed"
