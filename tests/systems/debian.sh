#!/bin/sh
# SPDX-License-Identifier: MIT
#
# debian.sh [--folder FOLDER] [RELEASE...]: the real programs, the API's and the interposition tests on other releases of
# Debian than the host's (trixie and sid when none is named), each in a folder made by debootstrap
# and entered with chroot. Needs root and a Debian host, whose mirror and proxy it uses. Writes a row
# for each release into docs/compatibility.md. FOLDER keeps the systems for the next time.
#
# Exit status: 0 all passed, 1 not, 77 no release could be had.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)

skip()
{
    echo "systems: skipped: $*"
    exit 77
}

# Mounts and processes of each trial live in namespaces of their own and end with it.
if [ "${1-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || skip "must run as root (sudo ./brkmalloc test --systems)"
    command -v apt-get >/dev/null || skip "needs a Debian host"
    kept=
    if [ "${1-}" = --folder ]; then
        kept=$2
        shift 2
    fi
    [ $# -gt 0 ] || set -- trixie sid
    if [ -n "$kept" ]; then
        mkdir -p "$kept"
        work=$(realpath "$kept")
    else
        work=$(mktemp -d "${TMPDIR:-/var/tmp}/brkmalloc-systems.XXXXXX")
        trap 'rm -rf --one-file-system "$work"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP
    fi
    status=77
    for release in "$@"; do
        mkdir -p "$work/$release"
        result=0
        unshare --mount --pid --fork --kill-child sh "$here/debian.sh" --inside "$work/$release" \
            "$release" || result=$?
        case $result in
        0) [ "$status" -eq 1 ] || status=0 ;;
        77) ;;
        *) status=1 ;;
        esac
        [ -n "$kept" ] || rm -rf --one-file-system "${work:?}/$release"
    done
    exit "$status"
fi

work=$2
release=$3
root=$work/root
caller=systems
tree=/home/newcomer/brkmalloc
# shellcheck source=tests/tools/bare_system.sh
. "$here/../tools/bare_system.sh"

# All that the build and the tests need, and what the programs' workloads run. What a release does not
# have under that name is left out, and its tests are skipped there.
wanted_packages()
{
    {
        awk '$1 == "need" || $1 == "want" { print $2 }' "$source_tree/tests/packages.txt"
        sed -n 's/^# Needs: //p' "$source_tree"/tests/programs/*.sh | tr ' ' '\n' | sed 's/.*://'
    } | sort -u
}

apt_install()
{
    enter / env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Options::=--force-unsafe-io "$@" >>"$work/log" 2>&1 </dev/null
}

# In unstable a package is at times not to be installed; it does not keep the others away.
install_packages()
{
    # Servers are started by the tests alone.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    enter / sh -c 'apt-get update && apt-get -y dist-upgrade && apt-cache pkgnames | sort' \
        >"$work/log" 2>&1 </dev/null || return
    wanted_packages | sort - >"$work/wanted"
    packages=$(sort "$work/log" | comm -12 "$work/wanted" -)
    # shellcheck disable=SC2086 # several words
    if ! apt_install $packages; then
        for package in $packages; do
            apt_install "$package" || say "$release: $package cannot be installed"
        done
    fi
    enter / sh -c 'apt-get clean; command -v cmake gcc make pkg-config' >>"$work/log"
}

# The library with the tests of three folders, each built by the makefile of its folder.
build()
{
    # shellcheck disable=SC2016 # expanded inside
    enter "$tree" sh -c 'cmake --preset release -DBRKM_TESTS=ON -DBRKM_WERROR=ON || exit
        status=0
        for folder in . tests/api tests/interpose tests/programs; do
            target=all
            [ "$folder" != . ] || target=brkmalloc_shared
            make -C build/release/$folder -k -j "$(nproc)" $target || status=1
        done
        exit "$status"' >"$work/log" 2>&1 </dev/null
}

run_tests()
{
    enter "$tree/build/release" ctest -R '^(api|interpose|programs)\.' --output-on-failure \
        --output-junit "$tree/junit.xml" </dev/null || :
    [ -s "$root$tree/junit.xml" ]
}

if [ ! -e "$work/installed" ]; then
    rm -rf --one-file-system "$root"
    unpack_base || skip "could not make a bare $release: is there a network, and is the host a Debian?"
fi
copy_network_settings
mount_system
if [ ! -e "$work/installed" ]; then
    say "installing on $release what the tests need"
    if ! install_packages; then
        tail -n 20 "$work/log"
        skip "$release: the packages could not be installed"
    fi
    touch "$work/installed"
fi
copy_source_tree "$tree" || exit 1
say "building on $release"
if ! build; then
    grep -E 'error|warning|\*\*\*' "$work/log" | head -n 40
    say "FAILED: the build on $release"
    exit 1
fi
run_tests || exit 1
python3 -B "$here/systems.py" "$release" "$root$tree/junit.xml" \
    "$(enter / sh -c 'ldd --version | sed -n "1s/.* //p"')" \
    "$(enter / gcc -dumpfullversion)"
