#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: grep:grep sed:sed diff:diffutils find:findutils
# Serves: grep sed diff find xargs
# Runs: sed, grep, diff and their like on 60000 lines
set -eu
seq 1 60000 | awk '{ print $1, "line with number", $1 * 7919 % 100003, "and a tail" }' >a
sed '0~97d; s/number \([0-9]*\)7/NUMBER <\1>/; 0~1001a\
inserted' a >b
sha256sum b
grep -c '7' a
grep -E '(12|34|56)+.*9{2}' a | sha256sum
grep -n -B 2 -A 2 -w 99 a | head -n 20
grep -oP '\d+(?= and)' a | sort -n | tail -n 1
printf '%s\n' 111 222 333 4444 55555 >words
grep -F -c -f words a
grep -E "$(seq -s '|' 1000 1400)" a | sha256sum
echo abcabc | grep -E '(.)(.)(.)\1\2\3'
LC_ALL=C.UTF-8 grep -i -c 'LINE' a
sed -n '$!N; s/\n/ /; P; D' a | tail -n 1
sed -E ':a; s/^(.{1,100})$/\1./; ta' words | tail -n 1
sed -n 'H; ${ x; s/\n/,/g; p }' a | sha256sum
diff a b | sha256sum
diff -u a b | tail -n 5
diff -y -W 100 a b | sha256sum
cmp a b || :
mkdir -p tree
for i in $(seq 30); do
    mkdir -p "tree/$i/sub"
    cp words "tree/$i/sub/file-$i.txt"
done
find tree -name '*.txt' -size -2k -newer words -o -type d -name sub | sort | sha256sum
find tree -type f -print0 | sort -z | xargs -0 -n 7 -P 1 cat | wc -l
find tree -type f -print0 | xargs -0 -P 4 -n 5 grep -l 333 | sort | tail -n 2
grep -rl 4444 tree | wc -l
