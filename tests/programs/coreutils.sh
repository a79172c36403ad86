#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: sort:coreutils awk:mawk
# Serves: sort uniq split join sha256sum shuf comm ls
# Runs: sort with threads and temporary files, join, split, hashes on 200000 lines
set -eu
awk 'BEGIN {
    for (i = 1; i <= 200000; i++) {
        x = (x * 16807 + 12345) % 2147483647
        print x % 50021, i, "text" x
    }
}' >lines
sort --parallel=4 lines >sorted
sort --parallel=4 -k1,1n -k3,3r -S 2M -T . lines | sha256sum
sort -k1,1 -u lines | wc -l
sha256sum sorted
cut -d' ' -f1 sorted | uniq -c | sort -k1,1nr -k2,2 | head -n 5
cut -d' ' -f1,2 lines | sort -k1,1 >left
cut -d' ' -f1,3 lines | awk 'NR % 10 == 0' | sort -k1,1 >right
join left right | sha256sum
comm -12 left right | wc -l
split -n l/7 -a 3 --additional-suffix=.part lines piece.
split -b 131073 sorted block.
echo piece.* block.* | wc
cat piece.*.part | cmp - lines
cat block.* | md5sum
sort -m piece.aaa.part piece.aab.part | sha512sum
shuf --random-source=lines -n 1000 lines | sha1sum
tac lines | rev | fold -w 33 | expand | nl | od -An -tx1 | tail -n 3
tr -s 'a-z ' 'A-Z\n' <lines | sort -R --random-source=lines | b2sum
seq 1 100000 | factor | tsort 2>/dev/null | cksum || :
mkdir -p deep/er/est
touch deep/a deep/er/b deep/er/est/c
cp -r deep copy
ls -R copy
du -a --apparent-size copy | sort -k2 | cut -f2
dd if=lines bs=3000 count=100 status=none | base64 | base64 -d | sum
stat -c '%n %s' lines
numfmt --to=iec 1000000 123456789
date -d '2001-02-03 04:05:06 40 days' '+%F %T'
pr -3 -l 20 -h title right | tail -n +5 | head -n 10
paste left right | head -n 2000 | csplit -s - 500 '{2}'
wc xx0*
