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
debugger)
    # In gdb, which calls malloc and free in the stopped program.
    command -v gdb >/dev/null || skip "no gdb here"
    for door in preload static; do
        program=$dynamic
        [ "$door" = preload ] || program=$static
        said=$(gdb -nx -q -batch -ex 'set confirm off' -ex 'set startup-with-shell off' \
            -ex "set environment LD_PRELOAD $([ "$door" = static ] || echo "$library")" \
            -ex 'break churn' -ex 'run' -ex 'delete' \
            -ex 'set $block = ((void *(*)(unsigned long))malloc)(1000)' \
            -ex 'print $block != 0' -ex 'call ((void (*)(void *))free)($block)' \
            -ex 'continue' --args "$program" "$door" 2>&1) || :
        case $said in
        *ptrace:*) skip "tracing is refused here" ;;
        *'$1 = 1'*'exited normally'*) ;;
        *) echo "$said" && exit 1 ;;
        esac
    done
    ;;
valgrind)
    # On valgrind's processor; the preloaded program under memcheck, without its own malloc.
    command -v valgrind >/dev/null || skip "no valgrind here"
    # memcheck takes fresh memory of the break, which is zero, for undefined.
    valgrind --quiet --error-exitcode=9 --trace-children=yes --soname-synonyms=somalloc=nothing \
        --undef-value-errors=no env "LD_PRELOAD=$library" "$dynamic" preload
    valgrind --quiet --tool=none "$static" static
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
