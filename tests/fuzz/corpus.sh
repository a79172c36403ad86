#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The corpus of each fuzz target is an archive in corpus/, which cmake unpacks in the build folder.
#
#   corpus.sh add TARGET FILE...       adds inputs, a finding for one
#   corpus.sh merge FUZZ [FOLDER...]   makes all anew, from what is there and from further inputs
#
# FUZZ is the build folder of preset fuzz. FOLDER/corpus-TARGET, or FUZZ/long/corpus-TARGET without
# a FOLDER, holds what a campaign (brkmalloc test --long) gathered. Of all inputs only those stay
# that reach something which no smaller ones do; what was added as a finding must be added again.
#
# An input is named by the SHA-1 of its bytes, as libFuzzer does, and archives of the same inputs are
# the same to the byte.
set -eu

corpus=$(cd "$(dirname "$0")" && pwd)/corpus
targets="operations options trace heaps profiles"

usage()
{
    echo "usage: corpus.sh add TARGET FILE... | merge FUZZ [FOLDER...]" >&2
    exit 2
}

# unpack TARGET FOLDER
unpack()
{
    mkdir -p "$2"
    tar -xzf "$corpus/$1.tar.gz" -C "$2"
}

# pack TARGET FOLDER
pack()
{
    (cd "$2" && LC_ALL=C find . -type f | LC_ALL=C sort | tar --format=ustar --mtime=@0 --owner=0 --group=0 \
        --numeric-owner --mode=644 --no-recursion --transform='s|^\./||' -cf - -T -) |
        gzip -9n >"$work/$1.tar.gz"
    mv "$work/$1.tar.gz" "$corpus/$1.tar.gz"
}

add()
{
    target=$1
    shift
    [ -f "$corpus/$target.tar.gz" ] || usage
    unpack "$target" "$work/$target"
    for file in "$@"; do
        name=$(sha1sum <"$file")
        cp "$file" "$work/$target/${name%% *}"
    done
    pack "$target" "$work/$target"
}

merge()
{
    fuzz=$1
    shift
    [ $# -ge 1 ] || set -- "$fuzz/long"
    for target in $targets; do
        mkdir -p "$work/$target"
        unpack "$target" "$work/old-$target"
        inputs=
        for folder in "$@"; do
            [ ! -d "$folder/corpus-$target" ] || inputs="$inputs $folder/corpus-$target"
        done
        # Counters apart, so that an input counts by where it gets to, not by how often.
        # shellcheck disable=SC2086 # a list of words
        "$fuzz/tests/fuzz/fuzz_$target" -merge=1 -use_counters=0 "$work/$target" $inputs \
            "$work/old-$target"
        pack "$target" "$work/$target"
    done
}

[ $# -ge 2 ] || usage
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
action=$1
shift
case $action in
add)
    [ $# -ge 2 ] || usage
    add "$@"
    ;;
merge) merge "$@" ;;
*) usage ;;
esac
du -h --apparent-size "$corpus"/*.tar.gz
