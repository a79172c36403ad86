# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# A bare Debian in a folder, made by debootstrap from where the host's packages come from, and entered
# with chroot. For scripts that set
#   caller        the word before their messages
#   release       the release's code name
#   work, root    an empty folder, and the one of the system in it
#   source_tree   this source tree
# and run as root, on a Debian or Ubuntu host, in namespaces of their own.
# shellcheck disable=SC2154

base=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/brkmalloc/minbase-$release.tar

say()
{
    echo "$caller: $*"
}

# The address of the host's package source for its own release: the others lie beside it.
mirror()
{
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
    apt-get indextargets --format "\$(CODENAME) \$(REPO_URI)" "Created-By: Packages" |
        sed -n "s/^$own //p" | head -n 1
}

make_base()
{
    if ! command -v debootstrap >/dev/null; then
        say "installing debootstrap"
        apt-get update >"$work/log" 2>&1 || :
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap \
            >>"$work/log" 2>&1 </dev/null || return 1
    fi
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    say "making a bare $release with debootstrap"
    mkdir -p "${base%/*}"
    http_proxy=${http_proxy:-${proxy-}} debootstrap --variant=minbase "$release" "$root" "$(mirror)" \
        >"$work/log" 2>&1 </dev/null || return 1
    tar -C "$root" --numeric-owner -cf "$base.$$" . && mv "$base.$$" "$base"
}

# unpack_base: the system, from the copy that an earlier run kept or made anew.
unpack_base()
{
    mkdir "$root"
    if [ -f "$base" ]; then
        say "using the $release kept in $base"
        tar -C "$root" --numeric-owner -xf "$base"
    elif ! make_base; then
        tail -n 20 "$work/log"
        return 1
    fi
}

# copy_from_host PATH...: without the slash in front; what the host does not have is left out.
copy_from_host()
{
    for path in "$@"; do
        [ -e "/$path" ] || continue
        mkdir -p "$root/${path%/*}"
        cp -RL "/$path" "$root/${path%/*}/"
    done
}

# The host's certificates, names and proxy, so that the same mirror is reached.
copy_network_settings()
{
    copy_from_host etc/ssl/certs usr/share/ca-certificates usr/local/share/ca-certificates \
        etc/resolv.conf etc/hosts
    apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/90host" || :
}

# copy_source_tree FOLDER: what git knows of this source tree, to FOLDER in the system.
copy_source_tree()
{
    (cd "$source_tree" && git -c safe.directory='*' ls-files --cached --others --exclude-standard) |
        while IFS= read -r file; do
            [ ! -f "$source_tree/$file" ] || printf '%s\n' "$file"
        done >"$work/files"
    if [ ! -s "$work/files" ]; then
        say "git lists no files in $source_tree"
        return 1
    fi
    mkdir -p "$root$1"
    tar -C "$source_tree" -cf - -T "$work/files" | tar -C "$root$1" -xf -
}

mount_system()
{
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
}

# enter FOLDER COMMAND...: runs it in the system, in FOLDER, as a new user's shell would.
enter()
{
    env -i HOME=/root TERM="${TERM:-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
        ${no_proxy:+"no_proxy=$no_proxy"} \
        chroot "$root" sh -c 'cd "$1" && shift && exec "$@"' sh "$@"
}
