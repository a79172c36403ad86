#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: xz:xz-utils
# Serves: xz
# Runs: compression with two threads, several formats, damaged data
set -eu
seq 1 400000 | awk '{ print $1 * 7919 % 100003, $1 }' >data
sha256sum data
xz -k -T 2 -1 --block-size=1MiB data
sha256sum data.xz
xz --list --robot data.xz
xz -dc -T 2 data.xz | cmp - data
xz -dc data.xz | sha256sum
head -c 1000000 data | xz -6e --check=sha256 | sha256sum
head -c 300000 data | xz --format=lzma | xz -dc --format=lzma | sha256sum
head -c 100000 data.xz >short.xz
xz -t short.xz 2>&1 || echo "status $?"
