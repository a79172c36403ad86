#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: vim:vim
# Serves: vim*
# Runs: scripted edits of 20000 lines and of 60 files, undo
set -eu
seq 1 20000 | awk '{ print $1 * 7919 % 10007, "line", $1 }' >text
cat >work.vim <<'VIM'
%s/line \(\d*\)7$/LINE <\1>/
g/^1.*5$/d
%sort n
g/00/t.
1,500m$
undo
redo
v/[13579]/s/$/ even/
1000,1100join
normal gg
normal 50dd
normal G5p
%s/ /\t/g
write! changed
bwipe!
VIM
vim -Nu NONE -i NONE -n -es text -S work.vim -c 'qall!' || echo "status $?"
sha256sum changed
wc changed
for i in $(seq 60); do
    seq "$i" 400 >"part$i"
done
vim -Nu NONE -i NONE -n -es -c 'argdo %s/1/one/ge | update' -c 'qall!' part*
cat part* | sha256sum
vim -Nu NONE -i NONE -es -c 'syntax on' -c 'edit work.vim' -c 'qall!' && echo "ended well"
