# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154
#
# Part of the command `brkmalloc` in a source tree: what developers type, `build`, `test` and `bench`.
# No package holds it.

print_developer_usage()
{
    case $1 in
    build) echo "usage: brkmalloc build [--preset NAME]" ;;
    test)
        echo "usage: brkmalloc test [--quick | --full | --rest] [-R REGEX]"
        echo "       brkmalloc test --long [--minutes N] | --coverage | --bare"
        echo "       brkmalloc test --suites | --clients [--only NAME] | --systems"
        echo "       brkmalloc test --mutation [--count N] [--seed S]"
        ;;
    bench)
        echo "usage: brkmalloc bench [--quick] [--only NAME] [--with /path/lib.so] [--rounds N]"
        echo "                       [--instructions | --scaling | --memory | --timeline] [-o DIR]"
        ;;
    *)
        echo "       brkmalloc build [--preset NAME]"
        echo "       brkmalloc test [--quick | --full | --rest] [-R REGEX]"
        echo "       brkmalloc test --long [--minutes N] | --coverage | --bare"
        echo "       brkmalloc test --suites | --clients [--only NAME] | --systems"
        echo "       brkmalloc bench [OPTIONS]"
        ;;
    esac
}

print_developer_help()
{
    case $1 in
    build)
        cat <<'END'
Builds the libraries into build/NAME.

  --preset NAME   one of CMakePresets.json: release (the default), dev, clang, asan, tsan, fuzz, afl,
                  coverage; or package, which makes Debian packages, and installs with apt-get what
                  it takes to put all in that users run (cmake/packages.txt)
END
        ;;
    test)
        cat <<'END'
Builds the library as users run it, and with all assertions, and runs the tests of every day, which take
some ten minutes on two processors and no large packages. From the second time on it says how long they
still take. The last line says
"N passed, N failed", with ", N skipped" when there are some, also when you interrupt it, and the one
before how long it took. The exit status is 0 when at least one test ran and none failed.

  --quick       only the release build's unit and interface tests
  --full        all tests, of the presets release, dev, asan and tsan: some 20 to 30 minutes on two
                processors, and 1.6 GiB of packages
  --rest        only what --full has in addition
  -R REGEX      only tests whose name matches REGEX
  --long        instead: each pair of options, the stress test and each fuzz target (libFuzzer), the
                last two for so many minutes each;
                prints a table of what was done and found
  --minutes N   how many (30)
  --coverage    instead: the tests of src/ in a build that counts; names each line that none executes
                and that is not listed with a reason. Exits with ctest's status when tests failed,
                with 1 when there is such a line
  --mutation    instead: put one small error at a time into the sources and run the quick tests that
                have to do with it; names what no test notices
  --count N     how many errors (100)
  --seed S      which ones are drawn (1)
  --bare        instead: type the README in a bare Debian made by debootstrap (as root)
  --suites      instead: the test suites of glibc, jemalloc, mimalloc, gperftools, Redis, Lua, CPython
                and stress-ng, from Debian's packages, on libc's malloc and on brkmalloc; prints what fails
                only here and writes the table in docs/compatibility.md. Takes hours
  --clients     instead: programs with kernel code, from Debian's source packages, with their shims over
                malloc replaced by the kernel's family; prints what they then do otherwise and writes the
                table in docs/compatibility.md. What is built stays in build/clients
  --only NAME   with --suites or --clients: this one only; may be repeated
  --systems     instead: the tests of the interface, of circumstances and of real programs on Debian's
                next release and on unstable, each in a folder made by debootstrap (as root)
END
        ;;
    bench)
        cat <<'END'
Measures time and peak memory of workloads and real programs on brkmalloc, glibc, jemalloc, tcmalloc
and mimalloc, round by round in turn, and prints a row with the medians of each. Writes all runs as
CSV, the tables as Markdown and a chart as SVG and PNG. The exit status is 1 when a run failed.

  --quick              smaller sizes and fewer rounds; under two minutes
  --only NAME          only this workload or program; may be repeated and hold * and ?
  --with /path/lib.so  another allocator to compare; may be repeated
  --rounds N           runs of each (5; 3 with --quick; with --memory 3 and 1)
  --instructions       instead: instructions per malloc and free, counted by callgrind
  --scaling            instead: threads from 1 to 64 that share nothing (apart) or blocks (threads),
                       live heap up to 4 GiB (live), memory of idle threads (idle)
  --memory             instead: memory beyond what is live, in scenarios that leave holes in a heap
                       and in replays of recorded programs (trace-*)
  --timeline           instead: the memory of a Redis server over its life, whose values grow and which is
                       emptied at last; a few minutes
  -o DIR               where the files go (build/bench)

Peers and programs that are missing are installed with apt-get, after saying so; what cannot be had
is left out. The parts of --instructions, --scaling and --memory can be chosen with --only, too.
END
        ;;
    *)
        cat <<'END'
For work on brkmalloc, in its source tree:

  build   build the libraries
  test    build and run the tests
  bench   compare its speed and memory with other allocators

Each subcommand builds what is missing first. Missing build tools are installed with apt-get (through
sudo unless you are root) after saying so; with BRKMALLOC_NO_INSTALL=1 they are only named.
END
        ;;
    esac
}

command_build() (
    preset=release
    while [ $# -gt 0 ]; do
        case $1 in
        --preset)
            [ $# -gt 1 ] || usage_error build "--preset needs a NAME"
            preset=$2
            shift
            ;;
        --preset=*) preset=${1#*=} ;;
        *) no_arguments build "$1" ;;
        esac
        shift
    done
    require_tools "$preset"
    target=
    if [ "$preset" = package ]; then
        target=package
        install_missing "$(missing_packages need cmake/packages.txt)" || exit
    fi
    # shellcheck disable=SC2086 # a target or none
    in_builds "$preset" compile "$preset" $target </dev/null ||
        fail "the build of preset '$preset' failed"
    [ -z "$target" ] || say "to install: apt-get install $(cd "$brkm_home" && echo ./build/package/*.deb)"
)

# The values of the options are checked by the driver.
command_bench() (
    brkm_arguments=$#
    while [ "$brkm_arguments" -gt 0 ]; do
        case $1 in
        --quick | --instructions | --scaling | --memory | --timeline) ;;
        --only=* | --with=* | --rounds=*) ;;
        --only | --with | --rounds | -o)
            [ "$brkm_arguments" -gt 1 ] || usage_error bench "$1 needs a value"
            set -- "$@" "$1"
            shift
            brkm_arguments=$((brkm_arguments - 1))
            ;;
        *) no_arguments bench "$1" ;;
        esac
        set -- "$@" "$1"
        shift
        brkm_arguments=$((brkm_arguments - 1))
    done
    require_writable_builds release || exit
    install_missing "$(missing_packages need bench/packages.txt)" || exit
    install_wanted bench/packages.txt benchmark "the benchmark leaves it out"
    brkm_library=$(library) || exit
    in_builds release logged workloads compile release -DBRKM_BENCH=ON brkmalloc_bench || exit
    export PYTHONDONTWRITEBYTECODE=1
    exec /usr/bin/python3 "$brkm_home/bench/bench.py" "--library=$brkm_library" \
        "--workloads=$brkm_home/build/release/bench" "$@"
)

# shellcheck source=command/test.sh
. "$brkm_home/command/test.sh"

# develop SUBCOMMAND ARGUMENT...
develop()
{
    brkm_subcommand=command_$1
    shift
    "$brkm_subcommand" "$@"
}
