#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gs:ghostscript
# Ghostscript rendering a generated document: text, curves and clipping.
set -eu
case $1 in
prepare)
    awk -v pages=$(($2 / 10 + 1)) 'BEGIN {
        print "%!PS-Adobe-3.0"
        for (page = 1; page <= pages; page++) {
            for (line = 0; line < 60; line++) {
                print "/" (line % 2 ? "Times-Roman" : "Helvetica") " findfont " 7 + line % 5 \
                    " scalefont setfont"
                print "40 " 30 + line * 12 " moveto (Page " page ", line " line \
                    ": the quick brown fox jumps over the lazy dog) show"
            }
            for (i = 0; i < 400; i++) {
                x = i * 7919 % 600; y = i * 104729 % 780
                print "gsave newpath " x " " y " 60 0 360 arc clip"
                print i % 10 / 10 " " i % 7 / 7 " " i % 3 / 3 " setrgbcolor"
                print "newpath " x " " y " moveto " x + 90 " " y " " x " " y + 90 " " \
                    x + 50 " " y + 50 " curveto closepath fill grestore"
            }
            print "showpage"
        }
    }' >work.ps
    ;;
run)
    env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} gs -q -dSAFER -dNOPAUSE -dBATCH \
        -sDEVICE=ppmraw -r150 -dTextAlphaBits=4 -dGraphicsAlphaBits=4 -sOutputFile=page.ppm work.ps
    exec cksum page.ppm
    ;;
esac
