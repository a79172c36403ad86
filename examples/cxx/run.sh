#!/bin/sh
# SPDX-License-Identifier: MIT
#
# new, delete and containers on brkmalloc, in a program that is linked with it.
set -eu
. "$(dirname "$0")/../where.sh"
needs c++ g++

c++ -std=c++17 -I "$prefix/include" "$example/main.cc" "$libraries/brkmalloc.o" -o "$work/program"
"$work/program"
