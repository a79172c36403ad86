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
    if [ "$1" = clang ] || [ "$1" = fuzz ]; then
        first_command clang >/dev/null || echo "clang the clang compiler"
    fi
)

require_tools()
{
    (require_writable_builds "$1") || exit
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
        /*) has_file "$provides" ;;
        *) command -v "$provides" >/dev/null ;;
        esac || printf '%s %s (%s)\n' "$package" "$package" "${why#\# }"
    done <"$brkm_home/$2"
)

# has_file PATTERN: with the name's unusual characters as for the shell.
has_file() (
    for file in $1; do
        [ ! -e "$file" ] || exit 0
    done
    exit 1
)

has_library() (
    PATH=$PATH:/usr/sbin:/sbin
    ldconfig -p | grep -q "^[[:space:]]*$1 "
)

# install_wanted FILE PURPOSE OUTCOME [KIND]: installs what the file names as wanted, or as that kind.
# What is not to be had is named, with the outcome.
install_wanted() (
    outcome=$3
    missing=$(missing_packages "${4:-want}" "$1" | sed 's/ .*//' | tr '\n' ' ')
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
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail "you are not root and there is no sudo; as root, run: apt-get install --no-install-recommends $*"
    fi
    log=$(mktemp "${TMPDIR:-/tmp}/brkmalloc-apt.XXXXXX")
    trap 'rm -f "$log"' EXIT
    if ! apt_get update >"$log" 2>&1; then
        say "apt-get update failed; trying with the package lists that are there"
    fi
    size=$(LC_ALL=C apt-get -o Debug::NoLocking=true --assume-no --no-install-recommends install "$@" \
        2>/dev/null | sed -n 's/^After this operation, \(.*\) of additional disk space.*/\1/p')
    [ -z "$size" ] || say "this takes $size of disk space"
    if ! apt_get install -y --no-install-recommends "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*"
    fi
)

apt_get() (
    set -- env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
    [ "$(id -u)" -eq 0 ] || set -- sudo "$@"
    "$@" </dev/null
)

# ---- The folder of the builds ----

# Fails, with what to do, when a build in build/PRESET could not write its files.
require_writable_builds() (
    preset=$1
    cd "$brkm_home" || exit 1
    if [ -d build ]; then
        set -- build
        [ ! -d "build/$preset" ] || set -- "$@" "build/$preset"
        file=$(find "$@" -maxdepth 1 ! -type l ! -writable -print 2>/dev/null | head -n 1)
    else
        file=$(find . -maxdepth 0 ! -writable -print 2>/dev/null)
    fi
    [ -n "$file" ] || exit 0
    owner=$(stat -c %U "$file")
    reason="it belongs to $owner"
    [ "$owner" != "$(id -un)" ] || reason="it is read-only"
    fail "cannot build here: $brkm_home/${file#./} cannot be written, $reason." \
        "Copy the source tree to a folder of your own and use the command there," \
        "or have $owner run '$brkm_home/brkmalloc build'"
)

# in_builds PRESET COMMAND ARGUMENT...: runs the command in the source tree as the only one that
# builds there. Every build of every subcommand goes this way.
in_builds() (
    require_writable_builds "$1" || exit
    shift
    cd "$brkm_home" && mkdir -p build || exit
    exec 9>build/lock
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another build in $brkm_home/build"
        flock 9
    fi
    "$@"
)

# logged NAME COMMAND ARGUMENT...: its output goes to a file, the end of which is shown when it fails.
logged() (
    log=build/$1.log
    shift
    "$@" >"$log" 2>&1 </dev/null && exit 0
    tail -n 60 "$log" >&2
    fail "the build failed; its whole output is in $brkm_home/$log"
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

# configure PRESET [-DOPTION=VALUE]...: what an earlier build has in addition, it keeps. A build whose
# source tree was moved, or whose generator is gone, begins anew.
configure() (
    preset=$1
    shift
    options='' fresh=''
    for option in BRKM_TESTS BRKM_BENCH; do
        value=$(cached "$preset" $option)
        options="$options -D$option=${value:-OFF}"
    done
    home=$(cached "$preset" CMAKE_HOME_DIRECTORY)
    if [ -n "$home" ] && { [ "$home" != "$brkm_home" ] ||
        [ ! -x "$(cached "$preset" CMAKE_MAKE_PROGRAM)" ]; }; then
        fresh=--fresh
    fi
    # shellcheck disable=SC2086 # a list of options
    set -- $fresh --preset "$preset" $options "$@"
    command -v make >/dev/null || [ -n "${CMAKE_GENERATOR-}" ] || set -- -G Ninja "$@"
    cmake "$@"
)

# compile PRESET [-DOPTION=VALUE]... [TARGET]: to be run by in_builds.
compile() (
    unset MAKEFLAGS MFLAGS MAKELEVEL
    exec 9>&- # a daemon that the build leaves behind must not keep the lock
    preset=$1 options='' target=''
    shift
    for word in "$@"; do
        case $word in
        -D*) options="$options $word" ;;
        *) target=$word ;;
        esac
    done
    # The stamp's time is that of the start: a file edited meanwhile is newer.
    stamp=build/$$.stamp
    # shellcheck disable=SC2086 # a list of options
    : >"$stamp" && configure "$preset" $options &&
        cmake --build "build/$preset" --parallel "$(cores)" ${target:+--target "$target"} &&
        stamp_parts "$preset" "$target" && exit 0
    rm -f "$stamp"
    exit 1
)

# ---- What a subcommand runs: parts of the release build ----

brkm_parts="library compare ctl exporter pprof report trace"

# What a part is for people, its target, the file that shows that it is there, and its sources.
part_title()
{
    case $1 in
    library) echo "the library" ;;
    compare) echo "what compares heaps" ;;
    ctl) echo "what asks processes" ;;
    exporter) echo "what serves metrics" ;;
    pprof) echo "what reads heap profiles" ;;
    report) echo "what makes reports" ;;
    trace) echo "what records and replays" ;;
    esac
}

part_target()
{
    case $1 in
    library) echo brkmalloc_shared ;;
    report) echo brkmalloc_reports ;;
    *) echo "brkmalloc_$1" ;;
    esac
}

part_product()
{
    case $1 in
    library) echo libbrkmalloc.so ;;
    compare) echo report/brkmalloc-compare ;;
    ctl) echo ctl/brkmalloc-ctl ;;
    exporter) echo exporter/brkmalloc-exporter ;;
    pprof) echo profile/brkmalloc-pprof ;;
    report) echo report/brkmalloc-report ;;
    trace) echo trace/brkmalloc-replay ;;
    esac
}

part_sources()
{
    case $1 in
    library) echo "src include" ;;
    ctl) echo ctl ;;
    exporter) echo "exporter ctl profile" ;;
    pprof) echo profile ;;
    compare | report) echo "report profile trace" ;;
    trace) echo "trace compare" ;;
    esac
    echo "cmake CMakeLists.txt CMakePresets.json"
}

# shellcheck disable=SC2046 # a list of folders
part_is_fresh() (
    cd "$brkm_home" || exit 1
    stamp=build/release/$1.stamp
    [ -f "build/release/$(part_product "$1")" ] && [ -f "$stamp" ] &&
        [ -z "$(find $(part_sources "$1") -newer "$stamp" -print 2>/dev/null | head -n 1)" ]
)

# stamp_parts PRESET TARGET: as of build/$$.stamp those parts are fresh that building the target, or
# all when it is empty, has made.
stamp_parts() (
    for part in $brkm_parts; do
        if [ "$1" = release ] && [ -e "build/release/$(part_product "$part")" ] &&
            { [ -z "$2" ] || [ "$2" = "$(part_target "$part")" ]; }; then
            cp -p "build/$$.stamp" "build/release/$part.stamp" || exit
        fi
    done
    rm -f "build/$$.stamp"
)

# build_part PART: builds it when it is missing or older than its sources.
build_part() (
    ! part_is_fresh "$1" || exit 0
    require_tools release || exit
    in_builds release build_part_alone "$1"
)

build_part_alone() (
    ! part_is_fresh "$1" || exit 0
    say "building $(part_title "$1") (a few seconds)"
    logged "$1" compile release -DBRKM_TRACE=ON "$(part_target "$1")"
)
