#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gcc:gcc
# gcc -O2 on one big generated file.
set -eu
case $1 in
prepare)
    awk -v functions=$((($2 * 6 + 9) / 10)) 'BEGIN {
        print "struct point { int x, y; struct point *next; };"
        print "extern int use(int, const char *);"
        for (f = 0; f < functions; f++) {
            print "int work_" f "(struct point *list, int *table, int n)\n{"
            print "    int sum = " f ";"
            for (i = 0; i < 6; i++) {
                print "    for (int i = 0; i < n; i++) {"
                print "        table[i] = table[i] * " f + i " + (list ? list->x : " i ");"
                print "        if ((table[i] & " i + 1 ") == 0)"
                print "            sum += use(table[i], \"text " f i "\");"
                print "        switch (sum % 7) {\n        case 0: sum ^= " i "; break;"
                print "        case 1: sum -= list->y; break;"
                print "        case " i % 4 + 2 ": list = list->next; break;"
                print "        default: sum++;\n        }"
                print "    }"
            }
            print "    return sum" (f > 0 ? " + work_" f - 1 "(list, table, n - 1)" : "") ";\n}"
        }
    }' >work.c
    ;;
run)
    env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} gcc -O2 -S work.c -o work.s
    exec cksum work.s
    ;;
esac
