#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: gs:ghostscript
# Serves: gs
# Runs: renders PostScript to pictures, PDF and text, with threads
set -eu
cat >page.ps <<'PS'
%!PS
/Helvetica findfont 12 scalefont setfont
/words 3000 dict def
0 1 2999 { dup 10 string cvs cvn exch words 3 1 roll put } for
1 1 4 {
    /page exch def
    0 5 600 { dup 50 moveto 300 page 100 mul add lineto 0.3 setlinewidth stroke } for
    gsave 300 400 translate 0 10 350 { rotate 0 0 moveto 100 100 rlineto stroke } for grestore
    0 20 700 { dup 72 exch moveto (line ) show 10 string cvs show } for
    showpage
} for
words length = flush
PS
gs -q -dNOPAUSE -dBATCH -sDEVICE=pnggray -r72 -sOutputFile=page%d.png page.ps
sha256sum page?.png
gs -q -dNOPAUSE -dBATCH -sDEVICE=ppmraw -dTextAlphaBits=4 -r50 -dNumRenderingThreads=2 \
    -sOutputFile=- page.ps | sha256sum
gs -q -dNOPAUSE -dBATCH -sDEVICE=pdfwrite -sOutputFile=page.pdf page.ps
gs -q -dNOPAUSE -dBATCH -sDEVICE=bbox page.pdf 2>&1
gs -q -dNOPAUSE -dBATCH -sDEVICE=txtwrite -sOutputFile=- page.pdf | sha256sum
