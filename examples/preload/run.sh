#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program that knows nothing of brkmalloc runs on it, with and without the command.
set -eu
. "$(dirname "$0")/../where.sh"

# The first line of a process's mappings that names the library, from the path on, which may have blanks.
show='/libbrkmalloc/ { print substr($0, index($0, "/")); exit }'

echo "The object that awk's malloc comes from:"
"$command" run awk "$show" /proc/self/maps

echo "The same by hand, as in a service file or a container's environment:"
LD_PRELOAD=$("$command" lib) awk "$show" /proc/self/maps

echo "Programs that the program starts run on it, too:"
"$command" run sh -c 'sh -c "grep -c libbrkmalloc /proc/self/maps" >/dev/null && echo "they do"'
