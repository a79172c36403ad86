#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: z3:z3
# Serves: z3
# Runs: eight queens, bit vectors, quantifiers
set -eu
awk 'BEGIN {
    n = 8
    for (i = 0; i < n; i++) {
        print "(declare-const q" i " Int)"
        print "(assert (and (>= q" i " 0) (< q" i " " n ")))"
        for (j = 0; j < i; j++) {
            print "(assert (distinct q" i " q" j "))"
            print "(assert (distinct (- q" i " q" j ") " i - j " (- " i - j ")))"
        }
    }
    print "(declare-const a (_ BitVec 32))\n(declare-const b (_ BitVec 32))"
    print "(assert (= (bvmul a b) #x12345679))\n(assert (bvugt a #x00000001))"
    print "(assert (bvult a b))\n(check-sat)\n(get-value (q0 q1 q2 q3 q4 q5 q6 q7))"
    print "(push)\n(assert (= q0 q1))\n(check-sat)\n(pop)"
    print "(declare-fun f (Int) Int)\n(assert (forall ((x Int)) (= (f (+ x 1)) (+ (f x) 2))))"
    print "(assert (= (f 0) 1))\n(assert (> (f 3) 7))\n(check-sat)"
}' >problem.smt2
z3 -T:30 problem.smt2
# Out of memory on purpose: z3 watches its own allocations.
echo '(check-sat)' | z3 -in -memory:200 -st | grep -c memory
