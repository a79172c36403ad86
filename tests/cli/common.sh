# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154
#
# What the tests of the command share. Sourced with these set: script (the command to test), library
# (a built libbrkmalloc.so), programs (the folder of the programs built for these tests).

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
failures=0
unset LD_PRELOAD BRKMALLOC BRKMALLOC_NO_INSTALL XDG_CACHE_HOME CMAKE_GENERATOR
export HOME="$work/home"
mkdir "$HOME"

finish()
{
    [ "$failures" -eq 0 ] || echo "$failures checks failed"
    [ "$failures" -eq 0 ]
    exit
}

skip()
{
    echo "skipped: $*"
    exit 77
}

# same WHAT EXPECTED FOUND
same()
{
    if [ "$2" != "$3" ]; then
        printf '%s:\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

# has WHAT PART TEXT: TEXT contains PART.
has()
{
    case $3 in
    *"$2"*) ;;
    *) same "$1" "...$2..." "$3" ;;
    esac
}

# lacks WHAT PART TEXT
lacks()
{
    case $3 in
    *"$2"*) same "$1" "no '$2'" "$3" ;;
    esac
}

# try COMMAND...: runs it and leaves out, err and status.
try()
{
    status=0
    "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
}

# refuses_usage ARGUMENT...: the command answers with its usage, naming a word "frobnicate".
refuses_usage()
{
    try "$command" "$@"
    same "status of 'brkmalloc $*'" 2 "$status"
    has "standard error" "usage: brkmalloc" "$err"
    same "standard output" "" "$out"
    case $* in
    *frobnicate*) has "standard error" "frobnicate" "$err" ;;
    esac
}

# Installs the command and the library under the folder $1, the library in its folder $2 (lib).
install_copy()
{
    mkdir -p "$1/bin" "$1/${2:-lib}"
    cp "$script" "$1/bin/brkmalloc"
    cp -L "$library" "$1/${2:-lib}/libbrkmalloc.so"
}

# Makes the folder $1/tree a source tree as far as the command can tell, and the folder $1/tools a
# PATH in which there is nothing to build with: only what a minimal system has, and a fake apt-get
# that brings fake build tools and writes down how it was called.
make_sandbox()
{
    sandbox=$1
    tree=$1/tree tools=$1/tools
    mkdir -p "$1/tmp" "$tools" "$tree/src" "$tree/include/brkmalloc" "$tree/cmake" "$tree/tests"
    cp "$script" "$tree/brkmalloc"
    cp -R "$(dirname "$script")/command" "$tree"
    : >"$tree/CMakeLists.txt"
    : >"$tree/CMakePresets.json"
    : >"$tree/include/brkmalloc/brkmalloc.h"
    : >"$tree/src/source.c"
    cp "$(dirname "$0")/../packages.txt" "$(dirname "$0")/../full-only.txt" "$tree/tests"
    for folder in profile report trace bench ctl compare; do
        mkdir "$tree/$folder"
        echo "# nothing" >"$tree/$folder/packages.txt"
    done
    find "$tree" -exec touch -d '1 hour ago' {} +
    for name in awk bash cat chmod cksum cp cut dash date dirname echo env find flock getconf grep \
        head id ln ls mkdir mktemp mv od paste printf readlink rm rmdir sed sh sleep stat tail touch tr \
        true uname wc; do
        for folder in /usr/bin /bin; do
            if [ -x "$folder/$name" ] && [ ! -e "$tools/$name" ]; then
                ln -s "$folder/$name" "$tools/$name"
            fi
        done
    done
    fake_tool "$tools/apt-get" <<'END'
echo "apt-get $*" >>"$SANDBOX/apt.log"
echo "this must not be seen on standard output"
case " $* " in
*" --assume-no "*)
    echo "After this operation, 123 MB of additional disk space will be used."
    exit 1
    ;;
*" update "*) exit "${FAKE_UPDATE_STATUS:-0}" ;;
*" install "*)
    [ "${FAKE_INSTALL_STATUS:-0}" -eq 0 ] || exit "$FAKE_INSTALL_STATUS"
    for tool in cmake cc c++ make; do
        cp "$SANDBOX/fakes/$tool" "$SANDBOX/tools/$tool"
    done
    ;;
esac
END
    mkdir "$sandbox/fakes"
    # Preprocesses and says yes to any header; MISSING_HEADER is one that is not there.
    fake_tool "$sandbox/fakes/cc" <<'END'
! grep -q "<${MISSING_HEADER:-none}>"
END
    for name in gcc c++ g++ make nm pkg-config; do
        cp "$sandbox/fakes/cc" "$sandbox/fakes/$name"
    done
    fake_tool "$sandbox/fakes/cmake" <<'END'
echo "cmake $*" >>"$SANDBOX/cmake.log"
case $1 in
--version) echo "cmake version ${FAKE_CMAKE_VERSION:-3.25.1}" ;;
--build)
    echo "the fake build's output"
    [ "${2#build/}" != "${FAKE_BROKEN_PRESET:-none}" ] || exit 1
    mkdir "$SANDBOX/at_work" || exit 1
    sleep "${FAKE_BUILD_SECONDS:-0}"
    cp "$LIBRARY" "$2/libbrkmalloc.so"
    for product in ctl/brkmalloc-ctl profile/brkmalloc-pprof report/brkmalloc-report report/brkmalloc-map report/brkmalloc-compare trace/brkmalloc-replay; do
        mkdir -p "$2/${product%/*}"
        printf '#!/bin/sh\necho %s\n' "$product" >"$2/$product"
        chmod +x "$2/$product"
    done
    cp "$LIBRARY" "$2/trace/libbrkmalloc-record.so"
    rmdir "$SANDBOX/at_work"
    ;;
*)
    fresh=
    for word in "$@"; do
        case $word in
        --fresh) fresh=yes ;;
        --preset) ;;
        -*) ;;
        *)
            mkdir -p "build/$word"
            cache=build/$word/CMakeCache.txt
            if [ -f "$cache" ] && [ -z "$fresh" ] && ! grep -q -x "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
                echo "CMake Error: the cache is of another folder"
                exit 1
            fi
            printf '%s\n' "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "CMAKE_MAKE_PROGRAM:FILEPATH=$SANDBOX/tools/make" >"$cache"
            ;;
        esac
    done
    ;;
esac
END
    # Writes the report of four tests, of which each build passes two.
    fake_tool "$sandbox/fakes/ctest" <<'END'
echo "ctest $*" >>"$SANDBOX/ctest.log"
while [ $# -gt 0 ]; do
    case $1 in
    --output-junit) junit=$2 ;;
    --output-log) log=$2 ;;
    esac
    shift
done
if [ -n "${FAKE_CTEST_INTERRUPTED-}" ]; then
    printf '%s\n' '1/4 Test #1: unit.a ....   Passed    0.01 sec' '2/4 Test #2: unit.b ...***Failed  0.1 sec' \
        '3/4 Test #3: unit.c ....***Skipped   0.00 sec' >"$log"
    kill -INT "$PPID"
    sleep 0.2
    exit 130
fi
[ -z "${FAKE_REPORT-}" ] || cat "$FAKE_REPORT" >"$junit"
exit "${FAKE_CTEST_STATUS:-0}"
END
}

# fake_tool FILE: makes it a script of what stands on standard input.
fake_tool()
{
    {
        echo '#!/bin/sh'
        cat
    } >"$1"
    chmod +x "$1"
}

bring_fake_tools()
{
    for tool in cmake cc gcc c++ g++ make nm pkg-config ctest; do
        cp "$sandbox/fakes/$tool" "$tools/$tool"
    done
}

# in_sandbox [NAME=VALUE...] COMMAND...: tries it where there is nothing but the sandbox's tools.
in_sandbox()
{
    try env -i PATH="$tools" HOME="$HOME" TMPDIR="$sandbox/tmp" SANDBOX="$sandbox" \
        LIBRARY="$library" "$@"
}

log_of()
{
    cat "$sandbox/$1.log" 2>/dev/null || :
}
