#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gnuplot:gnuplot-nox
# Serves: gnuplot*
# Runs: plots, fits and contours of 20000 points
set -eu
awk 'BEGIN {
    for (i = 0; i < 20000; i++)
        print i / 100, sin(i / 300) * 10 + i * 7919 % 97 / 50, i % 13
}' >data
cat >work.gp <<'GP'
set terminal dumb 100 30
plot 'data' using 1:2 every 50 with points title 'data', sin(x) * 10 with lines
f(x) = a * x + b
fit f(x) 'data' using 1:2 via a, b
print sprintf('%.4f %.4f', a, b)
stats 'data' using 2 nooutput
print sprintf('%.4f %.4f %d', STATS_mean, STATS_stddev, STATS_records)
set terminal svg size 600,400 name 'fixed'
set output 'plot.svg'
splot 'data' using 1:3:2 every 20 with lines
set output
set terminal dumb 60 20
set contour
set isosamples 40
splot x ** 2 - y ** 2
array A[1000]
do for [i = 1:1000] { A[i] = sprintf('%d', i * i) }
print A[77]
GP
gnuplot work.gp 2>&1 | grep -v '^20'
sha256sum plot.svg
