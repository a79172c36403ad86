#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A cache whose memory stays after evictions, since single values pin its pages; then it moves them.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

cc -O2 "$example/main.c" -I"$prefix/include" -L"$libraries" -Wl,-rpath,"$libraries" -lbrkmalloc \
    -o "$work/program"
"$work/program"
