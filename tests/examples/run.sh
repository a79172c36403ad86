#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PREFIX CASE: runs the example CASE of the brkmalloc that is installed in PREFIX and looks at
# what it prints. The cases are called by name.
# shellcheck disable=SC2154,SC2317
set -eu
prefix=$1 case=$2
here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
. "$here/../cli/common.sh"
. "$here/../support/copy_tree.sh"

# run_example [FOLDER]: of FOLDER, which are the installed ones by default.
run_example()
{
    try "${1:-$prefix/share/doc/brkmalloc/examples}/$case/run.sh"
    same "exit status" 0 "$status"
    same "standard error" "" "$err"
}

# matches WHAT AWK_CONDITION: the condition holds for at least one line of the output.
matches()
{
    printf '%s\n' "$out" | awk "$2 { found = 1 } END { exit !found }" ||
        same "$1" "a line for which $2" "$out"
}

case_preload()
{
    run_example
    same "lines that name the library" 2 "$(echo "$out" | grep -c "^$prefix/lib.*/libbrkmalloc.so")"
    has "programs that the program starts" "they do" "$out"
}

case_static()
{
    run_example
    same "programs that brkmalloc serves" 2 "$(echo "$out" | grep -c 'handed out 1000[0-9]* bytes')"
    same "last line" no "$(echo "$out" | tail -n 1)"
}

case_cmake()
{
    run_example
    matches "the program that is linked with it" '/^malloc/ && $3 >= 100000'
    matches "the program beside it" '/^malloc/ && $3 == 0 && $NF >= 100000'
}

case_cxx()
{
    run_example
    matches "the vector's bytes" '/^a vector/ && $NF >= 100000 && $NF < 101000'
    has "aligned new" "aligned to 256: aligned" "$out"
    has "new of too much" "throws std::bad_alloc" "$out"
}

case_statistics()
{
    run_example
    matches "bytes in use" '/^1000 blocks/ && $3 > 1000 * 600'
    matches "bytes mapped" '/^and one of a megabyte/ && $(NF - 1) > 1048576'
    matches "bytes in use at the end" '/^after malloc_trim/ && $3 < 100000 && $7 < 100000'
    has "XML" "</malloc>" "$out"
    has "statistics at exit" "brkmalloc: statistics of process " "$out"
}

case_fragmentation()
{
    run_example
    same "phases on brkmalloc and on libc" 18 \
        "$(echo "$out" | sed '/^lib.*so/,$d' | grep -c ' 6[34] ')"
    # Of 64 MiB in blocks that changed their size eight times.
    matches "MiB resident at the end" '/^brkmalloc/ { own = 1 } /^libc/ { own = 0 }
        own && $1 == 300 && $3 < 200'
}

case_defragment()
{
    run_example
    # 100,000 values of which one in ten stays: what is resident comes down to less than half.
    matches "MiB before" '/^after evictions/ && $3 > 30'
    matches "MiB after" '/^after moving/ && $3 < 18'
    matches "what explain says before" '/^  pinned / && $2 > 20'
}

case_pinned()
{
    run_example
    matches "MiB resident" '/^resident / && $2 > 6'
    matches "MiB live" '/^  live / && $2 < 4'
    matches "MiB pinned" '/^  pinned / && $2 > 2'
    has "the call site" "keep_session at " "$out"
    same "call sites before it" 0 "$(echo "$out" | sed '/keep_session/,$d' | grep -c load_page)"
}

# Where no other allocator is installed, none has figures: the loader says of each that it is missing.
case_no_peers()
{
    case=fragmentation
    mkdir "$work/bin"
    printf '#!/bin/sh\necho "object cannot be preloaded: $*" >&2\nexit 0\n' >"$work/bin/env"
    chmod +x "$work/bin/env"
    export PATH="$work/bin:$PATH"
    run_example
    for name in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
        has "a missing allocator" "$name: not installed" "$out"
    done
    same "tables" 18 "$(echo "$out" | grep -c ' 6[34] ')"
}

# Where a compiler is missing, the example says which package has it.
case_missing_compiler()
{
    mkdir "$work/bin"
    for name in sh dirname mktemp rm cat readlink uname sed find head stat id grep env mkdir; do
        ln -s "$(command -v "$name")" "$work/bin/$name"
    done
    for case in "cxx c++ g++" "statistics cc gcc" "cmake cmake cmake"; do
        # shellcheck disable=SC2086 # three words
        set -- $case
        try env PATH="$work/bin" sh "$prefix/share/doc/brkmalloc/examples/$1/run.sh"
        same "status of $1" 1 "$status"
        has "what $1 says" "needs $2: apt-get install $3" "$err"
    done
}

case_address_map()
{
    case=address-map
    run_example
    matches "the start of the break" '/start of the break  / && $6 == 0'
    for kind in small medium large page-aligned; do
        same "$kind blocks below the break" 2 "$(echo "$out" | sed '/  the break /q' |
            grep -c "$kind block .* above the start")"
    done
    same "page-aligned addresses" 2 "$(echo "$out" | grep -c '000  page-aligned')"
    same "mapped blocks" 2 "$(echo "$out" | grep -c 'mapped block .* outside of the break')"
}

case_kernel()
{
    run_here=$work/here
    mkdir "$run_here"
    cd "$run_here"
    run_example
    matches "the module's page" '/^__get_free_page at 0x[0-9a-f]*000,/'
    same "the module's end" 1 "$(echo "$out" | grep -c '^all given back')"
    same "pages that come on first touch" 3 "$(echo "$out" | grep -c 'there: 0 before, 8 after a touch')"
    matches "events of a signal handler" '/^signal handler: 2000 events kept, 0 found/'
    matches "requests of a thread" '/^real-time thread: 100000 of 100000 requests served/'
    matches "an object's memory" '/^object cache / && $3 < 1.04'
    matches "the waste of fine classes" '/^kmalloc of 1 to 4096 bytes: / && $7 < 10'
    matches "the waste of powers of two" '/^with powers of two, / && $11 > 25'
    same "rows of the picture" 12 "$(grep -c '>\(take\|give\) order ' buddies.svg)"
    # In the end the section is one free block.
    same "the last row" 1 "$(tail -n 2 buddies.svg | grep -c 'class="free".*>10</text>')"
}

case_heap_profile()
{
    case=heap-profile
    run_example
    has "the leak's size" ": 1280000 bytes in 20000 blocks, from 1 call stack:" "$out"
    has "the leak's place" " make_name+0x" "$out"
    has "who called it" " serve+0x" "$out"
    has "the exit status" "exit status 23" "$out"
    # 80 MiB of buffers and 1.3 MB of names, give or take five deviations of 2.3 MB.
    matches "the profile's bytes" '/^sample/ && $5 > 70000000 && $5 < 95000000'
    has "the profile's kind" "reason exit" "$out"
}

# None is left out here, nor in the README.
case_every_one()
{
    for folder in "$source_tree"/examples/*/; do
        name=$(basename "$folder")
        grep -q -x -F "case_$(echo "$name" | tr - _)()" "$0" || same "$name" "a case of this test" none
        grep -q -F "(examples/$name/)" "$source_tree/README.md" ||
            same "$name" "a line in README.md" none
    done
}

case_in_source_tree()
{
    tree="$work/a tree"
    copy_tree "$source_tree" "$tree"
    export BRKMALLOC_NO_INSTALL=1
    for case in static preload; do
        run_example "$tree/examples"
    done
}

"case_$(echo "$case" | tr - _)"
finish
