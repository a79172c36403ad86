#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deb.sh FOLDER CASE: the Debian packages. The case `deb_build` builds them into FOLDER, twice, for the
# other cases. The cases are called by name.
# shellcheck disable=SC2154,SC2317
set -eu
folder=$1 case=$2
here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
. "$here/../cli/common.sh"
. "$here/../support/copy_tree.sh"
header=$source_tree/include/brkmalloc/brkmalloc.h
version=$(sed -n 's/^#define BRKM_VERSION_[A-Z]* //p' "$header" | paste -s -d . -)
soversion=${version%%.*}
: "${CC:=cc}"

command -v dpkg-deb >/dev/null || skip "no dpkg-deb"

# expect_success WHAT: the last command that was tried has succeeded.
expect_success()
{
    same "status of $1" 0 "$status"
    [ "$status" -eq 0 ] || printf '%s\n%s\n' "$out" "$err"
}

# build_packages TREE: copies the sources there and builds the packages into TREE/build.
build_packages()
{
    copy_tree "$source_tree" "$1"
    try cmake -S "$1" -B "$1/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="-O3 -g" \
        -DCMAKE_INSTALL_PREFIX=/usr -DBRKM_TESTS=OFF -DCMAKE_C_COMPILER="$CC"
    expect_success "cmake"
    try cmake --build "$1/build" --parallel "$(nproc)" --target package
    expect_success "the target package"
}

case_deb_build()
{
    rm -rf "$folder"
    export SOURCE_DATE_EPOCH=1700000000 DEBFULLNAME="A Builder" DEBEMAIL=builder@example.org
    umask 077 # must not show in the packages
    export TZ=UTC
    build_packages "$folder/one"
    # Another folder and time zone, and a while later.
    find "$folder/one" -maxdepth 1 -exec touch -d '1 hour ago' {} +
    export TZ=Asia/Tokyo
    build_packages "$folder/another folder/of a longer name"
}

case_reproducible()
{
    other="$folder/another folder/of a longer name/build"
    for name in "brkmalloc_$version-1" "libbrkmalloc-dev_$version-1"; do
        package=$(basename "$(echo "$folder/one/build/$name"_*.deb)")
        cmp "$folder/one/build/$package" "$other/$package" || failures=$((failures + 1))
    done
    if [ -f "$other/profile/brkmalloc-pprof" ]; then
        cmp "$folder/one/build/profile/brkmalloc-pprof" "$other/profile/brkmalloc-pprof" ||
            failures=$((failures + 1))
    fi
    for name in "libbrkmalloc.so.$version" "libbrkmalloc-prefixed.so.$version" libbrkmalloc.a \
        libbrkmalloc-prefixed.a brkmalloc.o; do
        cmp "$folder/one/build/$name" "$other/$name" || failures=$((failures + 1))
        same "whether $name names the folder it was built in" no \
            "$(grep -q -F "$folder" "$folder/one/build/$name" && echo yes || echo no)"
    done
}

# field PACKAGE NAME
field()
{
    dpkg-deb -f "$(echo "$folder/one/build/$1"_*.deb)" "$2"
}

# contents PACKAGE: its files, links and folders, below /usr
contents()
{
    dpkg-deb -c "$(echo "$folder/one/build/$1"_*.deb)"
}

case_deb_contents()
{
    same "version" "$version-1" "$(field brkmalloc Version)"
    same "architecture" "$(dpkg --print-architecture)" "$(field brkmalloc Architecture)"
    has "what the runtime package needs" "libc6 (>= 2." "$(field brkmalloc Depends)"
    has "what the runtime package recommends" "python3" "$(field brkmalloc Recommends)"
    has "what the development package needs" "brkmalloc (= $version-1)" \
        "$(field libbrkmalloc-dev Depends)"
    runtime=$(contents brkmalloc)
    development=$(contents libbrkmalloc-dev)
    triplet=$(gcc -print-multiarch 2>/dev/null || uname -m)
    has "runtime package" " ./usr/lib/$triplet/libbrkmalloc.so.$version" "$runtime"
    has "runtime package" " ./usr/lib/$triplet/libbrkmalloc.so.$soversion -> " "$runtime"
    has "runtime package" " ./usr/bin/brkmalloc" "$runtime"
    has "runtime package" " ./usr/libexec/brkmalloc/brkmalloc-ctl" "$runtime"
    for file in libexec/brkmalloc/libbrkmalloc-record.so libexec/brkmalloc/brkmalloc-replay \
        share/brkmalloc/trace/replay.py share/brkmalloc/compare/allocators.py; do
        has "runtime package" " ./usr/$file" "$runtime"
    done
    lacks "runtime package" "command/" "$runtime"
    has "runtime package" " ./usr/share/man/man7/brkmalloc.7.gz" "$runtime"
    has "runtime package" " ./usr/share/brkmalloc/brkmalloc-gdb.py" "$runtime"
    has "runtime package" " ./usr/share/gdb/auto-load/usr/lib/$triplet/libbrkmalloc.so.$version-gdb.py" \
        "$runtime"
    has "runtime package" " ./usr/share/doc/brkmalloc/copyright" "$runtime"
    if [ -f "$folder/one/build/profile/brkmalloc-pprof" ]; then
        has "runtime package" " ./usr/libexec/brkmalloc/brkmalloc-pprof" "$runtime"
        has "what the runtime package needs" "libdw1" "$(field brkmalloc Depends)"
    fi
    if [ -f "$folder/one/build/exporter/brkmalloc-exporter" ]; then
        has "runtime package" " ./usr/libexec/brkmalloc/brkmalloc-exporter" "$runtime"
        has "runtime package" " ./usr/share/brkmalloc/prometheus/brkmalloc-rules.yml" "$runtime"
        has "what the runtime package needs" "libcivetweb1" "$(field brkmalloc Depends)"
    fi
    lacks "runtime package" "libbrkmalloc.so -> " "$runtime"
    lacks "runtime package" "include" "$runtime"
    has "development package" " ./usr/lib/$triplet/libbrkmalloc.so -> " "$development"
    has "development package" " ./usr/lib/$triplet/brkmalloc.o" "$development"
    has "development package" " ./usr/include/brkmalloc/brkmalloc.h" "$development"
    has "development package" " ./usr/share/man/man3/brkm_malloc.3.gz" "$development"
    has "development package" " ./usr/share/doc/libbrkmalloc-dev/copyright" "$development"
    same "files of both packages" "" "$(printf '%s\n%s\n' "$runtime" "$development" |
        grep -v '^d' | sed 's/.* \.\//.\//; s/ -> .*//' | sort | uniq -d)"
    same "files that do not belong to root, or that others may write" "" \
        "$(printf '%s\n%s\n' "$runtime" "$development" |
            grep -v '^\(drwxr-xr-x\|-rw-r--r--\|-rwxr-xr-x\|lrwxrwxrwx\) root/root ' || :)"
    mkdir "$work/unpacked"
    for package in brkmalloc libbrkmalloc-dev; do
        dpkg-deb -x "$(echo "$folder/one/build/$package"_*.deb)" "$work/unpacked"
    done
    for package in brkmalloc libbrkmalloc-dev; do
        copyright=$(cat "$work/unpacked/usr/share/doc/$package/copyright")
        has "copyright of $package" "Format: https://www.debian.org/doc/" "$copyright"
        has "copyright of $package" "$(sed -n '/^Permission/p' "$source_tree/LICENSE")" "$copyright"
        has "copyright of $package" "License: GPL-3+ with GCC Runtime Library exception" "$copyright"
        has "copyright of $package" "License: LGPL-2+" "$copyright"
        lacks "copyright of $package" "@" "$copyright"
    done
    same "libraries with debugging information" "" "$(find "$work/unpacked" -type f \
        '(' -name '*.so.*' -o -name '*.[ao]' ')' -exec sh -c \
        'readelf -S "$1" | grep -q "[.]debug_info" && echo "$1"' sh {} ';')"
}

case_deb_lint()
{
    command -v lintian >/dev/null || skip "no lintian"
    # CPack writes the scripts, two libraries and a command make one package, no bug asked for it.
    accepted=maintscript-calls-ldconfig,package-name-doesnt-match-sonames
    accepted=$accepted,initial-upload-closes-no-bugs
    try lintian --allow-root --fail-on error,warning --suppress-tags "$accepted" \
        "$folder"/one/build/*.deb
    expect_success "lintian"
}

remove_packages()
{
    dpkg --purge libbrkmalloc-dev brkmalloc >/dev/null 2>&1 || :
    rm -rf "$work"
}

case_deb_install()
{
    [ "$(id -u)" -eq 0 ] || skip "needs root to install packages"
    ! dpkg-query -W brkmalloc libbrkmalloc-dev 2>/dev/null | grep -q . ||
        skip "the packages are installed here already"
    trap remove_packages EXIT
    try dpkg -i "$folder"/one/build/*.deb
    case $err in
    *"lock was locked"*) skip "dpkg is at work already" ;;
    esac
    expect_success "dpkg -i"
    try /usr/bin/brkmalloc run grep -c /usr/lib/.*/libbrkmalloc.so /proc/self/maps
    expect_success "brkmalloc run"
    try env BRKMALLOC=control:true /usr/bin/brkmalloc run sh -c \
        '/usr/bin/brkmalloc ctl $$ get control'
    expect_success "brkmalloc ctl"
    same "what a process says" "control:true (BRKMALLOC)" "$out"
    try /usr/bin/brkmalloc record -o "$work/trace" ls /
    expect_success "brkmalloc record"
    try /usr/bin/brkmalloc replay --only glibc --only brkmalloc --rounds 1 "$work/trace"
    expect_success "brkmalloc replay"
    has "what replay shows" "peak resident" "$out"
    has "libraries that the loader knows" "libbrkmalloc.so.$soversion " "$(ldconfig -p)"
    try "$CC" "$here/consumer/who_serves.c" -lbrkmalloc -o "$work/program"
    expect_success "linking with -lbrkmalloc"
    try "$work/program"
    same "what the program is served" malloc "$out"
    # The libraries are stripped; gdb finds its commands by itself.
    if command -v gdb >/dev/null && gdb -q -nx -batch -ex 'python print(1)' 2>&1 | grep -q '^1$'; then
        try gdb -q -nx -batch -ex 'set breakpoint pending on' -ex 'break exit' -ex run \
            -ex 'brkm heap' "$work/program"
        case $out in
        *"Breakpoint 1, "*) has "what gdb says of the heap" "region 1: break" "$out" ;;
        esac
    fi
    if command -v pkg-config >/dev/null; then
        same "version" "$version" "$(pkg-config --modversion brkmalloc)"
    fi
    if command -v dpkg-shlibdeps >/dev/null; then
        mkdir -p "$work/consumer/debian"
        echo "Source: consumer" >"$work/consumer/debian/control"
        try sh -c 'cd "$1/consumer" && dpkg-shlibdeps -O "$1/program"' sh "$work"
        has "what a package of the program depends on" "brkmalloc (>= $version" "$out"
    fi
    files=$(dpkg -L brkmalloc libbrkmalloc-dev | grep brkmalloc)
    try dpkg --purge libbrkmalloc-dev brkmalloc
    expect_success "dpkg --purge"
    same "files that stay" "" "$(for file in $files; do ls -d "$file" 2>/dev/null || :; done)"
    lacks "libraries that the loader knows" "libbrkmalloc" "$(ldconfig -p)"
}

"case_$case"
finish
