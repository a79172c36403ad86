#!/bin/sh
# SPDX-License-Identifier: MIT
#
# typed.sh: types the README from top to bottom. The blocks are taken from it, in a fresh copy of the source
# tree whose path has blanks, by the user of the test and, when that is root, by nobody, too. Commands
# install what is missing only when README_INSTALLS says yes, as on a bare system that is thrown away.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
. "$here/../support/copy_tree.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT HUP
failures=0

bad()
{
    echo "$*"
    failures=$((failures + 1))
}

# Prints the blocks of shell and of C in file $1, line by line, as "sh LINE" and "c LINE".
blocks()
{
    awk '/^```/ { kind = kind == "" ? substr($0, 4) : ""; next }
        kind == "sh" || kind == "c" { print kind " " $0 }' "$1"
}

# Some of each kind: all would include this one.
some_tests='^(api[.]calloc|misuse[.]double_free|trace[.]round_trip|options[.]row|programs[.]bash|examples[.]preload)'

# What is typed for a line of the README; "-REASON" when it is not.
typed()
{
    case $1 in
    "./brkmalloc test") echo "./brkmalloc test -R '$some_tests'" ;;
    "sudo cmake --install build/release "*) echo 'cmake --install build/release --prefix "$PREFIX"' ;;
    "sudo ldconfig"*) echo "-it would change this machine" ;;
    "./brkmalloc build --preset package") echo "-package.deb_build does it" ;;
    "sudo apt-get install "*) echo "-package.deb_* do it" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

# What a line of the README must have printed.
expected()
{
    case $1 in
    "./brkmalloc test") echo " passed, 0 failed" ;;
    *"hello from brkmalloc"*) echo "hello from brkmalloc" ;;
    *"run --stats"*) echo "brkmalloc" ;;
    *"./brkmalloc profile"*) echo "flame graph: " ;;
    *"./brkmalloc report"*) echo "written: sort.trace.html" ;;
    *"./brkmalloc replay --info"*) echo "sort README.md" ;;
    *"./brkmalloc replay"*) echo "peak resident" ;;
    *"./brkmalloc ctl"*) echo "trim_threshold" ;;
    *"./brkmalloc top"*) echo "in use" ;;
    *'print("preloaded")'*) echo "preloaded" ;;
    *"BRKMALLOC=help"*) echo "profile_interval" ;;
    esac
}

# Makes of the README the script $2, which writes what each line prints to a file of its number, and the
# file $3, of the lines as they stand in it.
make_script()
{
    number=0
    printf '%s\n' "set -u" "status=0" >"$2"
    : >"$3"
    blocks "$1" | while read -r kind line; do
        number=$((number + 1))
        printf '%s\n' "$line" >>"$3"
        if [ "$kind" = c ]; then
            printf '%s\n' "cat >>main.c <<'END'" "$line" END >>"$2"
            continue
        fi
        words=$(typed "$line")
        case $words in
        -*) printf '%s\n' "echo 'not typed: $line: ${words#-}'" >>"$2" ;;
        *)
            printf '%s\n' "{" "$words" "} >\"\$LINES_FOLDER/$number\" 2>&1 || { status=1; echo \"$number\"; }" >>"$2"
            expected "$line" >"$3.$number"
            ;;
        esac
    done
    # What was started in the background ends before the folder goes.
    printf '%s\n' '[ -z "${!-}" ] || kill "$!" 2>/dev/null || :' 'exit "$status"' >>"$2"
}

# judge FOLDER LINES: of each line that was typed, whether it said what it should and nothing else.
judge()
{
    number=0
    while IFS= read -r line; do
        number=$((number + 1))
        [ -f "$1/$number" ] || continue
        said=$1/$number
        part=$(cat "$2.$number")
        [ -z "$part" ] || grep -q -F -e "$part" "$said" || {
            bad "'$line' does not print '$part':"
            cat "$said"
        }
        # What CMake looks for may be absent: lines that begin with "-- ".
        ! grep -v -e '^-- ' -e '[ ,]0 failed' -e ' 0 tests failed' "$said" | grep -n -i -E "(^|[^a-z])(error:|warning:|failed|cannot|not found)" ||
            bad "'$line' prints that"
    done <"$2"
}

# type_as WHO COMMAND...: everything, with the command in front of the shell.
type_as()
{
    who=$1
    shift
    tree="$work/$who/a clone of brkmalloc"
    lines=$work/$who/lines
    copy_tree "$source_tree" "$tree"
    mkdir "$lines" "$work/$who/home"
    make_script "$tree/README.md" "$work/$who/script" "$work/$who/README"
    [ "$(wc -l <"$work/$who/README")" -gt 20 ] || bad "there are few lines to type"
    chmod 755 "$work"
    if [ "$who" = nobody ]; then
        chown -R 65534:65534 "$work/$who"
    fi
    echo "typed by $who:"
    status=0 no_install=1
    [ "${README_INSTALLS-}" != yes ] || no_install=
    (
        unset LD_PRELOAD BRKMALLOC BRKMALLOC_CONF BRKMALLOC_PROFILE
        cd "$tree"
        prefix=$work/$who/prefix
        libraries=$prefix/lib
        exec "$@" env HOME="$work/$who/home" PREFIX="$prefix" LINES_FOLDER="$lines" BRKMALLOC_NO_INSTALL="$no_install" \
            PKG_CONFIG_PATH="$libraries/pkgconfig:$libraries/$(uname -m)-linux-gnu/pkgconfig" \
            sh "$work/$who/script" </dev/null
    ) >"$work/$who/log" 2>&1 || status=$?
    cat "$work/$who/log"
    if [ -n "$no_install" ] && grep -q "missing: " "$lines"/*; then
        grep -h "missing: \|to install: " "$lines"/*
        echo "skipped: a command of the README would install that"
        exit 77
    fi
    if [ "$status" -ne 0 ]; then
        for number in $(grep -x '[0-9]*' "$work/$who/log"); do
            bad "failed: $(sed -n "${number}p" "$work/$who/README")"
            cat "$lines/$number"
        done
        [ "$failures" -gt 0 ] || bad "status $status"
    fi
    judge "$lines" "$work/$who/README"
}

type_all()
{
    if [ "${README_INSTALLS-}" = yes ]; then
        set --
    else
        set -- "cc gcc" "cmake cmake" "make make"
    fi
    for need in "$@" "pkg-config pkg-config" "python3 python3"; do
        command -v "${need% *}" >/dev/null || {
            echo "skipped: no ${need#* } here"
            exit 77
        }
    done
    type_as "$(id -un)"
    if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
        type_as nobody setpriv --reuid=65534 --regid=65534 --clear-groups
    fi
}

type_all
[ "$failures" -eq 0 ] || echo "$failures failures"
[ "$failures" -eq 0 ]
