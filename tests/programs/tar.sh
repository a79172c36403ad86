#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: tar:tar gzip:gzip
# Serves: tar gzip
# Runs: 360 files with links and holes, several formats, there and back
set -eu
umask 022
mkdir -p tree
for i in $(seq 40); do
    mkdir "tree/directory-$i"
    for j in 1 2 3 4 5 6 7 8; do
        seq "$i" $((i * j * 20)) >"tree/directory-$i/file-$j"
    done
    ln "tree/directory-$i/file-1" "tree/directory-$i/hard"
    ln -s file-2 "tree/directory-$i/soft"
done
long=$(printf 'long%.0s' $(seq 40))
mkdir "tree/$long"
echo content >"tree/$long/$long"
truncate -s 1M tree/sparse
find tree -exec touch -h -d '2020-02-02 02:02:02' {} +
make()
{
    tar --sort=name --owner=user:1000 --group=group:1000 --mtime='2020-01-01' "$@" -cf - tree
}
make | sha256sum
make --format=gnu --sparse >tree.tar
sha256sum tree.tar
tar -tvf tree.tar | sha256sum
mkdir out
tar -xf tree.tar -C out
diff -r tree out/tree && echo equal
make -z | tar -tz --wildcards 'tree/directory-1*/soft'
tar -df tree.tar 2>&1 | head -n 3
make >plain.tar
tar --delete -f plain.tar tree/sparse
tar -tf plain.tar | wc -l
tar -xOf tree.tar "tree/$long/$long"
tar --exclude='file-[2-8]' --transform='s,tree,other,' -cf - tree | tar -t | sort | sha256sum
