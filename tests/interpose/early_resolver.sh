#!/bin/sh
# SPDX-License-Identifier: MIT
#
# early_resolver.sh PROGRAM [LIBRARY]: PROGRAM allocates where nothing is relocated yet, or before
# there is any thread-local storage. It ends with a message.
set -u

program=$1
library=${2:-}
expected='134:brkmalloc: memory asked for before the program is relocated'

# shellcheck disable=SC3045 # the shells of Linux have it
ulimit -c 0
# The shell's own word on the signal goes to its standard error, not to the program's.
found=$( (env ${library:+"LD_PRELOAD=$library"} "$program" static 2>&1; echo "$?") 2>/dev/null)
found=$(echo "$found" | tail -n 1):$(echo "$found" | head -n 1)
if [ "$found" != "$expected" ]; then
    printf 'expected: %s\nfound:    %s\n' "$expected" "$found"
    exit 1
fi
