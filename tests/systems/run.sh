#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh SYSTEM BUILD_FOLDER: builds the allocator and tests of it for another system, statically,
# and runs them.
#   musl          musl-gcc: a libc whose sbrk always fails, so that all memory is mapped
#   aarch64       a cross compiler and qemu's emulation of a process
#   aarch64_64k   the same with pages of 64 KiB
set -eu

system=$1
build=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tests=$root/tests
work=$build/$system
mkdir -p "$work"

skip()
{
    echo "skipped: $1"
    exit 77
}

emulator=
case $system in
musl)
    compiler=musl-gcc
    package=musl-tools
    # The kernel's headers, which musl does not bring.
    headers="-idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
    headers="$headers -DM_MMAP_THRESHOLD=-3"
    ;;
aarch64*)
    compiler=aarch64-linux-gnu-gcc
    package="gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
    emulator=qemu-aarch64
    headers=-DBRKM_UNWINDER=1
    command -v $emulator >/dev/null || skip "$emulator needs the package qemu-user"
    [ "$system" = aarch64 ] || emulator="$emulator -p 65536"
    ;;
*)
    echo "usage: run.sh musl|aarch64|aarch64_64k BUILD_FOLDER" >&2
    exit 2
    ;;
esac
command -v "$compiler" >/dev/null || skip "$compiler needs the package $package"

flags="-std=gnu11 -g -I$root/include $headers"

# The same options as in cmake/libraries.cmake.
build_allocator()
{
    for source in "$root"/src/*/*.c; do
        # shellcheck disable=SC2086 # the flags are several words
        $compiler $flags -O3 -Wall -Wextra -Werror -fvisibility=hidden -ftls-model=initial-exec \
            -fPIC -fno-omit-frame-pointer -momit-leaf-frame-pointer -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free \
            -I "$root/src" -DBRKM_CHECKED=0 -DBRKM_VALGRIND=0 -c "$source" \
            -o "$work/$(basename "$(dirname "$source")")-$(basename "$source" .c).o"
    done
}

# build_program NAME SOURCE_OR_OPTION...
build_program()
{
    name=$1
    shift
    # shellcheck disable=SC2086 # the flags are several words
    $compiler $flags -O1 -w -fno-builtin -D_GNU_SOURCE -DDOOR_STATIC -I "$work" -static -pthread \
        "$@" "$tests/support/check_eq.c" "$tests/support/door.c" "$work"/*.o -o "$work/$name"
}

status=0

# run_program NAME DOOR ARGUMENT...
run_program()
{
    name=$1
    shift
    # shellcheck disable=SC2086 # the emulator may have options
    if timeout 120 $emulator "$work/$name" "$@" >"$work/$name.log" 2>&1; then
        echo "passed: $name $*"
    else
        echo "failed: $name $*"
        cat "$work/$name.log"
        status=1
    fi
}

# With pages of 64 KiB the emulator does not give back what it is asked to.
contracts()
{
    set -- aligned calloc errno free_sized malloc realloc reallocarray usable_size
    [ "$system" = aarch64_64k ] || set -- "$@" trim
    for body in "$@"; do
        for threads in single threads; do
            build_program "api_${body}_$threads" -DAPI_PREFIXED "$tests/api/test_$body.c" \
                "$tests/api/main_$threads.c" "$tests/api/api.c"
            run_program "api_${body}_$threads" prefixed
        done
    done
}

# An emulator's own memory grows with each thread, so those that watch the process's stay out.
events()
{
    case $system in
    musl) set -- mixture fork_busy exit_busy tsd_destructors short_threads ;;
    *) set -- mixture fork_busy exit_busy foreign_sbrk dirty_break ;;
    esac
    for event in "$@"; do
        build_program "$event" "$tests/interpose/$event.c" "$tests/interpose/busy.c"
        run_program "$event" static
    done
}

# With every block a sample, the profile has the numbers that the program prints of its sites.
profile()
{
    rm -f "$work/heap"
    build_program profile -fno-omit-frame-pointer "$tests/profile/profile.c"
    export BRKMALLOC=profile_interval:1 BRKMALLOC_PROFILE="$work/heap"
    run_program profile static sites
    unset BRKMALLOC BRKMALLOC_PROFILE
    sed -n 's/^[0-9]* site [a-z]* 0x[0-9a-f]* 0x[0-9a-f]* /sample /p' "$work/profile.log" \
        >"$work/expected"
    [ "$(wc -l <"$work/expected")" -eq 3 ] || status=1
    while IFS= read -r numbers; do
        if ! grep -q "^$numbers " "$work/heap"; then
            echo "failed: no \"$numbers\" in the profile:"
            sed '/^mappings/q' "$work/heap"
            status=1
        fi
    done <"$work/expected"
}

build_allocator
contracts
events
profile
exit "$status"
