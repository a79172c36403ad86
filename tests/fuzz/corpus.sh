#!/bin/sh
# SPDX-License-Identifier: MIT
#
# corpus.sh FUZZ [FOLDER...]: makes the corpus anew, from what is there and from further inputs.
#
# FUZZ is the build folder of preset fuzz. FOLDER/corpus-TARGET, or FUZZ/long/corpus-TARGET without
# a FOLDER, holds what a campaign (brkmalloc test --long) gathered. Of all inputs only those stay
# that reach something which no smaller ones do.
set -eu

[ $# -ge 1 ] || {
    echo "usage: corpus.sh FUZZ [FOLDER...]" >&2
    exit 2
}
fuzz=$1
shift
[ $# -ge 1 ] || set -- "$fuzz/long"
corpus=$(cd "$(dirname "$0")" && pwd)/corpus
merged=$(mktemp -d)
trap 'rm -rf "$merged"' EXIT

for target in operations options trace; do
    mkdir -p "$merged/$target" "$corpus/$target"
    inputs=
    for folder in "$@"; do
        [ ! -d "$folder/corpus-$target" ] || inputs="$inputs $folder/corpus-$target"
    done
    # Counters apart, so that an input counts by where it gets to, not by how often.
    # shellcheck disable=SC2086 # a list of words
    "$fuzz/tests/fuzz/fuzz_$target" -merge=1 -use_counters=0 "$merged/$target" $inputs \
        "$corpus/$target"
    rm -rf "${corpus:?}/$target"
    mv "$merged/$target" "$corpus/$target"
done
du -sh --apparent-size "$corpus"
