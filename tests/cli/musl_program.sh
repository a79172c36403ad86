#!/bin/sh
# SPDX-License-Identifier: MIT
#
# musl_program.sh COMMAND LIBRARY PROGRAMS CASE: programs of musl, another libc: the library runs there,
# too, whether `brkmalloc run` starts them or a session that is preloaded; a library that was built for
# musl is taken where there is one; and what a program's loader cannot load is said and left out.
# shellcheck disable=SC2016,SC2034,SC2154
set -eu
script=$1 library=$2 programs=$3 case=$4
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"

command -v musl-gcc >/dev/null || skip "no musl-gcc (package musl-tools)"
install_copy "$work/inst"
command=$work/inst/bin/brkmalloc
program=$work/program
musl-gcc -O1 -D_GNU_SOURCE -o "$program" "$here/musl_program.c"

case_musl_program()
{
    try "$program"
    same "status alone" 8 "$status"
    try "$command" run "$program"
    same "status" 7 "$status"
    same "standard error" "" "$err"
    try env LD_PRELOAD="$library" sh -c "$program"
    same "status in a preloaded session" 7 "$status"
    same "standard error" "" "$err"
    for options in hardened:true guard_sample:50 background:true,control:true \
        profile:true,profile_interval:1000; do
        try env BRKMALLOC="$options" BRKMALLOC_PROFILE="$work/%p.heap" "$command" run "$program"
        same "status with $options" 7 "$status"
        same "standard error with $options" "" "$err"
    done
    same "profiles" 4 "$(find "$work" -name '*.heap' | wc -l)"
    try env BRKMALLOC=stats_at_exit:true "$command" run "$program"
    has "statistics" "brkmalloc: statistics of process " "$err"
}

case_musl_library()
{
    folder=$work/inst/lib/$(uname -m)-linux-musl
    mkdir -p "$folder"
    cp -L "$library" "$folder/libbrkmalloc.so"
    # Its path is seen in the environment of a shell of musl, that is, of a program that prints it.
    printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' \
        'int main(void) { return puts(getenv("LD_PRELOAD")) < 0; }' >"$work/print.c"
    musl-gcc -O1 -o "$work/print" "$work/print.c"
    try "$command" run "$work/print"
    same "preloaded into a program of musl" "$folder/libbrkmalloc.so" "$out"
    try "$command" run sh -c 'echo "$LD_PRELOAD"'
    same "preloaded into another" "$work/inst/lib/libbrkmalloc.so" "$out"
}

# The library needs what neither libc has.
case_not_loadable()
{
    printf '%s\n' '#include <stdlib.h>' 'extern int no_such_function(void);' \
        'int needed(void) { return no_such_function() + rand(); }' >"$work/broken.c"
    for compiler in musl-gcc cc; do
        $compiler -O1 -o "$work/seven" "$here/static.c"
        cc -shared -fPIC -Wl,-z,now -o "$work/broken.so" "$work/broken.c"
        rm -f "$work/inst/lib/libbrkmalloc.so"
        cp "$work/broken.so" "$work/inst/lib/libbrkmalloc.so"
        try "$work/seven"
        expected=$status
        try "$command" run "$work/seven"
        same "status of a program of $compiler" "$expected" "$status"
        has "warning for it" "cannot load" "$err"
        has "warning for it" "no_such_function" "$err"
    done
}

"case_$case"
finish
