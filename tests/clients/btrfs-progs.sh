#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: btrfs-progs
# Needs: gcc:gcc make:make pkg-config:pkg-config /usr/include/blkid/blkid.h:libblkid-dev /usr/include/uuid/uuid.h:uuid-dev /usr/include/zlib.h:zlib1g-dev
# Replaced: the section "kmalloc/kfree" of include/kerncompat.h, and what it says of gfp_t and GFP
# Does: mkfs.btrfs of a tree of files on one image and on two, check in both modes, dumps of all trees, restore of the files
#
# btrfs-progs.sh build SOURCE WORK CFLAGS LDFLAGS | input FILES | work BUILT FILES FOLDER: builds the tools
# in WORK, with the kernel's family where there are flags; makes files for them; prints what the tools in
# BUILT do with these in the empty FOLDER.
set -eu

build()
{
    source=$1 work=$2 cflags=$3 ldflags=$4
    cp -R "$source/." "$work"
    cd "$work"
    cp config.h.in include/
    if [ -n "$cflags" ]; then
        sed -i -e '/^#define kmalloc(x, y)/,/^#define memalloc_nofs_restore/c\
#include <linux/mm.h>\
#include <linux/slab.h>\
#include <linux/vmalloc.h>' \
            -e '/^#define gfp_t int/d' -e '/^#define GFP_KERNEL 0/d' -e '/^#define GFP_NOFS 0/d' \
            include/kerncompat.h
        grep -q 'linux/slab.h' include/kerncompat.h
    fi
    ./configure --disable-documentation --disable-convert --disable-zoned --disable-libudev \
        --disable-python --disable-backtrace --disable-lzo --disable-zstd
    make -j2 mkfs.btrfs btrfs EXTRA_CFLAGS="$cflags" EXTRA_LDFLAGS="$ldflags"
}

# What differs from run to run: identifiers, times and what is computed of them.
stable()
{
    sed -E -e 's/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/UUID/g' \
        -e 's/[0-9]{10}\.[0-9]+ \([^)]*\)/TIME/g' -e 's/(csum|checksum)[ \t]+0x[0-9a-f]+/\1/g' \
        -e 's/(UUID_KEY_\w+) 0x[0-9a-f]+/\1/g; s/\(0x[0-9a-f]+ UUID_KEY/(UUID_KEY/g' -e 's/(read time:).*/\1/'
}

# try COMMAND...: its output, errors and status.
try()
{
    echo "+ ${1##*/}"
    status=0
    "$@" 2>&1 || status=$?
    echo "status $status"
}

input()
{
    cd "$1"
    mkdir -p deep/deeper
    i=0
    while [ $i -lt 300 ]; do
        seq $((i * 37)) $((i * 41 + 10)) >"deep/file-$i"
        i=$((i + 1))
    done
    seq 100000 >deep/deeper/large
    dd if=/dev/zero of=zeros bs=1M count=3 status=none
    find . -exec touch -d '2020-01-01 00:00:00 UTC' {} +
}

work()
{
    built=$1 files=$2
    cd "$3"
    mkdir restored
    truncate -s 256M one
    truncate -s 128M first second
    {
        try "$built/mkfs.btrfs" -q -f -r "$files" one
        try "$built/mkfs.btrfs" -q -f -d raid1 -m raid1 first second
        for image in one first; do
            try "$built/btrfs" check "$image"
            try "$built/btrfs" check --mode=lowmem "$image"
            try "$built/btrfs" inspect-internal dump-tree "$image"
            try "$built/btrfs" inspect-internal dump-super -f "$image"
            try "$built/btrfs" inspect-internal tree-stats "$image"
        done
        try "$built/btrfs" check --repair --force one
        try "$built/btrfs" restore one restored
        try "$built/btrfs" filesystem label one a-label
        try "$built/btrfs" rescue super-recover -y one
        try "$built/btrfs" check one
    } | stable
    (cd restored && find . -type f | sort | xargs sha256sum)
}

command=$1
shift
"$command" "$@"
