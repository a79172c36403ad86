#!/bin/sh
# SPDX-License-Identifier: MIT
#
# checkers.sh CASE BUILD FOLDER: what docs/debugging.md says of valgrind and the sanitizers. BUILD has the
# libraries; the case `annotated` builds them with BRKM_VALGRIND into FOLDER. The cases are called by
# name.
# shellcheck disable=SC2120,SC2317
set -eu

case=$1 build=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
: "${CC:=cc}"
library=$build/libbrkmalloc.so
unset LD_PRELOAD ASAN_OPTIONS

skip()
{
    echo "skipped: $*"
    exit 77
}

# make_program NAME FLAGS...: blunder.c as $work/NAME
make_program()
{
    name=$1
    shift
    "$CC" -g -O0 -fno-builtin -I"$root/include" "$here/blunder.c" "$@" -pthread -o "$work/$name" \
        2>"$work/log" || { cat "$work/log"; skip "cannot build with $*"; }
}

# comes_to WHAT PATTERN COMMAND...: the output has a line of the pattern; with "-" it has none that a
# checker or the library writes.
comes_to()
{
    what=$1 pattern=$2
    shift 2
    # A crash is said by the shell.
    sh -c '"$@"; status=$?; [ "$status" -lt 128 ] || echo "signal $((status - 128))"' sh "$@" \
        >"$work/output" 2>&1 || :
    if [ "$pattern" = - ]; then
        ! grep -q -e '^==' -e '^brkmalloc:' -e '^signal' "$work/output" && return
    elif grep -q -e "$pattern" "$work/output"; then
        return
    fi
    echo "$what: expected '$pattern' of '$*', found:"
    head -n 12 "$work/output"
    failures=$((failures + 1))
}

# finds_accesses WHAT COMMAND...: memcheck finds every blunder but leaks, and nothing where there is
# none.
finds_accesses()
{
    what=$1
    shift
    comes_to "$what" "Invalid write of size 1" "$@" overrun
    comes_to "$what" "Conditional jump .* uninitialised" "$@" undefined
    comes_to "$what" "Invalid read of size 1" "$@" after_free
    comes_to "$what" "Invalid read of size 1" "$@" past_shrunk
    comes_to "$what" "Invalid free()\|^brkmalloc: double free" "$@" twice
    comes_to "$what" - "$@" nothing
}

# finds_all WHAT COMMAND...: the same, and leaks.
finds_all()
{
    finds_accesses "$@"
    what=$1
    shift
    comes_to "$what" "100 bytes in 1 blocks are definitely lost" "$@" leak
}

# finds_little WHAT COMMAND...: only what the library itself finds.
finds_little()
{
    what=$1
    shift
    comes_to "$what" "^brkmalloc: double free" "$@" twice
    comes_to "$what" - "$@" undefined
    comes_to "$what" - "$@" after_free
}

memcheck()
{
    echo "valgrind -q --leak-check=full $*"
}

preloaded()
{
    echo "env LD_PRELOAD=$library"
}

need_valgrind()
{
    command -v valgrind >/dev/null || skip "no valgrind here"
    make_program plain
}

case_valgrind()
{
    need_valgrind
    make_program linked -L"$build" -lbrkmalloc "-Wl,-rpath,$build"
    make_program prefixed -DAPI_PREFIXED "$build/libbrkmalloc-prefixed.a"
    synonyms='--soname-synonyms=somalloc=libbrkmalloc*'
    # shellcheck disable=SC2046,SC2086 # several words
    {
        finds_all preloaded $(preloaded) $(memcheck) "$work/plain"
        finds_all "preloaded, named" $(preloaded) $(memcheck) "$synonyms" "$work/plain"
        finds_all linked $(memcheck) "$work/linked"
        finds_little "not replaced" $(preloaded) $(memcheck) \
            --soname-synonyms=somalloc=nouserintercepts "$work/plain"
        finds_little prefixed $(memcheck) "$work/prefixed"
        comes_to helgrind "Possible data race" $(preloaded) valgrind -q --tool=helgrind \
            "$work/plain" race
        comes_to drd "Conflicting" $(preloaded) valgrind -q --tool=drd "$work/plain" race
        comes_to massif - $(preloaded) valgrind -q --tool=massif \
            "--massif-out-file=$work/massif" "$work/plain" leak
        comes_to dhat - $(preloaded) valgrind -q --tool=dhat "--dhat-out-file=$work/dhat" \
            "$work/plain" leak
    }
    grep -q '^mem_heap_B=100$' "$work/massif" || { echo "massif saw no block"; failures=1; }
}

case_annotated()
{
    need_valgrind
    cmake -S "$root" -B "$folder" -DCMAKE_BUILD_TYPE=Release -DBRKM_VALGRIND=ON -DBRKM_TESTS=OFF \
        >"$work/log" 2>&1 && cmake --build "$folder" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    library=$folder/libbrkmalloc.so
    make_program static -static "$folder/brkmalloc.o"
    make_program prefixed -DAPI_PREFIXED "$folder/libbrkmalloc-prefixed.a"
    # shellcheck disable=SC2046 # several words
    {
        finds_all "on brkmalloc" $(preloaded) $(memcheck) \
            --soname-synonyms=somalloc=nouserintercepts "$work/plain"
        finds_all prefixed $(memcheck) "$work/prefixed"
        finds_accesses hardened env BRKMALLOC=hardened:true,guard_sample:0 $(memcheck) \
            "$work/prefixed"
        comes_to static "Invalid write of size 1" $(memcheck) "$work/static" overrun
        comes_to static "Invalid read of size 1" $(memcheck) "$work/static" after_free
    }
    # Without valgrind it is an allocator as any other.
    comes_to "without valgrind" "^brkmalloc: double free" "$work/prefixed" twice
}

# The library of a sanitizer that gcc has.
runtime()
{
    path=$("$CC" -print-file-name="lib$1.so")
    [ -e "$path" ] || skip "no lib$1 here"
    readlink -f "$path"
}

case_address()
{
    make_program asan -fsanitize=address
    asan=$(runtime asan)
    comes_to alone "heap-buffer-overflow" "$work/asan" overrun
    comes_to "brkmalloc first" "ASan runtime does not come first" env "LD_PRELOAD=$library" \
        "$work/asan" nothing
    unverified="env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$library $work/asan"
    # shellcheck disable=SC2086 # several words
    {
        comes_to "order not verified" - $unverified nothing
        comes_to "order not verified" - $unverified overrun
        comes_to "order not verified" "^brkmalloc: double free" $unverified twice
    }
    comes_to "sanitizer first" "heap-buffer-overflow" env "LD_PRELOAD=$asan:$library" "$work/asan" \
        overrun
    comes_to "sanitizer first" - env "LD_PRELOAD=$asan:$library" "$work/asan" nothing
    make_program asan_linked -fsanitize=address -L"$build" -lbrkmalloc "-Wl,-rpath,$build"
    comes_to "linked with -lbrkmalloc" "heap-buffer-overflow" "$work/asan_linked" overrun
    make_program asan_static -fsanitize=address -static-libasan
    comes_to "inside the program" "heap-buffer-overflow" env "LD_PRELOAD=$library" \
        "$work/asan_static" overrun
    make_program asan_object -fsanitize=address "$build/brkmalloc.o"
    comes_to "with brkmalloc.o" - "$work/asan_object" nothing
    comes_to "with brkmalloc.o" "^brkmalloc: double free" "$work/asan_object" twice
    make_program asan_prefixed -fsanitize=address -DAPI_PREFIXED "$build/libbrkmalloc-prefixed.a"
    comes_to prefixed "^brkmalloc: double free" "$work/asan_prefixed" twice
    comes_to prefixed - "$work/asan_prefixed" nothing
}

case_thread()
{
    make_program tsan -fsanitize=thread
    tsan=$(runtime tsan)
    comes_to alone "data race" "$work/tsan" race
    comes_to "brkmalloc first" - env "LD_PRELOAD=$library" "$work/tsan" nothing
    comes_to "brkmalloc first" "data race" env "LD_PRELOAD=$library" "$work/tsan" race
    comes_to "sanitizer first" "data race" env "LD_PRELOAD=$tsan:$library" "$work/tsan" race
    comes_to "sanitizer first" - env "LD_PRELOAD=$tsan:$library" "$work/tsan" nothing
}

case_undefined()
{
    make_program ubsan -fsanitize=undefined
    comes_to "on brkmalloc" "^brkmalloc: double free" env "LD_PRELOAD=$library" "$work/ubsan" twice
    comes_to "on brkmalloc" - env "LD_PRELOAD=$library" "$work/ubsan" nothing
}

"case_$case"
[ "$failures" -eq 0 ] || echo "$failures checks failed"
[ "$failures" -eq 0 ]
