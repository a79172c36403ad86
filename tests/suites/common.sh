# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# For the scripts of the suites. Each is called with the folder of its source (- without one) and
# an empty folder to work in, builds its tests and lists them: add_test NAME SECONDS COMMAND,
# where COMMAND is a line for sh, run in an empty folder of its own.
# shellcheck disable=SC2034 # used by the scripts
source=$1 work=$2
jobs=${SUITES_JOBS:-$(nproc)}

add_test()
{
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/tests"
}

# Tests that cannot be built are no tests of the allocator: they are only counted.
not_built()
{
    printf '%s\n' "$1" >>"$work/not-built"
}
