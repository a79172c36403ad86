#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gzip:gzip bzip2:bzip2 zstd:zstd
# Serves: gzip bzip2 zstd
# Runs: gzip, bzip2 and zstd at several levels, threads and dictionaries, there and back
set -eu
seq 1 150000 | awk '{ print $1 * 7919 % 100003, $1 }' >data
for level in 1 6 9; do
    gzip -n -$level <data | sha256sum
    bzip2 -$level <data >data.bz2
    bzip2 -d <data.bz2 | cmp - data
done
bzip2 -c data | sha256sum
gzip -c data | gzip -dc | cmp - data
for options in -1 '-3 -T2' '-9 -T2' '--long=24 -5'; do
    # shellcheck disable=SC2086 # several options
    zstd -q $options -c data >data.zst
    sha256sum data.zst
    zstd -q -dc data.zst | cmp - data
done
mkdir samples
split -b 2000 data samples/
zstd -q --train samples/* -o dictionary --maxdict=16384
zstd -q -D dictionary -c samples/ab | sha256sum
zstd -q -t data.zst && echo tested
