#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: strace:strace
# Serves: strace
# Runs: traces programs and injects errors into their calls
set -eu
if ! strace -o trace true 2>/dev/null; then
    echo "tracing is not allowed here" >&2
    exit 77
fi
mkdir many
for i in $(seq 200); do : >"many/$i"; done
strace -f -e trace=getdents64,%process -o trace \
    sh -c 'ls many | wc -l; (true); exit 3' || echo "status $?"
grep -c 'exited with' trace
grep -o 'exit_group(3)' trace
strace -c -o summary -f sort --parallel=2 /etc/passwd >/dev/null
grep -c ' total$' summary
strace -e trace=openat -e inject=openat:error=ENOENT:when=1 -o trace \
    cat /etc/passwd >/dev/null 2>&1 || echo "status $?"
strace -V | head -n 1
