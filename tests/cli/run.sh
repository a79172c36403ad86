#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh COMMAND LIBRARY PROGRAMS CASE: `brkmalloc run` and `lib`, as installed beside the library.
# The cases are called by name, and some of their text is for other shells.
# shellcheck disable=SC2154,SC2317,SC2016
set -eu
script=$1 library=$2 programs=$3 case=$4
. "$(dirname "$0")/common.sh"

install_copy "$work/inst"
command=$work/inst/bin/brkmalloc
installed=$work/inst/lib/libbrkmalloc.so

case_exit_status()
{
    for number in 0 1 3 126 127 255; do
        try "$command" run sh -c "exit $number"
        same "exit status" "$number" "$status"
        same "standard error" "" "$err"
    done
    for signal in HUP KILL SEGV TERM; do
        try sh -c "kill -$signal \$\$"
        expected=$status
        try "$command" run sh -c "kill -$signal \$\$"
        same "status after SIG$signal" "$expected" "$status"
    done
}

case_is_the_process()
{
    "$command" run sh -c 'trap "echo got it; exit 5" TERM; echo ready
        for _ in $(seq 100); do sleep 0.1; done' >"$work/out" &
    process=$!
    for _ in $(seq 100); do
        ! grep -qs ready "$work/out" || break
        sleep 0.1
    done
    kill -TERM "$process"
    status=0
    wait "$process" || status=$?
    same "status of a program that handles SIGTERM" 5 "$status"
    same "its output" "ready got it" "$(tr '\n' ' ' <"$work/out" | sed 's/ $//')"
}

case_streams()
{
    head -c 1000000 "$library" >"$work/data"
    "$command" run cat <"$work/data" >"$work/copy" 2>"$work/err"
    same "bytes through cat" "$(cksum <"$work/data")" "$(cksum <"$work/copy")"
    same "standard error" "" "$(cat "$work/err")"
    try "$command" run sh -c 'echo to out; echo to err >&2'
    same "standard output" "to out" "$out"
    same "standard error" "to err" "$err"
    status=0
    "$command" run sh -c 'echo x' >&- 2>"$work/err" || status=$?
    [ "$status" -ne 0 ] || same "status with standard output closed" "not 0" "$status"
}

case_arguments()
{
    newline='
'
    set -- '' 'a b' '*' "two${newline}lines" '\n' "it's" '"' '$HOME' '--stats' '--' '-x' 'tail '
    try printf '<%s>' "$@"
    expected=$out
    try "$command" run sh -c 'printf "<%s>" "$@"' sh "$@"
    same "arguments" "$expected" "$out"
    try "$command" run -- printf '<%s>' "$@"
    same "arguments after --" "$expected" "$out"
}

case_environment()
{
    # Names that the command's own code may use.
    try env -i PATH="$PATH" program=1 library=2 name=3 path=4 folder=5 status=6 A='b c' \
        "$command" run --stats env
    same "LD_PRELOAD" "LD_PRELOAD=$installed" "$(echo "$out" | grep '^LD_PRELOAD=')"
    same "BRKMALLOC" "BRKMALLOC=stats_at_exit:true" "$(echo "$out" | grep '^BRKMALLOC=')"
    for setting in program=1 library=2 name=3 path=4 folder=5 status=6 'A=b c'; do
        same "environment" "$setting" "$(echo "$out" | grep "^${setting%%=*}=")"
    done
    same "folder" "$(pwd)" "$("$command" run pwd)"
}

case_preload_kept()
{
    other=$work/other.so
    cp -L "$library" "$other"
    try env LD_PRELOAD="$other" "$command" run sh -c 'echo "$LD_PRELOAD"'
    same "LD_PRELOAD" "$other:$installed" "$out"
    has "warning of another malloc in front" "brkmalloc will be idle: $other, which LD_PRELOAD" "$err"
    for name in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
        case $(env LD_PRELOAD=$name true 2>&1) in
        *"cannot be preloaded"*) continue ;;
        esac
        try env LD_PRELOAD="$name" "$command" run true
        has "warning of $name in front" "brkmalloc will be idle: /" "$err"
        has "warning of $name in front" "$name, which LD_PRELOAD" "$err"
    done
    harmless=$work/harmless.so
    "${CC:-cc}" -shared -fPIC -x c -o "$harmless" - <<'END'
int harmless = 1;
END
    try env LD_PRELOAD="$harmless" "$command" run true
    same "standard error with a library that has no malloc" "" "$err"
    try "$command" run "$command" run sh -c 'echo "$LD_PRELOAD"'
    same "LD_PRELOAD of a nested run" "$installed" "$out"
    try "$command" run grep -c libbrkmalloc.so /proc/self/maps
    same "status of looking for the library among the mappings" 0 "$status"
}

case_stats()
{
    # Not a shell: dash leaves by _exit, at which nothing can be printed.
    print_option='BEGIN { print ENVIRON["BRKMALLOC"] }'
    try "$command" run --stats awk "$print_option"
    same "option" "stats_at_exit:true" "$out"
    has "statistics on standard error" "brkmalloc: statistics of process " "$err"
    try env BRKMALLOC=trim_threshold:1m "$command" run --stats awk "$print_option"
    same "option after others" "trim_threshold:1m,stats_at_exit:true" "$out"
    has "statistics on standard error" "brkmalloc: statistics of process " "$err"
    # The programs of coreutils close standard error when they exit.
    try "$command" run --stats true
    has "statistics of a program that closes standard error" "brkmalloc: statistics of process " "$err"
    try "$command" run sh -c 'echo "${BRKMALLOC-unset}"'
    same "option without --stats" "unset" "$out"
    same "standard error without --stats" "" "$err"
}

case_not_runnable()
{
    mkdir "$work/path"
    echo "just text" >"$work/path/text"
    for name in no-such-program ./no-such-program "$work/none/x" ''; do
        try "$command" run "$name"
        same "status for '$name'" 127 "$status"
        has "message" "not found" "$err"
        has "message" "$name" "$err"
    done
    try "$command" run "$work/path/text"
    same "status for a file that is not executable" 126 "$status"
    has "message" "not executable" "$err"
    try "$command" run "$work/path"
    same "status for a folder" 126 "$status"
    has "message" "is a directory" "$err"
    try env PATH="$work/path:$PATH" "$command" run text
    same "status for such a file in PATH" 126 "$status"
    cp /bin/true "$work/path/-odd name"
    try env PATH="$work/path:$PATH" "$command" run -- "-odd name"
    same "status for a program whose name begins with -" 0 "$status"
}

case_usage()
{
    for arguments in "" "frobnicate" "--frobnicate" "run" "run --" "run --frobnicate true" "lib x" \
        "lib --frobnicate" "ctl" "top"; do
        # shellcheck disable=SC2086 # split into arguments
        refuses_usage $arguments
    done
    for arguments in "--help" "-h" "help" "run --help" "lib --help" "ctl --help" "top --help" \
        "ctl 1 stats --help" "run --stats --help"; do
        # shellcheck disable=SC2086 # split into arguments
        try "$command" $arguments
        same "status of 'brkmalloc $arguments'" 0 "$status"
        has "standard output" "usage: brkmalloc" "$out"
        same "standard error" "" "$err"
    done
    try "$command" run sh --help
    lacks "help that belongs to the program" "usage: brkmalloc" "$out$err"
}

case_version()
{
    header=$(dirname "$0")/../../include/brkmalloc/brkmalloc.h
    numbers=$(sed -n 's/^#define BRKM_VERSION_[A-Z]* //p' "$header" | paste -s -d . -)
    try "$command" --version
    same "version" "brkmalloc $numbers" "$out"
}

case_lib()
{
    try "$command" lib
    same "path" "$installed" "$out"
    same "standard error" "" "$err"
    ln -s "$command" "$work/link"
    try sh -c "cd / && '$work/link' lib"
    same "path through a link, from another folder" "$installed" "$out"
    try sh -c "cd '$work/inst/bin' && ./brkmalloc lib"
    same "path through a relative name" "$installed" "$out"
    try env PATH="$work/inst/bin:$PATH" brkmalloc lib
    same "path through PATH" "$installed" "$out"
}

case_installed()
{
    install_copy "$work/multiarch" "lib/$(uname -m)-linux-gnu"
    try "$work/multiarch/bin/brkmalloc" lib
    same "path" "$work/multiarch/lib/$(uname -m)-linux-gnu/libbrkmalloc.so" "$out"
    try "$command" --help
    same "subcommands for developers in the help" "" \
        "$(echo "$out" | grep -E 'brkmalloc (build|test|bench)|^  (build|test|bench)' || :)"
    for subcommand in build test bench; do
        try "$command" "$subcommand"
        same "status of $subcommand" 1 "$status"
        has "message" "source tree" "$err"
    done
    rm "$installed"
    for subcommand in lib "run true"; do
        # shellcheck disable=SC2086 # split into arguments
        try "$command" $subcommand
        same "status of $subcommand without a library" 1 "$status"
        has "message" "$work/inst/lib" "$err"
        same "standard output" "" "$out"
    done
}

case_shells()
{
    for shell in "dash" "dash -u" "bash" "bash -u" "bash --posix" "busybox sh"; do
        command -v "${shell%% *}" >/dev/null || continue
        # shellcheck disable=SC2086 # split into arguments
        try $shell "$command" run sh -c 'echo "$LD_PRELOAD"; exit 7'
        same "status under $shell" 7 "$status"
        same "LD_PRELOAD under $shell" "$installed" "$out"
        # shellcheck disable=SC2086 # split into arguments
        try $shell "$command" run no-such-program
        same "status under $shell for no program" 127 "$status"
        # shellcheck disable=SC2086 # split into arguments
        try env -u HOME -u PATH $shell "$command" lib
        same "path under $shell, without HOME" "$installed" "$out"
    done
}

# LD_PRELOAD cannot name these folders.
case_odd_folders()
{
    for folder in "a b" "a:b" 'a$LIB'; do
        install_copy "$work/$folder"
        for home in "$HOME" "" "$work/$folder"; do
            try env HOME="$home" TMPDIR="$work" "$work/$folder/bin/brkmalloc" run \
                grep -c libbrkmalloc.so /proc/self/maps
            same "status in '$folder' with HOME '$home'" 0 "$status"
            same "standard error" "" "$err"
            try env HOME="$home" TMPDIR="$work" "$work/$folder/bin/brkmalloc" lib
            same "what the link leads to" "$work/$folder/lib/libbrkmalloc.so" \
                "$(readlink -f "$out")"
        done
    done
    same "leftovers" "" "$(find "$HOME" -name '*.[0-9]*')"
}

# warns PART PROGRAM...: running it warns of PART and still runs it.
warns()
{
    part=$1
    shift
    try "$command" run "$@"
    has "warning about $1" "will not run on brkmalloc" "$err"
    has "reason" "$part" "$err"
    same "status of $1" 0 "$status"
    same "lines on standard error" 1 "$(echo "$err" | wc -l)"
}

no_warning()
{
    try "$command" run "$@"
    same "standard error for $1" "" "$err"
    same "status of $1" 0 "$status"
}

# make_script FILE FIRST_LINE
make_script()
{
    printf '%s\nexit 0\n' "$2" >"$1"
    chmod +x "$1"
}

case_warns_static()
{
    [ -x "$programs/cli_static" ] || skip "no static program could be built"
    warns "statically linked" "$programs/cli_static"
    make_script "$work/script" "#! $programs/cli_static"
    warns "statically linked" "$work/script"
    make_script "$work/script" "#!/usr/bin/env -S A=b cli_static"
    PATH=$PATH:$programs warns "statically linked" "$work/script"
}

case_warns_foreign()
{
    # Another machine's number in the ELF header, so that it cannot be run here either.
    cp /bin/true "$work/foreign"
    printf '\377\376' | dd of="$work/foreign" bs=1 seek=18 conv=notrunc 2>/dev/null
    try "$command" run "$work/foreign"
    has "warning" "another architecture" "$err"
    # As if it were of 32 bits.
    cp /bin/true "$work/foreign"
    printf '\001' | dd of="$work/foreign" bs=1 seek=4 conv=notrunc 2>/dev/null
    try "$command" run "$work/foreign"
    has "warning" "another architecture" "$err"
}

case_warns_privileged()
{
    [ "$(id -u)" -eq 0 ] || skip "needs root to make a set-user-id program of another user"
    [ -x "$(command -v setpriv)" ] || skip "no setpriv"
    chmod 755 "$work"
    cp /bin/true "$work/privileged"
    inner=$command
    command=$work/as-nobody
    cat >"$command" <<END
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$inner" "\$@"
END
    chmod +x "$command"
    chmod 4755 "$work/privileged"
    warns "set-user-id" "$work/privileged"
    chmod 4711 "$work/privileged"
    warns "set-user-id" "$work/privileged"
    chmod 2755 "$work/privileged"
    warns "set-group-id" "$work/privileged"
    command=$inner
    chmod 6755 "$work/privileged"
    no_warning "$work/privileged"
}

case_no_needless_warning()
{
    no_warning true
    make_script "$work/shell script" "#!/bin/sh"
    no_warning "$work/shell script"
    make_script "$work/script" "#!/usr/bin/env sh"
    no_warning "$work/script"
    make_script "$work/script" "#!/usr/bin/env -S sh -e"
    no_warning "$work/script"
    make_script "$work/no first line" ":"
    no_warning "$work/no first line"
    for loader in /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.*; do
        [ ! -x "$loader" ] || no_warning "$loader" /bin/true
    done
}

"case_$case"
finish
