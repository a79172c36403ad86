#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# completion.sh COMMAND: what bash completes after the name of the command, without and with the
# package bash-completion, and that it knows each subcommand and option that COMMAND tells of.
set -u
command=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
completions=$here/../../completions/brkmalloc
failures=0

# shellcheck source=completions/brkmalloc
. "$completions"
# There is no line editor here whose behaviour could be set.
compopt() { :; }

# complete_line WORD...: prints what is offered for the last word.
complete_line()
{
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    COMP_LINE="$*"
    COMP_POINT=${#COMP_LINE}
    COMPREPLY=()
    _brkmalloc
    printf '%s\n' "${COMPREPLY[@]}"
}

# offers WANTED WORD...: WANTED is among what is offered for the last word.
offers()
{
    local wanted=$1 found
    shift
    found=$(complete_line "$@")
    if ! grep -q -x -F -e "$wanted" <<<"$found"; then
        echo "after '$*': '$wanted' is not offered, but: $(head -n 5 <<<"$found" | paste -s -d ' ')"
        failures=$((failures + 1))
    fi
}

# offers_only WANTED WORD...
offers_only()
{
    local wanted=$1 found
    shift
    found=$(complete_line "$@" | paste -s -d ' ')
    if [ "$found" != "$wanted" ]; then
        echo "after '$*': '$found' is offered instead of '$wanted'"
        failures=$((failures + 1))
    fi
}

usage()
{
    "$command" "$@" --help | sed '/^$/q'
}

knows_what_the_command_has()
{
    local subcommand option subcommands options
    subcommands=$(usage | grep -o 'brkmalloc [a-z][a-z]*' | sed 's/.* //' | sort -u)
    [ -n "$subcommands" ] || failures=$((failures + 1))
    for subcommand in $subcommands; do
        offers "$subcommand" brkmalloc ""
        options=$(usage "$subcommand" | grep -o -e '[[ ]-[A-Za-z-][a-z-]*' | tr -d '[ ')
        for option in $options --help; do
            offers "$option" brkmalloc "$subcommand" -
        done
    done
}

runs_programs()
{
    touch "$folder/program file"
    chmod +x "$folder/program file"
    PATH=$folder:$PATH
    offers "program file" brkmalloc run "program"
    offers "program file" brkmalloc run --stats "program"
    offers "program file" brkmalloc run -- "program"
    offers "program file" brkmalloc record -o trace "program"
    offers "program file" brkmalloc profile --open -o folder "program"
    offers_only "--stats" brkmalloc run --st
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

knows_what_the_command_has
offers_only "bench" brkmalloc be
offers_only "--version" brkmalloc --v
offers_only "release" brkmalloc build --preset re
offers_only "" brkmalloc test -R x
touch "$folder/libother.so"
offers_only "libother.so" brkmalloc bench --with libo
touch "$folder/app.trace"
offers_only "app.trace" brkmalloc replay app
offers_only "app.trace" brkmalloc replay --rounds 3 --info app
offers_only "--plot" brkmalloc replay --pl
runs_programs
if [ -r /usr/share/bash-completion/bash_completion ]; then
    echo "with bash-completion:"
    set +u
    # shellcheck source=/dev/null
    . /usr/share/bash-completion/bash_completion
    offers "program file" brkmalloc run "program"
    # What follows the program is completed as after the program itself.
    offers "libother.so" brkmalloc run cat libo
fi
echo "$failures checks failed"
[ "$failures" -eq 0 ]
