# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Part of the command `brkmalloc`, which reads it in a source tree: how what a subcommand runs is
# built when it is missing or older than its sources. Uses the words and places of that file.

# ---- What building needs ----

has_header() (
    compiler=$(first_command "${CC:-cc}" cc gcc clang) &&
        printf '#include <%s>\n' "$1" | "$compiler" -E - >/dev/null 2>&1
)

cmake_version()
{
    cmake --version 2>/dev/null | sed -n 's/^cmake version \([0-9][0-9.]*\).*/\1/p'
}

cmake_is_too_old() (
    version=$(cmake_version)
    major=${version%%.*}
    minor=${version#*.}
    minor=${minor%%.*}
    [ -z "$version" ] || [ "$major" -lt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -lt 25 ]; }
)

require_recent_cmake()
{
    ! command -v cmake >/dev/null || ! cmake_is_too_old ||
        fail "cmake 3.25 or newer is needed, but $(command -v cmake) is version $(cmake_version);" \
            "install a newer one (Debian 12, Ubuntu 23.04 and later have it)"
}

# Prints "PACKAGE what it is" for each tool that building preset $1 lacks.
missing_tools() (
    first_command cmake >/dev/null || echo "cmake cmake 3.25 or newer"
    first_command "${CC:-cc}" cc gcc clang >/dev/null || echo "gcc a C compiler"
    has_header stdlib.h || echo "libc6-dev libc's headers"
    first_command make ninja >/dev/null || echo "make make or ninja"
    if [ "$1" != release ]; then
        has_header valgrind/memcheck.h || echo "valgrind valgrind's headers"
    fi
    if [ "$1" = package ]; then
        has_header sys/sdt.h || echo "systemtap-sdt-dev the header of the probes"
    fi
    if [ "$1" = clang ] || [ "$1" = fuzz ]; then
        first_command clang >/dev/null || echo "clang the clang compiler"
    fi
)

require_tools()
{
    require_recent_cmake
    install_missing "$(missing_tools "$1")" || exit
    require_recent_cmake
}

# Installs what the lines "PACKAGE what it is" in $1 name.
install_missing() (
    [ -n "$1" ] || exit 0
    packages=$(printf '%s\n' "$1" | sed 's/ .*//' | tr '\n' ' ')
    packages=${packages% }
    names=$(printf '%s\n' "$1" | sed 's/^[^ ]* //' | paste -s -d , - | sed 's/,/, /g')
    case ${BRKMALLOC_NO_INSTALL-} in
    '' | 0) ;;
    *)
        say "missing: $names (BRKMALLOC_NO_INSTALL is set, so nothing is installed)"
        fail "to install: apt-get install --no-install-recommends $packages"
        ;;
    esac
    command -v apt-get >/dev/null ||
        fail "missing: $names; this system has no apt-get: install them with its package manager"
    say "missing: $names"
    say "installing with apt-get: $packages"
    # shellcheck disable=SC2086 # a list of words
    apt_install $packages || exit
)

# The lines of the file $2 (as tests/packages.txt) whose program, header or library is absent and
# whose first word is $1, as "PACKAGE what it is for".
missing_packages() (
    while read -r need package provides why; do
        [ "$need" = "$1" ] || continue
        case $provides in
        *.h) has_header "$provides" ;;
        *.so.*) has_library "$provides" ;;
        *) command -v "$provides" >/dev/null ;;
        esac || printf '%s %s (%s)\n' "$package" "$package" "${why#\# }"
    done <"$brkm_home/$2"
)

has_library() (
    PATH=$PATH:/usr/sbin:/sbin
    ldconfig -p | grep -q "^[[:space:]]*$1 "
)

# install_wanted FILE PURPOSE OUTCOME: installs what the file names as wanted. What is not to be had
# is named, with the outcome.
install_wanted() (
    outcome=$3
    missing=$(missing_packages want "$1" | sed 's/ .*//' | tr '\n' ' ')
    missing=${missing% }
    [ -n "$missing" ] || exit 0
    case ${BRKMALLOC_NO_INSTALL-} in
    '' | 0) ;;
    *)
        say "not installed, so $outcome: $missing"
        exit 0
        ;;
    esac
    if ! command -v apt-get >/dev/null; then
        say "no apt-get here, so $outcome: $missing"
        exit 0
    fi
    say "installing with apt-get, for the $2: $missing"
    # shellcheck disable=SC2086 # a list of words
    apt_install $missing 2>/dev/null && exit 0
    for package in $missing; do
        apt_install "$package" >/dev/null 2>&1 ||
            say "could not install $package, so $outcome"
    done
)

apt_install() (
    log=$(mktemp "${TMPDIR:-/tmp}/brkmalloc-apt.XXXXXX")
    trap 'rm -f "$log"' EXIT
    if ! apt_get update >"$log" 2>&1; then
        say "apt-get update failed; trying with the package lists that are there"
    fi
    if ! apt_get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*"
    fi
)

apt_get() (
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "you are not root and there is no sudo; as root, run: $*"
        set -- sudo "$@"
    fi
    "$@" </dev/null
)

# ---- Building ----

cores()
{
    getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1
}

# The value of variable $2 in the cmake cache of preset $1.
cached()
{
    sed -n "s/^$2:[A-Z]*=//p" "build/$1/CMakeCache.txt" 2>/dev/null || :
}

# configure PRESET TESTS: TESTS is ON, or OFF to leave a build that has its tests as it is.
configure() (
    preset=$1 tests=$2
    [ "$(cached "$preset" BRKM_TESTS)" != ON ] || tests=ON
    set -- --preset "$preset" "-DBRKM_TESTS=$tests"
    home=$(cached "$preset" CMAKE_HOME_DIRECTORY)
    generator=$(cached "$preset" CMAKE_MAKE_PROGRAM)
    if [ -n "$home" ] && { [ "$home" != "$brkm_home" ] || [ ! -x "$generator" ]; }; then
        set -- --fresh "$@"
    fi
    command -v make >/dev/null || [ -n "${CMAKE_GENERATOR-}" ] || set -- -G Ninja "$@"
    cmake "$@"
)

# compile PRESET TESTS [TARGET]
compile() (
    cd "$brkm_home" || exit 1
    unset MAKEFLAGS MFLAGS MAKELEVEL
    folder=build/$1
    # The stamp's time is that of the start: a file edited meanwhile is newer.
    mkdir -p build && : >"build/$$.stamp" && configure "$1" "$2" &&
        cmake --build "$folder" --parallel "$(cores)" ${3:+--target "$3"} &&
        mv -f "build/$$.stamp" "$folder/brkmalloc.stamp" && exit 0
    rm -f "build/$$.stamp"
    exit 1
)

library_is_fresh() (
    stamp=$brkm_home/build/release/brkmalloc.stamp
    [ -f "$brkm_home/build/release/libbrkmalloc.so" ] && [ -f "$stamp" ] &&
        [ -z "$(find "$brkm_home/src" "$brkm_home/include" "$brkm_home/cmake" \
            "$brkm_home/CMakeLists.txt" "$brkm_home/CMakePresets.json" -newer "$stamp" -print)" ]
)

build_library() (
    require_tools release || exit
    mkdir -p "$brkm_home/build" || exit
    exec 9>"$brkm_home/build/lock"
    ! command -v flock >/dev/null || flock 9
    ! library_is_fresh || exit 0
    say "building the library (a few seconds)"
    log=$brkm_home/build/library.log
    if ! compile release OFF brkmalloc_shared >"$log" 2>&1 </dev/null 9>&-; then
        tail -n 40 "$log" >&2
        fail "the build failed; its whole output is in $log"
    fi
)

# build_part OPTION TARGET WHAT: builds a part of the tree in the release build, beside the library.
build_part() (
    cd "$brkm_home" || exit 1
    unset MAKEFLAGS MFLAGS MAKELEVEL
    log=build/$2.log
    exec 9>build/lock
    ! command -v flock >/dev/null || flock 9
    if ! { cmake "-D$1=ON" build/release &&
        cmake --build build/release --parallel "$(cores)" --target "$2"; } \
        >"$log" 2>&1 </dev/null 9>&-; then
        tail -n 40 "$log" >&2
        fail "the build of $3 failed; its whole output is in $brkm_home/$log"
    fi
)

# ---- What a subcommand runs ----

trace_is_fresh() (
    folder=$brkm_home/build/release/trace
    [ -f "$folder/libbrkmalloc-record.so" ] && [ -x "$folder/brkmalloc-replay" ] &&
        [ -f "$folder/stamp" ] &&
        [ -z "$(find "$brkm_home/trace" "$brkm_home/cmake" "$brkm_home/CMakeLists.txt" \
            -newer "$folder/stamp" -print)" ]
)

# What records and replays, in the release build beside the library, which must be there.
build_trace() (
    trace_is_fresh && exit 0
    stamp=$brkm_home/build/$$.trace-stamp
    : >"$stamp"
    build_part BRKM_TRACE brkmalloc_trace "what records and replays" &&
        mv -f "$stamp" "$brkm_home/build/release/trace/stamp" && exit 0
    rm -f "$stamp"
    exit 1
)

profile_is_fresh() (
    folder=$brkm_home/build/release/profile
    [ -x "$folder/brkmalloc-pprof" ] && [ -f "$folder/stamp" ] &&
        [ -z "$(find "$brkm_home/profile" "$brkm_home/cmake" "$brkm_home/CMakeLists.txt" \
            -newer "$folder/stamp" -print)" ]
)

# What reads heap profiles, in the release build, whose library must be there.
build_profile() (
    profile_is_fresh && exit 0
    stamp=$brkm_home/build/$$.profile-stamp
    : >"$stamp"
    build_part BRKM_PROFILE brkmalloc_pprof "what reads heap profiles" &&
        mv -f "$stamp" "$brkm_home/build/release/profile/stamp" && exit 0
    rm -f "$stamp"
    exit 1
)

ctl_is_fresh() (
    program=$brkm_home/build/release/ctl/brkmalloc-ctl
    [ -x "$program" ] && [ -z "$(find "$brkm_home/ctl" "$brkm_home/cmake" \
        "$brkm_home/CMakeLists.txt" -newer "$program" -print)" ]
)
