#!/bin/sh
# SPDX-License-Identifier: MIT
# Ten small programs for pairs.py, which compares what they write with and without the library. What is
# not installed is passed over, in both.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

has()
{
    command -v "$1" >/dev/null
}

seq 1 3000 | sort -r | tail -n 2
seq 1 2000 | awk '{ words["w" $1 % 97] = words["w" $1 % 97] $1 } END { print length(words["w3"]) }'
seq 1 500 | sed -n 's/1/one/gp' | grep -c one
bash -c 'for i in {1..300}; do a[i]="x$i${a[i-1]:0:20}"; done; echo "${a[300]}"' 2>/dev/null
if has python3; then
    python3 -S -c 'import sys, threading, os
found = {}
def work(n): found[n] = sum(len(str(i) * (i % 9)) for i in range(3000))
threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
child = os.fork()
if child == 0: os._exit(len([str(i) for i in range(5000)]) % 7)
print(sorted(found.items()), os.waitpid(child, 0)[1])'
fi
if has perl; then
    perl -e 'my %t; $t{$_ % 301} .= "<$_>" for 1 .. 6000; print length(join ",", map { $t{$_} } sort keys %t),
        "\n"; my @c = `seq 1 40`; print scalar(@c), "\n"'
fi
if has lua5.4; then
    lua5.4 -e 'local t = {} for i = 1, 8000 do t[i % 500] = { tostring(i):rep(i % 5) } end
        collectgarbage() print(#table.concat(t[7]), #t)'
fi
if has sqlite3; then
    sqlite3 :memory: "create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n
        where i < 800) insert into t select i, hex(i * i) from n; create index x on t(b);
        select count(distinct b), max(length(b)) from t;"
fi
if has gcc; then
    printf 'struct s { int a[9]; };\nint f(struct s *s) { return s->a[3] + %d; }\n' 7 >a.c
    gcc -O1 -c a.c -o a.o && nm a.o
fi
if has xz; then
    seq 1 4000 | xz -0 | xz -dc | cksum
fi
