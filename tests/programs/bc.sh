#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: bc:bc
# Serves: bc
# Runs: 300 digits of pi and e, factorials, long integers
set -eu
bc -lq <<'BC'
scale = 300
4 * a(1)
e(1)
sqrt(2)
define f(n) { if (n < 2) return (1); return (n * f(n - 1)); }
f(300)
define b(n) {
    auto a[], i
    a[0] = 0
    a[1] = 1
    for (i = 2; i <= n; i++) a[i] = a[i - 1] + a[i - 2]
    return (a[n])
}
b(2000)
scale = 0
2 ^ 5000 % 1000000007
for (i = 1; i < 3000; i++) s += i ^ 20
s
obase = 16
2 ^ 500 - 1
s(1) + c(1)
BC
