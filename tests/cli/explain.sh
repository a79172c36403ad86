#!/bin/sh
# SPDX-License-Identifier: MIT
#
# explain.sh COMMAND LIBRARY PROGRAMS CASE CTL: `brkmalloc ctl PID explain`, as installed with what asks
# processes, CTL, beside the library: call sites have the names of functions. cli_peak (peak.c) keeps one
# block while it waits for an interrupt.
# The cases are called by name.
# shellcheck disable=SC2154,SC2317
set -eu
script=$1 library=$2 programs=$3 case=$4 ctl=$5
. "$(dirname "$0")/common.sh"

install_copy "$work/inst"
command=$work/inst/bin/brkmalloc
mkdir -p "$work/inst/libexec/brkmalloc" "$work/a folder"
ln -s "$ctl" "$work/inst/libexec/brkmalloc/brkmalloc-ctl"
program="$work/a folder/cli peak"
cp "$programs/cli_peak" "$program"

# explain PID WORD...
explain()
{
    status=0
    "$command" ctl "$1" explain >"$work/out" 2>"$work/err" || status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
}

case_explain_names()
{
    command -v addr2line >/dev/null || skip "no addr2line here"
    options=control:true,profile:true,profile_interval:1,profile_at_exit:false,mapped_threshold:33554432
    mkfifo "$work/said"
    echo "a line" | BRKMALLOC=$options LD_PRELOAD=$library "$program" interrupted >"$work/said" &
    pid=$!
    trap 'kill -KILL "$pid" 2>/dev/null || :; rm -rf "$work"' EXIT
    read -r line <"$work/said"
    same "the program" "a line" "$line"
    explain "$pid"
    same "status and errors" "0 " "$status $err"
    has "the site, its samples, and callers" "blocks of 1.000 MiB (1 sample) from
" "$out"
    has "the innermost function" "
    make_table at " "$out"
    has "its caller" "
    main at " "$out"
    lacks "addresses where names are known" "/cli peak+0x" "$out"
    lacks "lines for the explanation" "brkmalloc:  " "$out"
    explain_other_build "$pid"
    kill -KILL "$pid"
    explain "$pid"
    same "status without a process" 3 "$status"
    same "its output" "" "$out"
}

# Where another build lies at the path now, its names would be wrong.
explain_other_build()
{
    rm "$program"
    cp "$ctl" "$program"
    explain "$1"
    same "status beside another build" 0 "$status"
    has "the address instead" "/cli peak+0x" "$out"
    lacks "a name" "make_table" "$out"
}

"case_$case"
finish
