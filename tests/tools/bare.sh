#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bare.sh [RELEASE]: the README, as a new user types it, on a bare Debian: a debootstrap minbase folder entered
# with chroot, in which nothing but python3 and pkg-config is installed. First its first command, then all of
# it, by root and by an ordinary user, in a path with blanks, then its second command, unless BARE_TEST says
# no. Needs root and a Debian or Ubuntu host, whose release, when none is named, package sources and proxy it
# uses.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$here/../.." && pwd)
passed=0
failed=0

finish()
{
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

give_up()
{
    echo "bare: $*"
    failed=$((failed + 1))
    finish
}

# Mounts and processes of the trial live in namespaces of their own and end with it.
if [ "${1-}" != --inside ]; then
    [ "$(id -u)" -eq 0 ] || give_up "must run as root (sudo ./brkmalloc test --bare)"
    command -v apt-get >/dev/null || give_up "needs a Debian or Ubuntu host"
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/brkmalloc-bare.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    unshare --mount --pid --fork --kill-child sh "$here/bare.sh" --inside "$work" "$@"
    exit
fi

work=$2
root=$work/root
caller=bare
tree=/home/newcomer/brkmalloc
# shellcheck source=/dev/null
own_release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
release=${3:-$own_release}
# shellcheck source=tests/tools/bare_system.sh
. "$here/bare_system.sh"

# tried WHAT RESULT: RESULT 0 is a pass.
tried()
{
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
        echo "bare: passed: $1"
    else
        failed=$((failed + 1))
        echo "bare: FAILED: $1"
    fi
}

unpack_base || give_up "could not make a bare system"
# Another release has the source that debootstrap left.
if [ "$release" = "$own_release" ]; then
    rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
    copy_from_host etc/apt/sources.list etc/apt/sources.list.d etc/apt/keyrings etc/apt/trusted.gpg.d \
        usr/share/keyrings
fi
copy_network_settings
copy_source_tree "$tree" || give_up "could not copy the source tree"
mount_system

echo "bare: installing python3 and pkg-config, which the new user has already"
enter / sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends python3 pkg-config' >"$work/log" 2>&1 </dev/null || {
    tail -n 20 "$work/log"
    give_up "could not install them in the bare system"
}

result=0
program='import json;print(len(json.dumps(list(range(10**6)))))'
echo "bare: ./brkmalloc run python3 -c '$program'"
expected=$(enter "$tree" python3 -c "$program" </dev/null)
found=$(enter "$tree" ./brkmalloc run python3 -c "$program" </dev/null) || result=1
echo "$found"
[ "$found" = "$expected" ] || result=1
tried "./brkmalloc run python3" "$result"

result=0
program='print(sum("libbrkmalloc.so" in line for line in open("/proc/self/maps")) > 0)'
found=$(enter "$tree" ./brkmalloc run python3 -c "$program" </dev/null) || result=1
[ "$found" = True ] || result=1
tried "python3 has the library loaded" "$result"

result=0
echo "bare: the README from top to bottom"
enter "$tree" env README_INSTALLS=yes sh tests/readme/typed.sh </dev/null || result=1
tried "README.md" "$result"

[ "${BARE_TEST-}" != no ] || finish
result=0
echo "bare: ./brkmalloc test"
{
    enter "$tree" ./brkmalloc test </dev/null || echo "exit status $?"
} 2>&1 | tee "$work/test"
tail -n 1 "$work/test" | grep -Eq '^[1-9][0-9]* passed, 0 failed(, [0-9]+ skipped)?$' || result=1
tried "./brkmalloc test" "$result"
finish
