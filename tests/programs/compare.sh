#!/bin/sh
# SPDX-License-Identifier: MIT
# Usage: compare.sh LIBRARY WITNESS WORKLOAD
#
# Runs the script WORKLOAD twice in an empty directory, once as it is and once with LIBRARY
# preloaded, and compares what it wrote to standard output and its exit status. WORKLOAD names in
# its first lines what it needs and which processes must have been served by LIBRARY:
#
#   # Needs: COMMAND:PACKAGE ...     exit status 77 when COMMAND is missing
#   # Serves: PATTERN ...            shell patterns of the executables' names
#   # Loads: PATTERN ...             executables with a malloc of their own, beside the library
#   # Runs: TEXT                     what it does, for docs/compatibility.md
#
# WITNESS is the library built from witness.c. Exit status: 0 equal, 1 not, 77 skipped.
set -eu
if [ $# -ne 3 ]; then
    sed -n 's/^# Usage/usage/p' "$0" >&2
    exit 2
fi
workload=$(realpath "$3")
name=$(basename "$workload" .sh)
limit=${PROGRAMS_TIMEOUT:-100}

# shellcheck disable=SC2013 # words are meant
for need in $(sed -n 's/^# Needs: //p' "$workload"); do
    if ! command -v "${need%%:*}" >/dev/null; then
        echo "skipped: $name needs the package ${need#*:}"
        exit 77
    fi
done

# Short, because servers put their sockets there and a socket's path has at most 107 characters.
dir=$(TMPDIR=/tmp mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
# Servers that give up root must still be able to read the libraries and to write the log.
chmod 711 "$dir"
mkdir "$dir/lib"
cp "$1" "$2" "$dir/lib"
library=$dir/lib/$(basename "$1") witness=$dir/lib/$(basename "$2")
# shellcheck disable=SC3045 # every sh of Linux has it
ulimit -c 0

# run KIND [VARIABLE=VALUE ...]: the workload, its output in $dir/KIND.out and so on. The
# directory is the same for both kinds, as programs write its name into what they make. Servers
# that outlive the workload's shell are in timeout's process group and end with it.
run()
{
    kind=$1
    shift
    mkdir "$dir/run"
    set -- HOME="$dir/run" LC_ALL=C TZ=UTC TMPDIR="$dir/run" PROGRAMS_LIBRARY="$library" "$@"
    status=0
    (cd "$dir/run" && exec timeout -k 5 "$limit" env "$@" sh "$workload") \
        >"$dir/$kind.out" 2>"$dir/$kind.err" </dev/null || status=$?
    rm -rf "$dir/run"
    echo "$status" >"$dir/$kind.status"
}

# fail MESSAGE: shows what there is to see.
fail()
{
    echo "FAILED: $name: $1"
    for kind in plain preloaded; do
        if [ -s "$dir/$kind.err" ]; then
            echo "--- standard error, $kind run, the last lines"
            tail -n 20 "$dir/$kind.err"
        fi
    done
    exit 1
}

unset LD_PRELOAD
run plain
case $(cat "$dir/plain.status") in
0) ;;
77)
    echo "skipped: $name: $(tail -n 1 "$dir/plain.err")"
    exit 77
    ;;
*) fail "ends with status $(cat "$dir/plain.status") without the library" ;;
esac
[ -s "$dir/plain.out" ] || fail "wrote nothing that could be compared"

: >"$dir/witness"
chmod 666 "$dir/witness"
run preloaded PROGRAMS_WITNESS="$dir/witness" LD_PRELOAD="$library $witness"

if grep -q 'cannot be preloaded' "$dir/preloaded.err"; then
    fail "the library could not be preloaded"
fi
if grep -q '^brkmalloc:' "$dir/preloaded.err"; then
    fail "the library reported an error"
fi
if ! cmp -s "$dir/plain.out" "$dir/preloaded.out"; then
    diff "$dir/plain.out" "$dir/preloaded.out" | cut -c 1-200 | head -n 20
    fail "the output differs"
fi
if ! cmp -s "$dir/plain.status" "$dir/preloaded.status"; then
    fail "ends with status $(cat "$dir/preloaded.status") under the library"
fi

sort "$dir/witness" | uniq -c >"$dir/processes"

# witnessed EXECUTABLE PROVIDER: whether a line of the log matches these two patterns.
witnessed()
{
    while IFS='	' read -r executable provider; do
        # shellcheck disable=SC2254 # patterns are meant
        case ${executable##*/}:$provider in
        $1:$2) return 0 ;;
        esac
    done <"$dir/witness"
    cat "$dir/processes"
    return 1
}
set -f
# shellcheck disable=SC2013 # words are meant
for pattern in $(sed -n 's/^# Serves: //p' "$workload"); do
    witnessed "$pattern" "$library" || fail "no process $pattern was served by the library"
done
# shellcheck disable=SC2013
for pattern in $(sed -n 's/^# Loads: //p' "$workload"); do
    witnessed "$pattern" '*' || fail "no process $pattern had the library loaded"
done
echo "passed: $name: $(wc -l <"$dir/witness") processes, $(wc -l <"$dir/plain.out") equal lines"
