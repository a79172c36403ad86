#!/bin/sh
# SPDX-License-Identifier: MIT
#
# explain.sh COMMAND PROGRAM LIBRARY: `brkmalloc explain` names the functions in the message of a double
# free, takes names from no other build and says so.
set -u

command=$1 program=$2 library=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck disable=SC3045 # the shells of Linux have it
ulimit -c 0
if ! command -v addr2line >/dev/null || ! command -v readelf >/dev/null; then
    echo "skipped: no addr2line or readelf here"
    exit 77
fi

status=0
fail()
{
    echo "FAILED: $1"
    shift
    cat "$@"
    status=1
}

cp "$program" "$work/misuse"
(exec env LD_PRELOAD="$library" "$work/misuse" double_free_at_once 24 2>"$work/message") 2>/dev/null
grep -q '^brkmalloc: double free at ' "$work/message" || fail "no message" "$work/message"

"$command" explain <"$work/message" >"$work/explained" || fail "its status" "$work/explained"
grep -v '^brkmalloc:       ' "$work/explained" | cmp -s - "$work/message" ||
    fail "the message itself has changed" "$work/explained"
grep -q '^brkmalloc:       [a-z_]*free[a-z_]*\( at .*\)\{0,1\}$' "$work/explained" ||
    fail "the function that found it is not named" "$work/explained"
# The misuse itself may be left by a jump.
grep -q '^brkmalloc:       main\( at .*\/misuse\.c:[0-9]*\)\{0,1\}$' "$work/explained" ||
    fail "the program's function is not named" "$work/explained"

# Without the libraries' part, whose names take long to find.
grep -v '\.so' "$work/message" >"$work/short"

# In a log, with words in front, from a file.
sed 's/^/Nov 28 host misuse[7]: /' "$work/short" >"$work/log"
"$command" explain "$work/log" >"$work/explained"
grep -q '^brkmalloc:       main' "$work/explained" ||
    fail "the message in a log is not understood" "$work/explained"

sed "s/\(brkmalloc:   build \)[0-9a-f]* \(of .*\/misuse\)$/\10123456789abcdef0123 \2/" "$work/short" |
    "$command" explain >"$work/explained"
grep -q "^brkmalloc:       ? $work/misuse is another build here than the one that ran$" "$work/explained" ||
    fail "another build is not told" "$work/explained"
! grep -q "^brkmalloc:       main" "$work/explained" || fail "another build gives names" "$work/explained"

grep -v 'build' "$work/short" | "$command" explain >"$work/explained"
grep -q 'main.* (perhaps: the message has no build id of the file)$' "$work/explained" ||
    fail "what cannot be checked is not told" "$work/explained"

rm "$work/misuse"
"$command" explain "$work/short" >"$work/explained"
grep -q "^brkmalloc:       ? $work/misuse cannot be read here$" "$work/explained" ||
    fail "a file that is gone is not told" "$work/explained"
"$command" explain "$work/none" >"$work/explained" 2>&1 && fail "a message that is not there" "$work/explained"
exit "$status"
