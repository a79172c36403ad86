#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A server whose memory stays: which call site's blocks pin it, by two commands and without a restart.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

cc -g -O1 -fno-inline "$example/main.c" -o "$work/server"
mkfifo "$work/input" "$work/output"
BRKMALLOC=control:true "$command" run "$work/server" <"$work/input" >"$work/output" &
server=$!
exec 3>"$work/input" 4<"$work/output"
read -r state <&4
echo "The server is $state; for two seconds it is noted who allocates:"
"$command" ctl "$server" profile --seconds 2 --interval 16384 -o "$work/server.heap" >"$work/profile"
read -r state <&4
"$command" ctl "$server" trim >"$work/trimmed"
echo "The server is $state, and what can go back went. Where its memory is, and what pins it:"
"$command" ctl "$server" explain >"$work/said"
awk 'NR <= 3 || $1 == "live" || $1 == "free" || $1 == "pinned"' "$work/said"
sed -n '/^By call site/,/ main at /p' "$work/said"
exec 3>&-
wait "$server"
