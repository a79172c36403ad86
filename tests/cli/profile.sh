#!/bin/sh
# SPDX-License-Identifier: MIT
#
# profile.sh COMMAND LIBRARY PROGRAMS CASE READER: `brkmalloc profile`, as installed with the reader of
# profiles beside the library. cli_peak (peak.c) has 32 MiB in use in the middle of its run.
# The cases are called by name.
# shellcheck disable=SC2154,SC2317
set -eu
script=$1 library=$2 programs=$3 case=$4 reader=$5
. "$(dirname "$0")/common.sh"

install_copy "$work/inst"
command=$work/inst/bin/brkmalloc
mkdir -p "$work/inst/libexec/brkmalloc" "$work/a folder" "$work/100 %p"
ln -s "$reader" "$work/inst/libexec/brkmalloc/brkmalloc-pprof"
program=$programs/cli_peak

# try_profile WORD...: with a line on standard input, in the folder.
try_profile()
{
    status=0
    (cd "$work/a folder" && echo "a line" | "$command" profile "$@" >"$work/out" 2>"$work/err") || status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
}

files()
{
    (cd "$1" && find . -type f -o -name 'brkmalloc-profile.*') | sed 's/[.][0-9]*[.]1[.]heap/.PID.heap/' | sort | paste -s -d ' ' -
}

case_profile_program()
{
    try_profile "$program"
    same "status" 3 "$status"
    same "standard output" "a line" "$out"
    has "the peak" " in use at the peak" "$err"
    has "the largest place, with its callers" " in 2 blocks (" "$err"
    has "the largest place, with its callers" "): make_table  peak.c:" "$err"
    has "the largest place, with its callers" "    load  peak.c:" "$err"
    same "files" "./cli_peak.PID.heap ./cli_peak.PID.heap.svg" "$(files "$work/a folder")"
    for part in "profile" "flame graph"; do
        path=$(echo "$err" | sed -n "s/^brkmalloc: $part: //p")
        same "folder of the $part" "$work/a folder" "${path%/*}"
        [ -s "$path" ] || same "$part" "a file" "$path"
    done
    has "the flame graph" "make_table" "$(cat "$path")"
    mebibytes=$(echo "$err" | sed -n 's/^inuse_space: \([0-9]*\).*MiB in use at the peak.*/\1/p')
    [ "${mebibytes:-0}" -ge 30 ] && [ "$mebibytes" -le 36 ] || same "MiB at the peak" "about 33" "$mebibytes"
    try_profile -o "$work/100 %p" -- "$program"
    same "status with -o" 3 "$status"
    same "files with -o" "./cli_peak.PID.heap ./cli_peak.PID.heap.svg" "$(files "$work/100 %p")"
}

# A key that interrupts the program does not keep its profile from being shown.
case_profile_interrupted()
{
    env --default-signal=INT true 2>/dev/null || skip "env cannot set signals to their default"
    mkfifo "$work/fifo"
    env --default-signal=INT setsid "$command" profile -o "$work/a folder" "$program" interrupted \
        >"$work/out" 2>"$work/err" <"$work/fifo" &
    process=$!
    echo "a line" >"$work/fifo"
    for _ in $(seq 300); do
        ! grep -qs "a line" "$work/out" || break
        sleep 0.1
    done
    kill -s INT -- "-$process"
    status=0
    wait "$process" || status=$?
    same "status of a program that handles the interrupt" 4 "$status"
    has "what is shown after the interrupt" "make_table" "$(cat "$work/err")"
}

# The process with the highest peak is shown; what has little beside it leaves nothing.
case_profile_processes()
{
    try_profile sh -c "'$program'; true && cat /dev/null && exit 9"
    same "status" 9 "$status"
    same "files" "./cli_peak.PID.heap ./cli_peak.PID.heap.svg" "$(files "$work/a folder")"
    rm -f "$work/a folder"/*
    try_profile sh -c "'$program' & '$program' & wait"
    same "files of two alike" "./cli_peak.PID.heap ./cli_peak.PID.heap ./cli_peak.PID.heap.svg" \
        "$(files "$work/a folder")"
    has "the second is named" "brkmalloc: profile of another process: $work/a folder/cli_peak." "$err"
    rm -f "$work/a folder"/*
    try_profile "$program" child
    same "status of a child" 3 "$status"
    same "files of a child" "./cli_peak.PID.heap ./cli_peak.PID.heap.svg" "$(files "$work/a folder")"
}

case_profile_options()
{
    try env BRKMALLOC=profile_interval:1 "$command" profile -o "$work" "$program"
    lacks "every block" "estimated" "$err"
    has "every block" "MiB in use at the peak" "$err"
    try env BRKMALLOC=profile_interval:1g "$command" profile -o "$work" cat /dev/null
    same "status of a program that allocates little" 0 "$status"
    has "nothing sampled" "BRKMALLOC=profile_interval:1" "$err"
    fake_tool "$work/browser" <<'END'
echo "$1" >"$OPENED"
END
    try env BROWSER="$work/browser" OPENED="$work/opened" "$command" profile --open -o "$work" "$program"
    same "status with --open" 3 "$status"
    same "what is opened" "$(echo "$err" | sed -n 's/^brkmalloc: flame graph: //p')" "$(cat "$work/opened")"
    mkdir "$work/path"
    for name in awk cat cksum dirname find grep head id ldconfig ln mkdir mktemp mv od paste readlink rm sed sh sort \
        stat tail tr uname; do
        path=$(command -v "$name") && ln -s "$path" "$work/path/$name"
    done
    try env -u BROWSER PATH="$work/path" "$command" profile --open -o "$work" "$program"
    same "status without a browser" 3 "$status"
    has "message without a browser" "there is no xdg-open here" "$err"
}

case_profile_errors()
{
    try "$command" profile "$work/none"
    same "status of no program" 127 "$status"
    has "message of no program" "$work/none: not found" "$err"
    try "$command" profile -o "$work/none" "$program"
    same "status of no folder" 1 "$status"
    has "message of no folder" "there is no folder $work/none" "$err"
    if [ -x "$programs/cli_static" ]; then
        try "$command" profile -o "$work" "$programs/cli_static"
        same "status of a static program" 1 "$status"
        has "message" "profile: $programs/cli_static will not run on brkmalloc: it is statically linked" "$err"
    fi
    try_profile "$program" killed
    same "status of a killed program" 143 "$status"
    has "message" "(here by SIGTERM)" "$err"
    same "files of a killed program" "" "$(files "$work/a folder")"
    try env BRKMALLOC=profile_growth:8m "$command" profile -o "$work/a folder" "$program" killed
    same "status of a killed program" 143 "$status"
    has "profile by growth" "make_table" "$err"
    rm "$work/inst/libexec/brkmalloc/brkmalloc-pprof"
    try "$command" profile -o "$work" "$program"
    same "status without the reader" 1 "$status"
    has "message without the reader" "libdw-dev" "$err"
    same "standard output without the reader" "" "$out"
    for arguments in "profile" "profile --" "profile --frobnicate true" "profile -o"; do
        # shellcheck disable=SC2086 # split into arguments
        refuses_usage $arguments
    done
    try "$command" profile --help
    same "status of --help" 0 "$status"
    has "help" "usage: brkmalloc profile" "$out"
}

"case_$case"
finish
