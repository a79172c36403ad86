#!/bin/sh
# SPDX-License-Identifier: MIT
# Source: redis
# Needs: gcc:gcc make:make tclsh:tcl pkg-config:pkg-config
# Serves: redis-server
# Runs: the unit tests of the server's types, expiry, scripts, eviction and persistence, without those marked slow
# Limit: 1800
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/suites/common.sh
. "$here/common.sh"

cp -a "$source" "$work/tree"
cd "$work/tree"
make -C deps hiredis linenoise lua hdr_histogram
make -C src -j "$jobs" MALLOC=libc BUILD_TLS=no USE_SYSTEMD=no OPTIMIZATION=-O1 redis-server redis-cli \
    redis-benchmark
# Redis starts as redis-check-* and redis-sentinel by the name under which it is called.
for name in check-rdb check-aof sentinel; do
    ln -sf redis-server "src/redis-$name"
done

for unit in keyspace scan info type/string type/incr type/list type/list-2 type/set type/zset \
    type/hash type/stream sort expire multi quit dump auth protocol other scripting pubsub bitops \
    bitfield geo memefficiency hyperloglog lazyfree slowlog maxmemory introspection querybuf; do
    [ -f "tests/unit/$unit.tcl" ] || continue
    # Its folder is the only one where the tests look for the server, and they write into it.
    add_test "$unit" 400 "cp -a $work/tree/tests $work/tree/src . && ./src/redis-server --version && \
tclsh tests/test_helper.tcl --single unit/$unit --tags '-slow -large-memory -needs:debug' \
--clients 1 --timeout 300"
done
