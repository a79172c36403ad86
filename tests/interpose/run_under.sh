#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs a preloaded and a static program under circumstances that change where the break is, how much
# memory there is, or what the process starts with. The first comment of each is its description in
# docs/compatibility.md.
# Usage: run_under.sh HOW LIBRARY DYNAMIC_PROGRAM STATIC_PROGRAM
set -eu

how=$1
library=$2
dynamic=$3
static=$4

skip() {
    echo "skipped: $1"
    exit 77
}

# Both programs behind the command in "$@".
both() {
    "$@" env "LD_PRELOAD=$library" "$dynamic" preload
    "$@" "$static" static
}

case $how in
loader)
    # Started through ld.so: the kernel then places the break elsewhere.
    loader=$(readelf -l "$dynamic" | sed -n 's/.*program interpreter: \(.*\)\].*/\1/p')
    [ -x "$loader" ] || skip "no program interpreter found"
    "$loader" --preload "$library" "$dynamic" preload
    env "LD_PRELOAD=$library" "$loader" "$dynamic" preload
    ;;
no_randomisation)
    # Addresses are not randomised, and the break begins where the program ends.
    setarch -R true 2>/dev/null || skip "setarch -R is refused here"
    both setarch -R
    ;;
address_limit)
    # At most 600 MB of address space (RLIMIT_AS).
    both prlimit --as=600000000
    ;;
data_limit)
    # At most 400 MB of data (RLIMIT_DATA).
    both prlimit --data=400000000
    ;;
unlimited_stack)
    # No limit for the stack: mappings are laid out upwards, starting near the break.
    prlimit --stack=unlimited true 2>/dev/null || skip "the stack's limit cannot be raised here"
    both prlimit --stack=unlimited
    ;;
small_stack)
    # A stack of 256 KiB.
    both prlimit --stack=262144
    ;;
no_environment)
    # No environment variables at all.
    both env -i
    ;;
closed_streams)
    # Standard input, output and error are closed.
    "$static" static <&- >&- 2>&-
    LD_PRELOAD=$library "$dynamic" preload <&- >&- 2>&-
    ;;
*)
    echo "unknown circumstance $how" >&2
    exit 2
    ;;
esac
