#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: xfsprogs
# Needs: gcc:gcc make:make pkg-config:pkg-config /usr/include/ini.h:libinih-dev /usr/include/*/urcu.h:liburcu-dev /usr/include/uuid/uuid.h:uuid-dev
# Replaced: libxfs/kmem.c and include/kmem.h
# Does: mkfs.xfs of a tree of files, xfs_repair of whole and of damaged images, xfs_db's checks and dumps
#
# xfsprogs.sh build SOURCE WORK CFLAGS LDFLAGS | input FILES | work BUILT FILES FOLDER: as btrfs-progs.sh.
set -eu

# Flags of 0, which xfsprogs means GFP_KERNEL by, never wait in the kernel and here; and none of its
# callers expects a failure.
write_kmem()
{
    : >libxfs/kmem.c
    cat >include/kmem.h <<'END'
#ifndef __KMEM_H__
#define __KMEM_H__

#define BRKM_COMPAT_NO_SHORT_TYPES
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define KM_NOFS 0x0004u
#define KM_MAYFAIL 0x0008u
#define KM_LARGE 0x0010u
#define KM_NOLOCKDEP 0x0020u

static inline gfp_t kmem_flags(gfp_t flags)
{
	return flags | GFP_KERNEL | __GFP_NOFAIL;
}

#undef kmem_cache_alloc
#undef kmem_cache_zalloc
#undef kmem_cache_destroy
#undef kmalloc
#undef kvmalloc
#undef krealloc
#define kmem_cache_init(size, name) kmem_cache_create(name, size, 0, 0, NULL)
#define kmem_cache_alloc(cache, flags) brkm_kmem_cache_alloc(cache, kmem_flags(flags))
#define kmem_cache_zalloc(cache, flags) brkm_kmem_cache_zalloc(cache, kmem_flags(flags))
#define kmem_cache_destroy(cache) (brkm_kmem_cache_destroy(cache), 0)
#define kmalloc(size, flags) brkm_kmalloc(size, kmem_flags(flags))
#define kvmalloc(size, flags) brkm_kvmalloc(size, kmem_flags(flags))
#define krealloc(object, size, flags) brkm_kvrealloc(object, size, kmem_flags(0))
#define kmem_alloc(size, flags) brkm_kvmalloc(size, kmem_flags(0))
#define kmem_zalloc(size, flags) brkm_kvzalloc(size, kmem_flags(0))
#define kmem_free(object) brkm_kvfree(object)

#endif
END
}

build()
{
    source=$1 work=$2 cflags=$3 ldflags=$4
    cp -R "$source/." "$work"
    cd "$work"
    [ -z "$cflags" ] || write_kmem
    LDFLAGS=$ldflags ./configure --disable-gettext --disable-blkid --enable-editline=no \
        --disable-scrub --disable-libicu --disable-librt --enable-shared=no
    [ -z "$cflags" ] || echo "GCFLAGS += $cflags" >>include/builddefs
    make headers
    make -j2 mkfs repair db
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
    # mkfs.xfs's description of them: a boot file, sizes, then the tree.
    {
        printf '/none\n0 0\nd--755 0 0\ndeep d--755 0 0\n'
        for file in deep/file-*; do
            echo "${file#deep/} ---644 0 0 $1/$file"
        done
        printf 'deeper d--755 0 0\nlarge ---600 1 2 %s/deep/deeper/large\n$\n$\n' "$1"
        printf 'link l--777 0 0 deep/file-7\n$\n'
    } >proto
}

# What differs from run to run: times, generations, and what is computed of them.
stable()
{
    sed -E -e 's/^(.*(time|crc|gen|cycle|uuid)[a-z.]* = ).*/\1/' \
        -e 's/(detected at) 0x[0-9a-f]+/\1/' -e 's/^(.*(finished|started).*) .*/\1/' \
        -e 's/[0-9]+ (second|minute)s?.*//' -e 's/Log inconsistent.*//'
}

# try COMMAND...: its output, errors and status.
try()
{
    echo "+ ${1##*/}"
    status=0
    "$@" 2>&1 || status=$?
    echo "status $status"
}

# db BUILT IMAGE COMMAND...
db()
{
    built=$1 image=$2
    shift 2
    for command in "$@"; do
        set -- "$@" -c "$command"
        shift
    done
    try "$built/db/xfs_db" -r "$@" "$image"
}

work()
{
    built=$1 files=$2
    cd "$3"
    truncate -s 320M image
    {
        try "$built/mkfs/mkfs.xfs" -f -m uuid=11111111-2222-3333-4444-555555555555 -p "$files/proto" image
        try "$built/repair/xfs_repair" -n image
        db "$built" image sb print 'agf 0' print 'agi 1' print 'freesp -s' 'frag -v' \
            'inode 128' print 'inode 131' print 'blockget -n' 'ncheck' 'logres'
        cp image damaged
        dd if=/dev/zero of=damaged bs=512 seek=1 count=1 conv=notrunc status=none
        dd if=/dev/zero of=damaged bs=4096 seek=17 count=1 conv=notrunc status=none
        try "$built/repair/xfs_repair" -L damaged
        try "$built/repair/xfs_repair" -n damaged
        db "$built" damaged sb print 'freesp -s' 'blockget -n' 'ncheck'
    } | stable
}

command=$1
shift
"$command" "$@"
