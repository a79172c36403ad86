#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh COMMAND LIBRARY PROGRAMS CASE: how the command builds, installs tools and runs tests in a
# source tree. Tools are fakes, except in the case source_tree.
# The cases are called by name, and some of their text is for other shells.
# shellcheck disable=SC2154,SC2317,SC2016
set -eu
script=$1 library=$2 case=$4
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../support/copy_tree.sh"

source_tree=$(cd "$(dirname "$script")" && pwd)

case_developer_usage()
{
    make_sandbox "$work/box"
    command=$tree/brkmalloc
    for arguments in "build --preset" "build x" "build --frobnicate" "test -R" "test x" \
        "test --frobnicate" "test --only" "test --only x" "bench --rounds" "bench x" \
        "bench --frobnicate"; do
        # shellcheck disable=SC2086 # split into arguments
        refuses_usage $arguments
    done
    for subcommand in build test bench; do
        try "$command" "$subcommand" --help
        same "status of '$subcommand --help'" 0 "$status"
        has "standard output" "usage: brkmalloc $subcommand" "$out"
        try "$command" --help
        has "the subcommands of a source tree" "brkmalloc $subcommand " "$out"
    done
}

case_fresh_machine()
{
    make_sandbox "$work/box"
    in_sandbox "$tree/brkmalloc" run sh -c 'echo "$LD_PRELOAD"'
    same "status" 0 "$status"
    same "standard output" "$tree/build/release/libbrkmalloc.so" "$out"
    for package in cmake gcc libc6-dev make; do
        has "packages named" " $package" "$(echo "$err" | grep 'installing with apt-get:')"
        has "packages installed" " $package" "$(log_of apt | grep ' install ')"
    done
    has "size, said first" "this takes 123 MB of disk space" "$err"
    has "options" " --no-install-recommends " "$(log_of apt)"
    has "first call" " update" "$(log_of apt | head -n 1)"
    same "tests configured" 1 "$(log_of cmake | grep -c BRKM_TESTS=OFF)"
    rm "$sandbox/apt.log"
    in_sandbox "$tree/brkmalloc" lib
    same "second time: standard output" "$tree/build/release/libbrkmalloc.so" "$out"
    same "second time: standard error" "" "$err"
    same "second time: apt-get's calls" "" "$(log_of apt)"
}

case_install_with_sudo()
{
    make_sandbox "$work/box"
    rm "$tools/id"
    fake_tool "$tools/id" <<'END'
echo 1000
END
    in_sandbox "$tree/brkmalloc" lib
    same "status without sudo" 1 "$status"
    has "message without sudo" "sudo" "$err"
    same "apt-get's calls without sudo" "" "$(log_of apt)"
    fake_tool "$tools/sudo" <<'END'
echo "sudo $*" >>"$SANDBOX/sudo.log"
exec "$@"
END
    in_sandbox "$tree/brkmalloc" lib
    same "status" 0 "$status"
    has "sudo's command" "DEBIAN_FRONTEND=noninteractive apt-get" "$(log_of sudo)"
    has "sudo's command" " install -y " "$(log_of sudo)"
}

case_install_fails()
{
    make_sandbox "$work/box"
    in_sandbox FAKE_INSTALL_STATUS=100 "$tree/brkmalloc" run echo ran
    same "status" 1 "$status"
    same "standard output" "" "$out"
    has "message" "could not install: cmake" "$err"
    in_sandbox FAKE_UPDATE_STATUS=100 "$tree/brkmalloc" run echo ran
    same "status when only the update fails" 0 "$status"
    same "standard output" "ran" "$out"
}

case_no_install()
{
    make_sandbox "$work/box"
    for subcommand in lib build "run true" test; do
        # shellcheck disable=SC2086 # split into arguments
        in_sandbox BRKMALLOC_NO_INSTALL=1 "$tree/brkmalloc" $subcommand
        same "status of $subcommand" 1 "$status"
        has "what is missing" "cmake 3.25 or newer, a C compiler" "$err"
        has "how to install" "apt-get install --no-install-recommends cmake gcc" "$err"
        same "standard output" "" "$out"
    done
    rm "$tools/apt-get"
    in_sandbox "$tree/brkmalloc" lib
    same "status without apt-get" 1 "$status"
    has "message without apt-get" "cmake 3.25 or newer, a C compiler" "$err"
    bring_fake_tools
    in_sandbox BRKMALLOC_NO_INSTALL=1 "$tree/brkmalloc" lib
    same "status when nothing is missing" 0 "$status"
    in_sandbox BRKMALLOC_NO_INSTALL=1 MISSING_HEADER=check.h "$tree/brkmalloc" test
    same "status of test without Check" 1 "$status"
    has "how to install" "apt-get install --no-install-recommends" "$err"
    has "how to install" " check" "$err"
}

case_old_cmake()
{
    make_sandbox "$work/box"
    bring_fake_tools
    in_sandbox FAKE_CMAKE_VERSION=3.18.4 "$tree/brkmalloc" run echo ran
    same "status" 1 "$status"
    has "message" "3.25" "$err"
    has "message" "3.18.4" "$err"
    same "apt-get's calls" "" "$(log_of apt)"
    in_sandbox FAKE_CMAKE_VERSION=2.40.1 "$tree/brkmalloc" lib
    same "status with cmake 2.40.1" 1 "$status"
    for version in 3.25.0 3.31.2 4.0.1 3.25.0-rc1; do
        in_sandbox FAKE_CMAKE_VERSION="$version" "$tree/brkmalloc" build
        same "status with cmake $version" 0 "$status"
    done
    rm "$tools/cmake"
    in_sandbox FAKE_CMAKE_VERSION=3.18.4 "$tree/brkmalloc" build
    same "status when apt-get brings an old cmake" 1 "$status"
    has "message" "3.18.4" "$err"
}

builds()
{
    log_of cmake | grep -c -e --build || :
}

case_rebuild()
{
    make_sandbox "$work/box"
    bring_fake_tools
    in_sandbox "$tree/brkmalloc" run echo ran
    same "first run: standard output" "ran" "$out"
    has "first run: standard error" "building" "$err"
    lacks "first run: standard error" "the fake build's output" "$err"
    in_sandbox "$tree/brkmalloc" run echo ran
    same "second run: standard error" "" "$err"
    same "builds after two runs" 1 "$(builds)"
    for file in src/source.c include/brkmalloc/brkmalloc.h CMakeLists.txt cmake src/new.c; do
        touch -d '1 minute' "$tree/$file"
        in_sandbox "$tree/brkmalloc" lib
        has "standard error after a change of $file" "building" "$err"
        touch -d '1 hour ago' "$tree/$file" "$tree/src"
        in_sandbox "$tree/brkmalloc" lib
    done
    before=$(builds)
    rm "$tree/build/release/libbrkmalloc.so"
    in_sandbox "$tree/brkmalloc" lib
    same "builds when the library is gone" $((before + 1)) "$(builds)"
}

case_build_fails()
{
    make_sandbox "$work/box"
    bring_fake_tools
    in_sandbox FAKE_BROKEN_PRESET=release "$tree/brkmalloc" run echo ran
    same "status" 1 "$status"
    same "standard output" "" "$out"
    has "standard error" "the fake build's output" "$err"
    has "standard error" "$tree/build/library.log" "$err"
    in_sandbox FAKE_BROKEN_PRESET=release bash "$tree/brkmalloc" lib
    same "status under bash" 1 "$status"
    same "standard output under bash" "" "$out"
    in_sandbox FAKE_BROKEN_PRESET=release "$tree/brkmalloc" build
    same "status of build" 1 "$status"
    has "standard output of build" "the fake build's output" "$out"
    in_sandbox "$tree/brkmalloc" lib
    same "status when it builds again" 0 "$status"
}

case_build_once_at_a_time()
{
    command -v flock >/dev/null || skip "no flock"
    make_sandbox "$work/box"
    bring_fake_tools
    for number in 1 2 3 4; do
        env -i PATH="$tools" HOME="$HOME" SANDBOX="$sandbox" LIBRARY="$library" \
            FAKE_BUILD_SECONDS=1 "$tree/brkmalloc" run echo ran >"$work/out$number" 2>/dev/null &
    done
    wait
    same "standard outputs" "ran ran ran ran" "$(cat "$work"/out? | tr '\n' ' ' | sed 's/ $//')"
    same "builds by four runs at once" 1 "$(builds)"
}

# Whichever subcommands build at one time, one of them does.
case_builds_wait()
{
    command -v flock >/dev/null || skip "no flock"
    make_sandbox "$work/box"
    bring_fake_tools
    write_report a:run >"$work/report"
    touch "$work/profile"
    number=0
    for subcommand in build "build --preset dev" "ctl 1 stats" "pprof $work/profile" "test --quick" lib \
        "record -o $work/trace cat /dev/null"; do
        number=$((number + 1))
        # shellcheck disable=SC2086 # split into arguments
        {
            env -i PATH="$tools" HOME="$HOME" TMPDIR="$sandbox/tmp" SANDBOX="$sandbox" LIBRARY="$library" \
                BRKMALLOC_NO_INSTALL=1 FAKE_REPORT="$work/report" FAKE_BUILD_SECONDS=1 \
                "$tree/brkmalloc" $subcommand >"$work/out$number" 2>&1 || echo "failed: $subcommand"
        } >"$work/result$number" &
    done
    wait
    same "subcommands that failed" "" "$(cat "$work"/result?)"
    has "who waits says so" "waiting for another build" "$(cat "$work"/out?)"
}

# After the tree was moved each subcommand begins its build anew.
case_moved_tree()
{
    touch "$work/profile"
    for subcommand in build lib "ctl 1 stats" "pprof $work/profile" "test --quick" \
        "record -o $work/trace cat /dev/null" "replay $work/profile" "bench"; do
        make_sandbox "$work/box"
        bring_fake_tools
        write_report a:run >"$work/report"
        in_sandbox "$tree/brkmalloc" build
        mv "$tree" "$work/box/moved"
        touch -d '1 minute' "$work/box/moved"/*/packages.txt "$work/box/moved/src/source.c"
        # shellcheck disable=SC2086 # split into arguments
        in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_REPORT="$work/report" "$work/box/moved/brkmalloc" $subcommand
        lacks "output of $subcommand" "CMake Error" "$out$err"
        lacks "output of $subcommand" "the build failed" "$out$err"
        has "cmake's calls by $subcommand" "--fresh --preset release" "$(log_of cmake)"
        rm -rf "$work/box"
    done
}

# Who may not write to the tree runs what is built, and is told what to do where something is missing.
case_unwritable_tree()
{
    [ "$(id -u)" -eq 0 ] || skip "needs root, to be another user"
    [ -x "$(command -v setpriv)" ] || skip "no setpriv"
    make_sandbox "$work/box"
    bring_fake_tools
    chmod 755 "$work"
    chmod 1777 "$sandbox/tmp"
    # shellcheck disable=SC2086 # split into arguments
    as_nobody()
    {
        in_sandbox BRKMALLOC_NO_INSTALL=1 "$(command -v setpriv)" --reuid=65534 --regid=65534 --clear-groups \
            "$tree/brkmalloc" $subcommand
    }
    all="build;lib;ctl 1 stats;pprof $work/out;run true;record -o /dev/null/x true;test --quick"
    for state in "nothing is built" "the library is old" "one file is of another user"; do
        case $state in
        "the library is old")
            in_sandbox "$tree/brkmalloc" lib
            touch -d '1 minute' "$tree/src/source.c"
            ;;
        "one file"*)
            chown -R 65534 "$tree"
            chown 0 "$tree/build/release/CMakeCache.txt"
            ;;
        esac
        IFS=';'
        for subcommand in $all; do
            unset IFS
            as_nobody
            same "status of $subcommand when $state" 1 "$status"
            case $subcommand in
            record*) ;;
            *) has "$subcommand when $state" "cannot be written, it belongs to root. Copy" "$out$err" ;;
            esac
            lacks "$subcommand when $state" "command/" "$err"
        done
    done
    subcommand=lib
    chown -R 0 "$tree"
    in_sandbox "$tree/brkmalloc" lib
    touch -d '1 hour ago' "$tree/src/source.c"
    in_sandbox "$tree/brkmalloc" lib
    as_nobody
    same "status of lib when all is built" 0 "$status"
}

case_presets()
{
    make_sandbox "$work/box"
    bring_fake_tools
    in_sandbox "$tree/brkmalloc" build
    has "output of the build" "the fake build's output" "$out"
    has "preset" "--preset release " "$(log_of cmake)"
    for arguments in "--preset dev" "--preset=asan"; do
        # shellcheck disable=SC2086 # split into arguments
        in_sandbox "$tree/brkmalloc" build $arguments
        same "status of build $arguments" 0 "$status"
        has "preset" "--preset ${arguments#--preset?} " "$(log_of cmake)"
    done
    rm "$tools/make"
    fake_tool "$tools/ninja" </dev/null
    in_sandbox "$tree/brkmalloc" build --preset tsan
    has "generator where there is only ninja" "-G Ninja --preset tsan" "$(log_of cmake)"
}

# report NAME:STATUS...: a report such as ctest writes, STATUS run, fail, skip, missing or disabled.
write_report()
{
    echo '<testsuite name="(empty)">'
    for test in "$@"; do
        name=${test%:*} result=${test#*:} inner='<failure message=""/>'
        case $result in
        skip) result=notrun inner='<skipped message="SKIP_RETURN_CODE=77"/>' ;;
        missing) result=notrun inner='<skipped message="Unable to find executable"/>' ;;
        esac
        printf '\t<testcase name="%s" classname="%s" time="0.1" status="%s">\n' \
            "$name" "$name" "$result"
        printf '\t\t%s\n\t\t<system-out>status="fail"</system-out>\n\t</testcase>\n' "$inner"
    done
    echo '</testsuite>'
}

case_test_counts()
{
    make_sandbox "$work/box"
    bring_fake_tools
    report=$work/report
    test_with()
    {
        in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_REPORT="$report" "$@"
        last=$(echo "$out" | tail -n 1)
    }
    write_report a:run b:run >"$report"
    test_with "$tree/brkmalloc" test
    same "last line of the everyday tests" "4 passed, 0 failed" "$last"
    for step in "release: tests (step 1 of 2)" "dev: tests/unit (step 2 of 2)"; do
        has "steps" "== $step" "$out"
    done
    lacks "what is to go, where it is not known" "to go" "$out"
    has "how long it took" "this took " "$(echo "$out" | tail -n 2 | head -n 1)"
    sed -i 's/ .*/ 240/' "$tree/build/test-seconds"
    test_with "$tree/brkmalloc" test
    has "what is to go" "== release: tests (step 1 of 2, about 8 min of tests to go)" "$out"
    has "what is to go" "== dev: tests/unit (step 2 of 2, about 4 min of tests to go)" "$out"
    test_with "$tree/brkmalloc" test -R a
    lacks "what is to go of a part" "to go" "$out"
    has "tests that are left out" " -E ^systems[.]|^debuggers[.]|" "$(log_of ctest)"
    has "what is built" "--target brkmalloc_everyday" "$(log_of cmake)"
    rm "$sandbox/ctest.log"
    test_with "$tree/brkmalloc" test --rest
    same "last line of the rest" "8 passed, 0 failed" "$last"
    has "tests of the rest" " -R ^systems[.]|^debuggers[.]|" "$(log_of ctest)"
    has "tests of the rest" "build/dev/tests --output-on-failure" "$(log_of ctest)"
    has "tests of the rest" " -E ^unit" "$(log_of ctest)"
    test_with "$tree/brkmalloc" test --full
    same "last line" "8 passed, 0 failed" "$last"
    same "status" 0 "$status"
    for preset in release dev asan tsan; do
        has "builds named" "== $preset" "$out"
    done
    write_report a:run b:skip c:disabled >"$report"
    test_with "$tree/brkmalloc" test --full
    same "last line with skips" "4 passed, 0 failed, 8 skipped" "$last"
    same "status with skips" 0 "$status"
    write_report a:run b:fail c:missing d:skip >"$report"
    test_with "$tree/brkmalloc" test --full
    same "last line with failures" "4 passed, 8 failed, 4 skipped" "$last"
    same "status with failures" 1 "$status"
    has "names of the failed" "FAILED: tsan/c" "$out"
    write_report a:run >"$report"
    test_with FAKE_BROKEN_PRESET=asan "$tree/brkmalloc" test --full
    same "last line with a broken build" "3 passed, 1 failed" "$last"
    same "status with a broken build" 1 "$status"
    has "the build's output" "the fake build's output" "$err"
    write_report >"$report"
    test_with "$tree/brkmalloc" test
    same "last line without tests" "0 passed, 0 failed" "$last"
    same "status without tests" 1 "$status"
    test_with FAKE_REPORT= "$tree/brkmalloc" test
    same "last line when ctest reports nothing" "0 passed, 2 failed" "$last"
    test_with FAKE_CTEST_INTERRUPTED=yes "$tree/brkmalloc" test
    same "last line when it is interrupted" "1 passed, 1 failed, 1 skipped" "$last"
    has "what failed until then" "FAILED: release/unit.b" "$out"
    same "status when it is interrupted" 130 "$status"
    same "leftovers" "" "$(ls "$sandbox/tmp")"
}

case_test_selection()
{
    make_sandbox "$work/box"
    bring_fake_tools
    write_report a:run >"$work/report"
    in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_REPORT="$work/report" "$tree/brkmalloc" test \
        --quick -R 'name with space'
    same "last line" "2 passed, 0 failed" "$(echo "$out" | tail -n 1)"
    has "folders" "build/release/tests/unit " "$(log_of ctest)"
    has "folders" "build/release/tests/api " "$(log_of ctest)"
    has "selection" "-R name with space" "$(log_of ctest)"
    lacks "presets" "--preset dev" "$(log_of cmake)"
    has "tests configured" "BRKM_TESTS=ON" "$(log_of cmake)"
}

# --long and --coverage hand over to a script, whose status is theirs.
case_special_tests()
{
    make_sandbox "$work/box"
    bring_fake_tools
    mkdir "$tree/tests/tools"
    for tool in clang python3; do
        fake_tool "$tools/$tool" <<'END'
exit "${FAKE_STATUS:-0}"
END
    done
    fake_tool "$tree/tests/tools/long.sh" <<'END'
echo "long $3"
exit "${FAKE_STATUS:-0}"
END
    for expected in 0 1; do
        in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_STATUS=$expected "$tree/brkmalloc" test \
            --long --minutes 3
        same "status of --long" "$expected" "$status"
        has "minutes" "long 3" "$out"
        in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_STATUS=$expected "$tree/brkmalloc" test --coverage
        same "status of --coverage" "$expected" "$status"
        has "preset" "--preset coverage" "$(log_of cmake)"
        in_sandbox BRKMALLOC_NO_INSTALL=1 FAKE_STATUS="$expected" FAKE_CTEST_STATUS=8 \
            "$tree/brkmalloc" test --coverage
        same "status of --coverage when tests fail and coverage.py exits $expected" 8 "$status"
        has "what failed" "tests failed" "$err"
    done
}

# A real build, in a folder with a space, by a command that was reached through a link.
case_source_tree()
{
    command -v cmake >/dev/null || skip "no cmake"
    tree="$work/a folder"
    copy_tree "$source_tree" "$tree"
    ln -s "$tree/brkmalloc" "$work/command"
    export BRKMALLOC_NO_INSTALL=1
    try "$work/command" run grep -c libbrkmalloc.so /proc/self/maps
    same "status of the first run" 0 "$status"
    has "standard error" "building" "$err"
    try "$work/command" run sh -c 'exit 9'
    same "status of the second run" 9 "$status"
    same "standard error" "" "$err"
    try "$work/command" lib
    built=$(readlink -f "$tree/build/release/libbrkmalloc.so")
    same "library" "$built" "$(readlink -f "$out")"
    mv "$tree" "$work/moved"
    touch -d '1 minute' "$work/moved/src" "$work/moved/ctl"
    try "$work/moved/brkmalloc" run true
    same "status after the folder was moved" 0 "$status"
    try "$work/moved/brkmalloc" record -o "$work/trace" ls /
    same "status of record" 0 "$status"
    same "whether there is a trace" yes "$([ -s "$work/trace" ] && echo yes)"
    try "$work/moved/brkmalloc" ctl 1 version
    has "what ctl says" "process 1" "$err"
}

"case_$case"
finish
