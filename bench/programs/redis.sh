#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: redis-server:redis-server redis-benchmark:redis-tools redis-cli:redis-tools
# A redis server under redis-benchmark's pipelined mix. The time is that of the benchmark, whose
# client runs on libc's malloc; memory and processor time are the server's.
set -eu
[ "$1" = run ] || {
    echo "$2" >size
    exit 0
}
size=$(cat size)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :' EXIT
trap 'exit 143' HUP INT TERM

cli()
{
    redis-cli -h 127.0.0.1 -p "$port" "$@"
}

# A port that is taken ends the server: another one is tried.
start_server()
{
    for _ in 1 2 3 4 5; do
        port=$(shuf -i 10000-30000 -n 1)
        env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} redis-server --bind 127.0.0.1 \
            --port "$port" --dir "$PWD" --save '' --appendonly no --activerehashing no \
            --hash-max-ziplist-entries 64 >server.log 2>&1 &
        server=$!
        for _ in $(seq 200); do
            kill -0 "$server" 2>/dev/null || break
            ! cli info server 2>/dev/null | grep -q "process_id:$server" || return 0
            sleep 0.02
        done
        kill "$server" 2>/dev/null || :
        wait "$server" || :
    done
    cat server.log >&2
    exit 1
}

# benchmark OPTIONS
benchmark()
{
    redis-benchmark -h 127.0.0.1 -p "$port" -q "$@" >>benchmark.log 2>&1
}

start_server
: >benchmark.log
begin=$(date +%s.%N)
benchmark -n $((size * 1500)) -r 100000 -d 100 -P 32 -c 20 -t set,get,incr,lpush,rpop,sadd,hset,zadd
benchmark -n $((size * 150)) -r 5000 -d 2000 -P 16 -c 20 -t set,get
benchmark -n $((size * 20)) -P 16 -c 20 lrange mylist 0 99
end=$(date +%s.%N)

# What the driver takes instead of this script's own figures.
{
    echo "wall $(echo "$begin $end" | awk '{ printf "%.6f", $2 - $1 }')"
    awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, "")
        printf "user %.2f\nsystem %.2f\n", $12 / ticks, $13 / ticks }' "/proc/$server/stat"
    awk '/^VmHWM:/ { print "peak_kib " $2 }' "/proc/$server/status"
} >"$BENCH_FIGURES"
if grep -i error benchmark.log; then
    exit 1
fi
[ "$(cli ping)" = PONG ]
cli shutdown nosave >/dev/null 2>&1 || :
status=0
wait "$server" || status=$?
server=
exit "$status"
