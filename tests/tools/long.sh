#!/bin/sh
# SPDX-License-Identifier: MIT
#
# long.sh RELEASE FUZZ MINUTES: the long tests, for `brkmalloc test --long`, of the builds in the
# folders RELEASE (with its tests) and FUZZ (preset fuzz). So many minutes each:
#   options  what pairs.py has for long: each pair of options, however many minutes it takes
#   soak   the stress test, preloaded; then a third as long in mode hardened, whose path through
#          malloc and free is its own, and a tenth as long in each other mode without limits
#   fuzz   each target on one core, from the corpus on, operations once more with every input in
#          mode hardened; before that, the corpus in each mode
# What a fuzzer finds is kept in FUZZ/long/findings; it goes on until the time is up. The last lines
# are a table, as docs/testing.md has it. Exit status 1 when anything was found.
set -u

release=$1
fuzz=$2
minutes=$3
tests=$(cd "$(dirname "$0")/.." && pwd)
folder=$fuzz/long
findings=$folder/findings
table=$folder/table
status=0

row()
{
    printf '| %s | %s | %s | %s |\n' "$@" >>"$table"
}

# The lines "NAME OPTIONS" of the modes.
modes()
{
    sed -n 's/^    X(\([a-z_]*\), "\([^"]*\)").*/\1 \2/p' "$tests/fuzz/modes.h"
}

# soak MODE OPTIONS SECONDS
soak()
{
    log=$folder/soak-$1.log
    echo "== soak: mode $1, $3 s"
    found=0
    if ! BRKMALLOC=$2 LD_PRELOAD=$release/libbrkmalloc.so \
        "$release/tests/stress/stress_preload" preload "$3" 8 >"$log" 2>&1; then
        found=1
        status=1
    fi
    cat "$log"
    row "soak, mode $1" "$(($3 / 60))" "$(tail -n 1 "$log")" "$found"
}

soak_all()
{
    modes >"$folder/modes"
    while read -r mode options; do
        case $options in
        *limit_hard*) ;;
        '') soak "$mode" "" $((minutes * 60)) ;;
        *hardened*) soak "$mode" "$options" $((minutes * 20)) ;;
        *) soak "$mode" "$options" $((minutes * 6)) ;;
        esac
    done <"$folder/modes"
}

options_together()
{
    log=$folder/options.log
    echo "== options: each pair"
    begin=$(date +%s)
    found=0
    python3 -B "$tests/options/pairs.py" long "$release/libbrkmalloc.so" "$release/tests" \
        "$release/tests/programs/programs_witness.so" >"$log" 2>&1 || found=1 status=1
    grep -v '^\(row\|pair\) ' "$log"
    row "options, each pair" "$((($(date +%s) - begin) / 60))" "$(tail -n 1 "$log")" "$found"
}

corpus_in_each_mode()
{
    modes >"$folder/modes"
    while read -r mode options; do
        echo "== corpus of operations, mode $mode ($options)"
        FUZZ_MODE=$mode "$release/tests/fuzz/fuzz_operations" "$release/tests/fuzz/corpus/operations" ||
            status=1
    done <"$folder/modes"
}

# The sum of the numbers that libFuzzer printed as the statistic $1 in each of its runs.
statistic()
{
    awk -v name="stat::$1:" '$1 == name { sum += $2 } END { printf "%d", sum }' "$2"
}

# campaign TARGET [MODE]: starts the fuzzer again after each finding, 20 times at most. Without MODE
# each input names its own.
campaign()
{
    name=$1${2:+-$2}
    log=$folder/$name.log
    inputs=$folder/corpus-$name
    mkdir -p "$inputs"
    : >"$log"
    echo "== fuzz: $1${2:+, mode $2}, $minutes min"
    begin=$(date +%s)
    end=$((begin + minutes * 60))
    found=0
    while now=$(date +%s) && [ "$now" -lt "$end" ] && [ "$found" -lt 20 ]; do
        FUZZ_MODE=${2-} "$fuzz/tests/fuzz/fuzz_$1" -max_total_time=$((end - now)) \
            -max_len=4000 -len_control=30 -print_final_stats=1 \
            -artifact_prefix="$findings/$name-" "$inputs" "$fuzz/tests/fuzz/corpus/$1" \
            >>"$log" 2>&1 || found=$((found + 1))
    done
    [ "$found" -eq 0 ] || status=1
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | sort -n | tail -n 1)
    row "fuzz, $1${2:+, mode $2}" "$((($(date +%s) - begin) / 60))" \
        "$(statistic number_of_executed_units "$log") inputs, $edges edges" "$found"
}

rm -rf "$folder"
mkdir -p "$findings" || exit 2
row part minutes operations findings
row --- --- --- ---
options_together
soak_all
corpus_in_each_mode
campaign operations
campaign operations hardened
campaign operations drawn
campaign options
campaign trace
campaign heaps
campaign profiles
cat "$table"
[ "$status" -eq 0 ] || echo "long.sh: what was found is in $findings and in the logs beside it"
exit "$status"
