#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: z3:z3
# z3 on generated problems: a factorisation in bit vectors, pigeons and holes, and many small
# problems of linear arithmetic and functions as a program analysis asks them.
set -eu
case $1 in
prepare)
    awk -v size="$2" 'BEGIN {
        print "(declare-const a (_ BitVec 24))\n(declare-const b (_ BitVec 24))"
        print "(push)\n(assert (= (bvmul a b) #x0f4253))\n(assert (bvult #x000001 a))"
        print "(assert (bvult a b))\n(assert (bvult b #x001000))\n(check-sat)\n(pop)"
        holes = size >= 50 ? 8 : 6
        print "(push)"
        for (p = 0; p <= holes; p++) {
            clause = ""
            for (h = 0; h < holes; h++) {
                print "(declare-const p" p "_" h " Bool)"
                clause = clause " p" p "_" h
            }
            print "(assert (or" clause "))"
        }
        for (h = 0; h < holes; h++)
            for (p = 0; p <= holes; p++)
                for (q = 0; q < p; q++)
                    print "(assert (not (and p" p "_" h " p" q "_" h ")))"
        print "(check-sat)\n(pop)"
        print "(declare-fun f (Int) Int)"
        for (k = 0; k <= size; k++) {
            print "(push)"
            for (i = 0; i < 20; i++)
                print "(declare-const x" i " Int)\n(assert (<= 0 x" i " 1000))"
            for (i = 0; i + 3 < 20; i++) {
                print "(assert (< (+ x" i " " (i * 7 + k) % 13 ") (+ x" i + 1 " x" i + 2 ")))"
                print "(assert (=> (> x" i " " k % 50 ") (= (f x" i + 3 ") (+ (f x" i ") 1))))"
            }
            print "(check-sat)\n(pop)"
        }
    }' >work.smt2
    ;;
run)
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} z3 -T:60 work.smt2
    ;;
esac
