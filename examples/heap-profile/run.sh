#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program that leaks: the report at its exit names where, and the profile says what was asked for.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

# -rdynamic: the report has the names of the program's functions; without it addresses for addr2line.
cc -g -O1 -fno-inline -rdynamic "$example/main.c" -o "$work/program"

echo "What is still in use when it exits:"
status=0
BRKMALLOC=profile_leaks:true,profile_leaks_exit_status:23 \
    "$command" run "$work/program" 2>"$work/leaks" || status=$?
cat "$work/leaks"
echo "exit status $status"

echo
echo "The heap profile, one in 64 KiB sampled:"
BRKMALLOC=profile_interval:64k BRKMALLOC_PROFILE="$work/%e.heap" "$command" run "$work/program"
sed '/^objects/q' "$work/program.heap"
