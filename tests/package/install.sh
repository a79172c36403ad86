#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh BUILD FOLDER LIBDIR CASE: what `cmake --install BUILD` installs, and that compilers, CMake,
# pkg-config and the command find it. The case `files` installs into FOLDER, for the other cases.
# The cases are called by name.
# shellcheck disable=SC2154,SC2317
set -eu
build=$1 folder=$2 libdir=$3 case=$4
here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
. "$here/../cli/common.sh"
prefix=$folder/prefix
header=$source_tree/include/brkmalloc/brkmalloc.h
version=$(sed -n 's/^#define BRKM_VERSION_[A-Z]* //p' "$header" | paste -s -d . -)
soversion=${version%%.*}
# Where gdb looks for what belongs to a library, named after the folder that was configured.
configured=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=\///p' "$build/CMakeCache.txt")
gdb_links=share/gdb/auto-load/$configured/$libdir
: "${CC:=cc}" "${CXX:=c++}"

# expect_success WHAT: the last command that was tried has succeeded.
expect_success()
{
    same "status of $1" 0 "$status"
    [ "$status" -eq 0 ] || printf '%s\n%s\n' "$out" "$err"
}

files_below()
{
    (cd "$1" && find . ! -type d | sed 's,^\./,,' | LC_ALL=C sort)
}

functions()
{
    sed '/^ \*/d; /^\/\*/d' "$header" | grep -o 'brkm_[a-z0-9_]*(' | tr -d '(' | sort -u
}

expected_files()
{
    for file in libbrkmalloc libbrkmalloc-prefixed; do
        printf '%s\n' "$libdir/$file.a" "$libdir/$file.so" "$libdir/$file.so.$soversion" \
            "$libdir/$file.so.$version" "$libdir/pkgconfig/${file#lib}.pc"
    done
    printf '%s\n' bin/brkmalloc "$libdir/brkmalloc.o" "$libdir/pkgconfig/brkmalloc-kernel.pc" \
        "$libdir/cmake/brkmalloc/brkmalloc-config.cmake" \
        "$libdir/cmake/brkmalloc/brkmalloc-config-version.cmake" \
        libexec/brkmalloc/brkmalloc-ctl libexec/brkmalloc/brkmalloc-export libexec/brkmalloc/brkmalloc-replay \
        libexec/brkmalloc/libbrkmalloc-record.so \
        share/bash-completion/completions/brkmalloc share/brkmalloc/brkmalloc-gdb.py \
        "$gdb_links/libbrkmalloc.so.$version-gdb.py" \
        "$gdb_links/libbrkmalloc-prefixed.so.$version-gdb.py" \
        share/man/man1/brkmalloc.1 share/man/man3/brkmalloc.3 \
        share/man/man3/brkmalloc-kernel.3 share/man/man7/brkmalloc.7
    if [ -f "$build/profile/brkmalloc-pprof" ]; then
        echo libexec/brkmalloc/brkmalloc-pprof
    fi
    if [ -f "$build/report/brkmalloc-report" ]; then
        printf '%s\n' libexec/brkmalloc/brkmalloc-report libexec/brkmalloc/brkmalloc-map
    fi
    if [ -f "$build/report/brkmalloc-compare" ]; then
        echo libexec/brkmalloc/brkmalloc-compare
    fi
    if [ -f "$build/exporter/brkmalloc-exporter" ]; then
        printf '%s\n' libexec/brkmalloc/brkmalloc-exporter share/brkmalloc/prometheus/brkmalloc-rules.yml
    fi
    (cd "$source_tree" && find include -type f)
    (cd "$source_tree" && find compare trace -name '*.py') | sed 's,^,share/brkmalloc/,'
    functions | sed 's,.*,share/man/man3/&.3,'
    for file in README.md CHANGELOG.md LICENSE docs/control.md docs/design.md docs/compatibility.md \
        docs/profile-format.md docs/probes.md docs/debugging.md docs/testing.md docs/trace-format.md \
        docs/metrics.md docs/options.md docs/tools.md docs/using.md docs/charts/timeline.svg; do
        echo "share/doc/brkmalloc/$file"
    done
    (cd "$source_tree" && find examples -type f) | sed 's,^,share/doc/brkmalloc/,'
}

case_files()
{
    rm -rf "$folder"
    mkdir -p "$folder"
    try cmake --install "$build" --prefix "$folder/first"
    expect_success "cmake --install"
    has "what is said at its end" "ldconfig $folder/first/$libdir" "$out"
    same "installed files" "$(expected_files | LC_ALL=C sort)" "$(files_below "$folder/first")"
    same "files that name the build folder" "" \
        "$(grep -rl --exclude='*.o' --exclude='*.a' --exclude='*.so*' "$build" "$folder/first")"
    same "link for the linker" "libbrkmalloc.so.$soversion" \
        "$(readlink "$folder/first/$libdir/libbrkmalloc.so")"
    # All that follows is done with what was moved after it was installed.
    mv "$folder/first" "$prefix"
}

case_destdir()
{
    try env DESTDIR="$work/stage" cmake --install "$build" --prefix /opt/tried
    expect_success "cmake --install with DESTDIR"
    same "what is in DESTDIR" opt "$(ls "$work/stage")"
    same "installed files" "$(files_below "$prefix")" "$(files_below "$work/stage/opt/tried")"
    same "what is outside of it" "" "$(ls -d /opt/tried 2>/dev/null)"
}

# What the README says of uninstalling.
case_uninstall()
{
    try cmake --install "$build" --prefix "$work/tried"
    expect_success "cmake --install"
    same "files before" "$(files_below "$prefix")" "$(files_below "$work/tried")"
    command=$(sed -n 's/^`sudo \(xargs rm [^`]*\)` uninstalls[.].*$/\1/p' "$source_tree/README.md")
    try sh -c "$(echo "$command" | sed "s,build/release,'$build',")"
    expect_success "uninstalling"
    same "files that stay" "" "$(files_below "$work/tried")"
}

case_command()
{
    if [ -f "$build/profile/brkmalloc-pprof" ]; then
        printf 'brkmalloc heap profile 2\nobjects\nend\n' >"$work/empty.heap"
        try "$prefix/bin/brkmalloc" pprof --folded "$work/empty.heap"
        expect_success "brkmalloc pprof"
        try "$prefix/bin/brkmalloc" profile -o "$work" cat /dev/null
        expect_success "brkmalloc profile"
        has "what brkmalloc profile says" "brkmalloc: flame graph: $work/cat." "$err"
    fi
    try "$prefix/bin/brkmalloc" lib
    # By a link, where LD_PRELOAD cannot name the path.
    case $prefix in
    *[\ :]*) out=$(readlink "$out") ;;
    esac
    same "brkmalloc lib" "$prefix/$libdir/libbrkmalloc.so" "$out"
    try "$prefix/bin/brkmalloc" run grep -c "$prefix/$libdir/libbrkmalloc.so" /proc/self/maps
    expect_success "brkmalloc run"
    try cmake --install "$build" --prefix "$work/runtime" --component runtime
    expect_success "installing what runs programs only"
    try "$work/runtime/bin/brkmalloc" lib
    same "the library without what is for development" \
        "$work/runtime/$libdir/libbrkmalloc.so.$soversion" "$out"
    try "$work/runtime/bin/brkmalloc" run grep -c libbrkmalloc.so /proc/self/maps
    expect_success "brkmalloc run without what is for development"
    try env BRKMALLOC=control:true "$work/runtime/bin/brkmalloc" run sh -c \
        '"$0" ctl $$ get control && "$0" top -b -n 1 $$' "$work/runtime/bin/brkmalloc"
    expect_success "brkmalloc ctl and top"
    has "what a process says" "control:true (BRKMALLOC)" "$out"
    has "what top shows" "fragmentation" "$out"
    try "$work/runtime/bin/brkmalloc" record -o "$work/trace" ls /
    expect_success "brkmalloc record"
    if [ -f "$build/report/brkmalloc-report" ]; then
        try "$work/runtime/bin/brkmalloc" report "$work/trace" -o "$work/trace.html"
        expect_success "brkmalloc report"
        has "what report says" "written: $work/trace.html" "$out"
        has "what the page has of the replay" "resident (replay)" "$(cat "$work/trace.html")"
    fi
    ! [ -f "$build/report/brkmalloc-report" ] || core_file
    if [ -x /usr/bin/python3 ]; then
        try "$work/runtime/bin/brkmalloc" replay --only glibc --rounds 1 --csv "$work/out.csv" "$work/trace"
        expect_success "brkmalloc replay"
        has "what replay shows" "peak resident" "$out"
    fi
}

# What gdb reads, where it is there and may trace; and what is said where it is not.
core_file()
{
    core="$work/a core"
    if command -v gdb >/dev/null; then
        "$work/runtime/bin/brkmalloc" run gdb -q -nx -batch -ex 'catch syscall exit_group' -ex run \
            -ex "generate-core-file $core" ls / >"$work/gdb.said" 2>&1 || :
    fi
    if [ ! -s "$core" ]; then
        echo "core files are left out: no gdb, or it may not trace"
        return 0
    fi
    try "$work/runtime/bin/brkmalloc" report "$core" -o "$work/core.html"
    expect_success "brkmalloc report of a core file"
    has "the page of a core file" "Read by gdb from $core" "$(cat "$work/core.html")"
    try env NO_COLOR=1 "$work/runtime/bin/brkmalloc" map "$core"
    expect_success "brkmalloc map of a core file"
    mkdir "$work/no-gdb"
    find /usr/bin /bin -maxdepth 1 ! -name gdb -exec ln -sf -t "$work/no-gdb" {} +
    try env PATH="$work/no-gdb" "$work/runtime/bin/brkmalloc" report "$core" -o "$work/none.html"
    same "status without gdb" 1 "$status"
    has "what is said without gdb" "which gdb reads; there is no gdb here (Debian: gdb)" "$err"
    head -c 5000 "$core" >"$work/cut-core"
    try "$work/runtime/bin/brkmalloc" report "$work/cut-core" -o "$work/none.html"
    same "status of a core file that was cut" 1 "$status"
    has "what is said of it" "brkmalloc: report: $work/cut-core: brkm" "$err"
}

# configure_consumer ARGUMENT...
configure_consumer()
{
    try cmake -S "$here/consumer" -B "$work/consumer" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_PREFIX_PATH="$prefix" "$@"
}

# served WHAT PROGRAM: brkmalloc serves the program's malloc.
served()
{
    try env BRKMALLOC=stats_at_exit:true "$2"
    expect_success "$1"
    has "statistics of $1" "brkmalloc: statistics of process " "$err"
    lacks "statistics of $1" "served 0 blocks" "$err"
}

# build_consumer TARGET WHOM ARGUMENT...: WHOM is what its program who_serves must print.
build_consumer()
{
    target=$1 whom=$2
    shift 2
    configure_consumer -DCONSUMER_TARGET="$target" "$@"
    expect_success "cmake for brkmalloc::$target"
    try cmake --build "$work/consumer"
    expect_success "the build with brkmalloc::$target"
    try "$work/consumer/who_serves"
    expect_success "the program with brkmalloc::$target"
    same "what brkmalloc::$target serves" "$whom" "$out"
    [ "$whom" != malloc ] || served "a C++ program with brkmalloc::$target" "$work/consumer/cxx_only"
}

case_cmake_shared() { build_consumer shared malloc; }
case_cmake_static() { build_consumer static malloc; }
case_cmake_object() { build_consumer object malloc; }
case_cmake_prefixed() { build_consumer prefixed "brkm_malloc only"; }
case_cmake_prefixed_shared() { build_consumer prefixed_shared "brkm_malloc only"; }

case_cmake_all_static()
{
    build_consumer static malloc -DCONSUMER_STATIC=ON
    rm -rf "$work/consumer"
    build_consumer object malloc -DCONSUMER_STATIC=ON
}

case_cmake_found()
{
    configure_consumer -DCONSUMER_TARGET=shared -DCONSUMER_VERSION="$version"
    expect_success "find_package of this version"
    has "version and place" "brkmalloc $version in $prefix/$libdir/cmake/brkmalloc" "$out"
    has "header's place" "header in $prefix/include" "$out"
    rm -rf "$work/consumer"
    configure_consumer -DCONSUMER_TARGET=shared -DCONSUMER_VERSION=99
    same "whether version 99 is found" 1 "$status"
    has "the version that is there" "version: $version" "$err"
    rm -rf "$work/consumer"
    configure_consumer -DCONSUMER_TARGET=nonsense
    same "whether an unknown component is found" 1 "$status"
    has "the component" "nonsense" "$err"
}

case_cmake_subdirectory()
{
    build_consumer object malloc -DCONSUMER_SOURCE="$source_tree"
    for target in shared static prefixed prefixed_shared; do
        whom=malloc
        [ "${target#prefixed}" = "$target" ] || whom="brkm_malloc only"
        build_consumer "$target" "$whom" -DCONSUMER_SOURCE="$source_tree"
    done
    try cmake --install "$work/consumer" --prefix "$work/installed"
    expect_success "cmake --install of a project with brkmalloc in it"
    same "what it installs" "bin/cxx_only bin/who_serves" \
        "$(files_below "$work/installed" | paste -s -d ' ' -)"
}

# optimisation: prints "FILES LEVEL" for each level that files of the allocator are compiled with.
optimisation()
{
    sed -n 's/^ *"command": "\(.*\/src\/[a-z]*\/[a-z_0-9]*[.]c\)",$/\1/p' "$work/consumer/compile_commands.json" |
        sed 's/.* \(-O[^ ]*\) .*/\1/; /^-O/!s/.*/none/' | sort | uniq -c | sed 's/^ *//' | paste -s -d , -
}

# Whatever the project says of itself, the allocator in it is optimised, unless it says Debug.
case_cmake_optimised()
{
    for type in "" Release RelWithDebInfo Coverage; do
        rm -rf "$work/consumer"
        configure_consumer -DCONSUMER_TARGET=object -DCONSUMER_SOURCE="$source_tree" -DCMAKE_BUILD_TYPE="$type"
        expect_success "cmake with the build type '$type'"
        levels=$(optimisation)
        same "levels of optimisation with the build type '$type'" "-O3" "${levels#* }"
        has "number of files with the build type '$type'" " -O3" "${levels#[3-9]?}"
        lacks "targets" "brkmalloc/tests" "$(cat "$work/consumer/compile_commands.json")"
    done
    rm -rf "$work/consumer"
    configure_consumer -DCONSUMER_TARGET=object -DCONSUMER_SOURCE="$source_tree" -DCMAKE_BUILD_TYPE=Debug
    levels=$(optimisation)
    same "levels of optimisation with the build type Debug" "none" "${levels#* }"
    try cmake --build "$work/consumer" --target help
    for target in unit_heap brkmalloc_bench brkmalloc_trace brkmalloc_pprof; do
        lacks "targets in another project" "$target" "$out"
    done
}

# words OPTION...: what pkg-config prints for the installed package.
flags()
{
    PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig pkg-config --cflags --libs "$@"
}

case_pkg_config()
{
    command -v pkg-config >/dev/null || skip "no pkg-config"
    same "version" "$version" \
        "$(PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig pkg-config --modversion brkmalloc)"
    # shellcheck disable=SC2046 # words are meant
    {
        "$CC" -Wl,--as-needed "$here/consumer/who_serves.c" $(flags brkmalloc) \
            -o "$work/shared" -Wl,-rpath,"$prefix/$libdir"
        "$CC" -static "$here/consumer/who_serves.c" $(flags --static brkmalloc) -o "$work/static"
        "$CC" "$here/consumer/who_serves.c" $(flags brkmalloc-prefixed) -o "$work/prefixed" \
            -Wl,-rpath,"$prefix/$libdir"
        "$CXX" -Wl,--as-needed "$here/consumer/cxx_only.cc" $(flags brkmalloc) \
            -o "$work/cxx" -Wl,-rpath,"$prefix/$libdir"
        "$CXX" -static "$here/consumer/cxx_only.cc" $(flags --static brkmalloc) -o "$work/cxx_static"
    }
    same "what a program with the shared library has" malloc "$("$work/shared")"
    same "what a static program has" malloc "$("$work/static")"
    same "what a program with the prefixed library has" "brkm_malloc only" "$("$work/prefixed")"
    served "a C++ program" "$work/cxx"
    served "a static C++ program" "$work/cxx_static"
}

"case_$case"
finish
