# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Part of the command `brkmalloc` in a source tree: `brkmalloc test`.

# What `test` runs, as steps PRESET:PART. The parts are those of run_step.
brkm_everyday="release:everyday dev:asserted"
brkm_rest="release:full dev:rest asan:all tsan:all"
brkm_full="release:all dev:all asan:all tsan:all"

# The tests that every day has with all assertions and in valgrind: those of the heap and the caches.
brkm_asserted='^unit[.](alloc|bins|block|check|heap|heaps|mapped|purge|regions|rows|thread_cache|top)$'
brkm_asserted="$brkm_asserted|^valgrind[.](regions|stats|reports_.*)$"

command_test() (
    steps=$brkm_everyday kinds="need want" regex='' special='' minutes='' only='' mutants=''
    while [ $# -gt 0 ]; do
        case $1 in
        --quick) steps="release:unit release:api" ;;
        --full) steps=$brkm_full kinds="need want full" ;;
        --rest) steps=$brkm_rest kinds="need want full" ;;
        --bare)
            exec sh "$brkm_home/tests/tools/bare.sh"
            ;;
        --systems)
            exec sh "$brkm_home/tests/systems/debian.sh"
            ;;
        --suites) special=suites ;;
        --clients) special=clients ;;
        --only)
            [ $# -gt 1 ] || usage_error test "--only needs a NAME"
            only="$only --only $2"
            shift
            ;;
        --long) special=long ;;
        --coverage) special=coverage ;;
        --mutation) special=mutation ;;
        --count | --seed)
            case ${2-} in
            '' | *[!0-9]*) usage_error test "$1 needs a number" ;;
            esac
            mutants="$mutants $1 $2"
            shift
            ;;
        --minutes)
            [ $# -gt 1 ] || usage_error test "--minutes needs a number N"
            minutes=$2
            shift
            ;;
        -R)
            [ $# -gt 1 ] || usage_error test "-R needs a REGEX"
            regex=$2
            shift
            ;;
        *) no_arguments test "$1" ;;
        esac
        shift
    done
    case $minutes in
    '') minutes=30 ;;
    0* | *[!0-9]*) usage_error test "--minutes: '$minutes' is not a number from 1 on" ;;
    *) [ "$special" = long ] || usage_error test "--minutes goes with --long" ;;
    esac
    case $only:$special in
    :* | *:suites | *:clients) ;;
    *) usage_error test "--only goes with --suites or --clients" ;;
    esac
    [ -z "$mutants" ] || [ "$special" = mutation ] ||
        usage_error test "--count and --seed go with --mutation"
    [ -z "$regex" ] || [ "$steps" != "$brkm_rest" ] || usage_error test "-R does not go with --rest"
    require_tools release
    if [ "$special" = suites ]; then
        # shellcheck disable=SC2086 # words
        test_suites $only
        exit
    fi
    if [ "$special" = clients ]; then
        # shellcheck disable=SC2086 # words
        test_clients $only
        exit
    fi
    install_missing "$(missing_packages need tests/packages.txt)" || exit
    case $special in
    long)
        test_long "$minutes"
        exit
        ;;
    coverage)
        test_coverage
        exit
        ;;
    mutation)
        # shellcheck disable=SC2086 # a list of words
        test_mutation $mutants
        exit
        ;;
    esac
    for kind in ${kinds#need}; do
        install_wanted tests/packages.txt tests "the tests that run it are skipped" "$kind"
    done
    run_steps "$regex" "$steps"
)

# run_steps REGEX STEPS: exits with 0 when at least one test ran and none failed. Who interrupts it gets
# the result of what has run.
run_steps() (
    regex=$1
    # The tests say for themselves what is preloaded.
    unset LD_PRELOAD BRKMALLOC
    patience=$(patience)
    [ "$patience" -eq 1 ] || echo "the machine is busy: each test may take $patience times as long as usual"
    export CK_TIMEOUT_MULTIPLIER="$patience"
    results=$(mktemp "${TMPDIR:-/tmp}/brkmalloc-test.XXXXXX")
    trap 'rm -f "$results" "$results.log" "$results.ctest"' EXIT
    trap 'interrupted "$results"; exit 130' INT
    trap 'interrupted "$results"; exit 143' TERM HUP
    # shellcheck disable=SC2086 # a list of words
    set -- $2
    number=0 count=$# began=$(date +%s)
    for step in "$@"; do
        number=$((number + 1))
        status=0
        run_step "${step%:*}" "${step#*:}" "$regex" "$results" \
            "step $number of $count$([ -n "$regex" ] || tests_to_go "$@")" || status=$?
        shift
        if [ "$status" -gt 128 ]; then
            interrupted "$results"
            exit "$status"
        fi
    done
    report_results "$results"
)

# Seconds as people say them.
duration()
{
    if [ "$1" -lt 90 ]; then
        echo "$1 s"
    else
        echo "$((($1 + 30) / 60)) min"
    fi
}

# tests_to_go STEP...: how long their tests take if they take what they took the last time; nothing where
# that is not known of one.
tests_to_go() (
    seconds=0
    for step in "$@"; do
        of_step=$(sed -n "s/^$step //p" "$brkm_home/build/test-seconds" 2>/dev/null)
        [ -n "$of_step" ] || exit 0
        seconds=$((seconds + of_step))
    done
    printf ', about %s of tests to go' "$(duration "$seconds")"
)

# note_seconds STEP SECONDS: what the tests of a step took.
note_seconds() (
    file=$brkm_home/build/test-seconds
    {
        grep -v "^$1 " "$file" 2>/dev/null || :
        echo "$1 $2"
    } >"$file.$$"
    mv -f "$file.$$" "$file"
)

# How many times as long as on an idle machine a test may take: by what waits for each processor.
patience() (
    read -r load _ 2>/dev/null </proc/loadavg || load=0
    times=$(((${load%%.*} + $(cores) - 1) / $(cores)))
    [ "$times" -le 10 ] || times=10
    [ "$times" -ge 1 ] || times=1
    echo "$times"
)

# The extended regular expression of the tests that --full alone runs.
full_only()
{
    grep -v -e '^#' -e '^$' "$brkm_home/tests/full-only.txt" | paste -s -d '|' -
}

# run_step PRESET PART REGEX RESULTS PROGRESS: builds a preset and runs a part of its tests, of those that
# match REGEX where it is given. Appends "passed|failed|skipped PRESET/TEST" for each to the file RESULTS.
run_step() (
    preset=$1 part=$2 regex=$3 results=$4 folder=tests target=
    set -- "$5"
    case $part in
    everyday)
        target=brkmalloc_everyday
        set -- "$@" -E "$(full_only)"
        ;;
    unit) target=tests_unit folder=tests/unit ;;
    asserted)
        target=tests_unit folder=tests/unit
        [ -n "$regex" ] || set -- "$@" -R "$brkm_asserted"
        ;;
    api) target=tests_api folder=tests/api ;;
    full) set -- "$@" -R "$(full_only)" ;;
    rest) set -- "$@" -E "$brkm_asserted" ;;
    esac
    echo "== $preset: build ($1)"
    if ! in_builds "$preset" logged "$preset" compile "$preset" -DBRKM_TESTS=ON \
        "-DBRKM_TEST_PATIENCE=$(patience)" $target; then
        echo "failed $preset/build" >>"$results"
        exit 0
    fi
    echo "== $preset: $folder ($1)"
    shift
    junit=$brkm_home/build/$preset/junit.xml
    rm -f "$junit"
    echo "$preset" >"$results.log"
    : >"$results.ctest"
    start=$(date +%s)
    ctest --test-dir "$brkm_home/build/$preset/$folder" --output-on-failure --parallel "$(cores)" \
        --output-junit "$junit" --output-log "$results.ctest" ${regex:+-R "$regex"} "$@" </dev/null || :
    if [ -f "$junit" ]; then
        read_junit "$preset" <"$junit" >>"$results"
        [ -n "$regex" ] || note_seconds "$preset:$part" $(($(date +%s) - start))
    else
        echo "failed $preset/$folder" >>"$results"
    fi
    rm -f "$results.log" "$results.ctest"
)

# interrupted RESULTS: of the part that is running, ctest has written what ended.
interrupted()
{
    if [ -f "$1.log" ]; then
        awk 'NR == 1 { preset = $1 }
            match($0, /Test +#[0-9]+: [^ ]+/) {
                name = substr($0, RSTART, RLENGTH)
                sub(/.*: /, "", name)
                result = /[*][*][*]Skipped|[*][*][*]Not Run/ ? "skipped" : / Passed / ? "passed" : "failed"
                print result " " preset "/" name
            }' "$1.log" "$1.ctest" 2>/dev/null >>"$1"
    fi
    echo
    echo "interrupted; until then:"
    report_results "$1" || :
}

# build_for_tests PRESET: builds the preset with its tests.
build_for_tests() (
    echo "== $1: build"
    in_builds "$1" logged "$1" compile "$1" -DBRKM_TESTS=ON
)

# test_suites [--only NAME]...
test_suites() (
    install_wanted tests/suites/packages.txt "test suites" "the suites that need it are skipped"
    unset LD_PRELOAD BRKMALLOC
    path=$(library) || exit
    witness=$brkm_home/build/release/programs_witness.so
    "$(first_command "${CC:-cc}" cc gcc clang)" -O2 -shared -fPIC \
        "$brkm_home/tests/programs/witness.c" -o "$witness" || exit
    exec python3 -B "$brkm_home/tests/suites/run.py" "$path" "$witness" --write "$@"
)

# test_clients [--only NAME]...: what is fetched and built stays for the next time.
test_clients() (
    install_wanted tests/clients/packages.txt "clients" "the clients that need it are skipped"
    unset LD_PRELOAD BRKMALLOC
    path=$(library) || exit
    exec python3 -B "$brkm_home/tests/clients/run.py" "$(dirname "$path")" \
        --folder "$brkm_home/build/clients" --write "$@"
)

test_long() (
    require_tools fuzz
    unset LD_PRELOAD BRKMALLOC
    build_for_tests release || exit
    build_for_tests fuzz || exit
    exec "$brkm_home/tests/tools/long.sh" "$brkm_home/build/release" "$brkm_home/build/fuzz" "$1"
)

test_mutation() (
    unset LD_PRELOAD BRKMALLOC
    build_for_tests mutation || exit
    exec python3 -B "$brkm_home/tests/mutation/mutate.py" "$brkm_home/build/mutation" "$@"
)

# Counts are written with the program's own malloc and to files: not in the midst of misuse, nor in a
# signal handler, nor where system calls are refused, nor by another user. Each case of unit.failure is
# a process that writes them: one group of cases in 61 will do.
#
# Exits with ctest's status when tests failed, whatever lines they reached; otherwise with that of
# coverage.py.
test_coverage() (
    unset LD_PRELOAD BRKMALLOC
    tests=0
    find "$brkm_home/build/coverage" -name '*.gcda' -delete 2>/dev/null || :
    build_for_tests coverage || exit
    CK_TIMEOUT_MULTIPLIER=5 UNIT_STEP=61 ctest --test-dir "$brkm_home/build/coverage/tests" --output-on-failure \
        -R '^(unit|api|interpose|service|profile|fuzz|stress)[.]|^misuse[.].*[.]prefixed$' \
        -E '^interpose[.](fork_signal|seccomp_refused|set_user_id)' --parallel "$(cores)" \
        </dev/null || tests=$?
    [ "$tests" -eq 0 ] || say "tests failed; what they did not reach shows below"
    lines=0
    python3 -B "$brkm_home/tests/tools/coverage.py" "$brkm_home/build/coverage" || lines=$?
    [ "$tests" -eq 0 ] || say "tests failed, as ctest says above"
    exit $((tests != 0 ? tests : lines))
)

# A test that could not be started is "notrun" as well as one that asked to be skipped.
read_junit()
{
    awk -v preset="$1" '
        function flush() { if (name != "") print result " " preset "/" name; name = "" }
        /^\t<testcase / {
            flush()
            name = status = $0
            sub(/.* name="/, "", name); sub(/".*/, "", name)
            sub(/.* status="/, "", status); sub(/".*/, "", status)
            result = status == "run" ? "passed" : status == "disabled" ? "skipped" : "failed"
        }
        /^\t\t<skipped message="SKIP_/ { result = "skipped" }
        END { flush() }'
}

report_results() (
    count_results()
    {
        grep -c "^$1 " "$2" || :
    }
    passed=$(count_results passed "$1")
    failed=$(count_results failed "$1")
    skipped=$(count_results skipped "$1")
    echo
    sed -n 's/^skipped /skipped: /p; s/^failed /FAILED: /p' "$1"
    [ $((passed + failed)) -gt 0 ] || echo "no test ran"
    echo "this took $(duration $(($(date +%s) - began)))"
    line="$passed passed, $failed failed"
    [ "$skipped" -eq 0 ] || line="$line, $skipped skipped"
    echo "$line"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
)
