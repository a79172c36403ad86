#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bare.sh: the first two commands of the README, as a new user types them, on a bare Debian: a
# debootstrap minbase folder entered with chroot, in which nothing but python3 is installed. Needs
# root and a Debian or Ubuntu host, whose release, package sources and proxy it uses.
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
    unshare --mount --pid --fork --kill-child sh "$here/bare.sh" --inside "$work"
    exit
fi

work=$2
root=$work/root
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/brkmalloc/minbase-$suite.tar

# The address of the host's package source for its own release.
mirror()
{
    apt-get indextargets --format "\$(CODENAME) \$(REPO_URI)" "Created-By: Packages" |
        sed -n "s/^$suite //p" | head -n 1
}

make_base()
{
    if ! command -v debootstrap >/dev/null; then
        echo "bare: installing debootstrap"
        apt-get update >"$work/log" 2>&1 || :
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap \
            >>"$work/log" 2>&1 </dev/null || return 1
    fi
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    echo "bare: making a bare $suite with debootstrap"
    mkdir -p "${base%/*}"
    http_proxy=${http_proxy:-${proxy-}} debootstrap --variant=minbase "$suite" "$root" "$(mirror)" \
        >"$work/log" 2>&1 </dev/null || return 1
    tar -C "$root" --numeric-owner -cf "$base.$$" . && mv "$base.$$" "$base"
}

# The host's package sources, keys, certificates and proxy, so that the same mirror is reached.
copy_apt_settings()
{
    rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
    for path in etc/apt/sources.list etc/apt/sources.list.d etc/apt/keyrings etc/apt/trusted.gpg.d \
        usr/share/keyrings etc/ssl/certs usr/share/ca-certificates usr/local/share/ca-certificates \
        etc/resolv.conf etc/hosts; do
        [ -e "/$path" ] || continue
        mkdir -p "$root/${path%/*}"
        cp -RL "/$path" "$root/${path%/*}/"
    done
    apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/90host" || :
}

copy_source_tree()
{
    (cd "$source_tree" && git -c safe.directory='*' ls-files --cached --others --exclude-standard) |
        while IFS= read -r file; do
            [ ! -f "$source_tree/$file" ] || printf '%s\n' "$file"
        done >"$work/files"
    [ -s "$work/files" ] || return 1
    mkdir -p "$root/home/newcomer/brkmalloc"
    tar -C "$source_tree" -cf - -T "$work/files" | tar -C "$root/home/newcomer/brkmalloc" -xf -
}

# enter COMMAND...: runs it in the bare system as a new user's shell would.
enter()
{
    env -i HOME=/root TERM="${TERM:-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        ${no_proxy:+"no_proxy=$no_proxy"} \
        chroot "$root" sh -c 'cd /home/newcomer/brkmalloc && exec "$@"' sh "$@"
}

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

mkdir "$root"
if [ -f "$base" ]; then
    echo "bare: using the $suite kept in $base"
    tar -C "$root" --numeric-owner -xf "$base"
elif ! make_base; then
    tail -n 20 "$work/log"
    give_up "could not make a bare system"
fi
copy_apt_settings
copy_source_tree || give_up "git lists no files in $source_tree"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"

echo "bare: installing python3, which the new user has already"
enter sh -c 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends python3' >"$work/log" 2>&1 </dev/null || {
    tail -n 20 "$work/log"
    give_up "could not install python3 in the bare system"
}

result=0
program='import json;print(len(json.dumps(list(range(10**6)))))'
echo "bare: ./brkmalloc run python3 -c '$program'"
expected=$(enter python3 -c "$program" </dev/null)
found=$(enter ./brkmalloc run python3 -c "$program" </dev/null) || result=1
echo "$found"
[ "$found" = "$expected" ] || result=1
tried "./brkmalloc run python3" "$result"

result=0
program='print(sum("libbrkmalloc.so" in line for line in open("/proc/self/maps")) > 0)'
found=$(enter ./brkmalloc run python3 -c "$program" </dev/null) || result=1
[ "$found" = True ] || result=1
tried "python3 has the library loaded" "$result"

result=0
echo "bare: ./brkmalloc test"
{
    enter ./brkmalloc test </dev/null || echo "exit status $?"
} 2>&1 | tee "$work/test"
tail -n 1 "$work/test" | grep -Eq '^[1-9][0-9]* passed, 0 failed(, [0-9]+ skipped)?$' || result=1
tried "./brkmalloc test" "$result"
finish
