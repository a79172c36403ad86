#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A program that knows nothing of brkmalloc runs on it, with and without the command.
set -eu
. "$(dirname "$0")/../where.sh"

echo "The object that awk's malloc comes from:"
"$command" run awk '/libbrkmalloc/ { print $6; exit }' /proc/self/maps

echo "The same by hand, as in a service file or a container's environment:"
LD_PRELOAD=$("$command" lib) awk '/libbrkmalloc/ { print $6; exit }' /proc/self/maps

echo "Programs that the program starts run on it, too:"
"$command" run sh -c 'sh -c "grep -c libbrkmalloc /proc/self/maps" >/dev/null && echo "they do"'
