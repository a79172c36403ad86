#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Where brkmalloc puts small, large, page-aligned and mapped blocks.
set -eu
. "$(dirname "$0")/../where.sh"
needs cc gcc

cc "$example/main.c" -o "$work/program"
"$command" run "$work/program"
