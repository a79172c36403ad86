#!/bin/sh
# SPDX-License-Identifier: MIT
#
# no_probes.sh off|missing FOLDER: the library builds without probes, and says so: when they are
# switched off, and when there is no sys/sdt.h.
set -eu

how=$1
build=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rm -rf "$build"
mkdir -p "$build/include/sys"

case $how in
off)
    set -- -DBRKM_PROBES=OFF
    says="No probes: BRKM_PROBES is OFF"
    ;;
missing)
    echo '#error "as if this header were not there"' >"$build/include/sys/sdt.h"
    set -- -DCMAKE_C_FLAGS="-I$build/include"
    says="No probes: sys/sdt.h is missing"
    ;;
*)
    echo "usage: no_probes.sh off|missing FOLDER" >&2
    exit 2
    ;;
esac

cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DBRKM_TESTS=OFF -DBRKM_WERROR=ON "$@" \
    >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
grep -q -F -e "$says" "$build/log" || { echo "cmake does not say: $says"; exit 1; }
cmake --build "$build" --target brkmalloc_shared >"$build/log" 2>&1 || { cat "$build/log"; exit 1; }
if readelf --notes "$build/libbrkmalloc.so" | grep -q 'Provider: brkmalloc'; then
    echo "there are probes all the same"
    exit 1
fi
LD_PRELOAD=$build/libbrkmalloc.so /bin/true
