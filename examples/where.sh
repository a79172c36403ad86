# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
#
# Sourced by each example's run.sh. Sets
#   work        an empty folder, which goes away at the end
#   prefix      where brkmalloc is installed; a source tree is built and installed into $work first
#   command     the command brkmalloc
#   libraries   the folder of brkmalloc.o, libbrkmalloc.so and so on

# Also defines `needs PROGRAM PACKAGE`, which ends the example with what to do where there is none.

needs()
{
    command -v "$1" >/dev/null && return
    echo "${0%/run.sh}: this example needs $1: apt-get install $2" >&2
    exit 1
}

example=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -f "$example/../../CMakePresets.json" ]; then
    prefix=$work/prefix
    "$example/../../brkmalloc" build >"$work/log" 2>&1 &&
        cmake --install "$example/../../build/release" --prefix "$prefix" >>"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
else # PREFIX/share/doc/brkmalloc/examples/NAME
    prefix=$(cd "$example/../../../../.." && pwd)
fi
command=$prefix/bin/brkmalloc
libraries=$(dirname "$(readlink -f "$("$command" lib)")")
