#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: awk:mawk
# Serves: *awk
# Runs: hash tables of 20000 keys, string building and substitution, pipes
set -eu
cat >work.awk <<'AWK'
function fill(n,    i, key) {
    for (i = 1; i <= n; i++) {
        key = "key" i * 7919 % 20011
        count[key]++
        text[key] = text[key] "," i
    }
}
function reverse(s,    r, i) {
    for (i = length(s); i > 0; i--)
        r = r substr(s, i, 1)
    return r
}
BEGIN {
    fill(200000)
    for (key in count)
        print key, count[key], length(text[key]) | "sort | cksum"
    close("sort | cksum")
    for (i = 0; i < 20011; i += 2)
        delete text["key" i]
    for (i = 1; i <= 5000; i++)
        grown = grown sprintf("%05d-%x;", i, i)
    print length(grown), substr(reverse(grown), 1, 40)
    print gsub(/0+([1-9])/, "<&>", grown), length(grown)
    n = split(grown, parts, /[;-]/)
    print n, parts[n - 1], toupper(parts[17])
    while (("seq 1 3000" | getline line) > 0)
        sum += line
    print sum
}
{ fields += NF; $3 = $1 $2; seen[$3] = $0 }
END { print NR, fields; for (i = 1; i <= 20000; i++) if ((i i + 1) in seen) found++; print found }
AWK
seq 40000 | awk '{ print $1, $1 + 1, "x", $1 % 7 }' | awk -f work.awk
