#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: curl:curl
# Serves: curl
# Runs: 200 files one by one and 20 at a time, ranges, errors
set -eu
for i in $(seq 200); do
    seq "$i" $((i * 100)) >"file$i"
done
curl -sS "file://$PWD/file[1-200]" | sha256sum
curl -sS -Z --parallel-max 20 -o '#1.out' "file://$PWD/file[1-200]"
cat ./*.out | sha256sum
curl -sS -r 100-199 "file://$PWD/file50"
curl -sS -I "file://$PWD/file50" | head -n 1
curl -sS -w '%{size_download}\n' -o copy "file://$PWD/file50"
curl -sS "file://$PWD/missing" 2>&1 || echo "status $?"
curl -sS --max-time 5 http://127.0.0.1:1/ 2>&1 | sed 's/after [0-9]* ms//' || echo "status $?"
curl --version | tail -n 2
