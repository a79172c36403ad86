#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Statistics from inside the program, and from outside of it at its end.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

cc "$example/main.c" -o "$work/program"
"$command" run --stats "$work/program" 2>"$work/statistics"

echo "What --stats printed to standard error when it ended:"
cat "$work/statistics"
