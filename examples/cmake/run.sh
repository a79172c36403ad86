#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A CMake project that finds the installed brkmalloc. Where it is installed in a standard place, no
# CMAKE_PREFIX_PATH is needed.
set -eu
. "$(dirname "$0")/../where.sh"
needs cmake cmake

cmake -S "$example" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log"
cmake --build "$work/build" >>"$work/log"
"$work/build/program"
"$work/build/beside"
