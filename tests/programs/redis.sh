#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: redis-server:redis-server redis-cli:redis-tools redis-benchmark:redis-tools
# Serves: redis* redis-benchmark
# Runs: a server under redis-benchmark, all types of data, background save, a restart
set -eu
. "${0%/*}/servers.sh"

launch()
{
    exec redis-server --bind 127.0.0.1 --port "$port" --dir "$PWD" --save '' --databases 4 \
        --hash-max-ziplist-entries 64 --maxclients 500 --activerehashing yes
}
cli()
{
    redis-cli -h 127.0.0.1 -p "$port" "$@"
}
probe()
{
    cli info server | grep -q "process_id:$server"
}

# Everything that is stored, with members of unordered types in sorted order.
cat >digest.lua <<'LUA'
local keys = redis.call('KEYS', '*')
table.sort(keys)
local sum = ''
for _, key in ipairs(keys) do
    local kind = redis.call('TYPE', key).ok
    local value
    if kind == 'string' then
        value = { redis.call('GET', key) }
    elseif kind == 'list' then
        value = redis.call('LRANGE', key, 0, -1)
    elseif kind == 'set' then
        value = redis.call('SMEMBERS', key)
        table.sort(value)
    elseif kind == 'zset' then
        value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    elseif kind == 'hash' then
        local fields = redis.call('HKEYS', key)
        table.sort(fields)
        value = {}
        for i, field in ipairs(fields) do
            value[i] = field .. '=' .. redis.call('HGET', key, field)
        end
    else
        value = { tostring(redis.call('XLEN', key)) }
    end
    sum = redis.sha1hex(sum .. key .. kind .. table.concat(value, ','))
end
return #keys .. ' ' .. sum
LUA
digest()
{
    cli --raw eval "$(cat digest.lua)" 0
}

# benchmark OPTIONS: its figures are times, what counts is that it ends well.
benchmark()
{
    redis-benchmark -h 127.0.0.1 -p "$port" -q "$@" >benchmark.log || cat benchmark.log >&2
    if grep -i error benchmark.log; then
        return 1
    fi
}

start_server launch probe
benchmark -n 20000 -P 16 -c 20 -r 5000 -t set,get,incr,lpush,rpop,sadd,hset,spop,zadd,mset
benchmark -n 4000 -c 50 -d 3000 -r 2000 -t set,get,lrange_100
cli flushall

awk 'BEGIN {
    for (i = 0; i < 20000; i++) {
        text = substr("abcdefghijklmnopqrstuvwxyz0123456789", i % 30 + 1, i % 36 + 1)
        print "SET string:" i % 7001 " " text i
        print "APPEND string:" i % 997 " " text i
        print "HSET hash:" i % 101 " field" i % 503 " " text "#" i
        print "RPUSH list:" i % 53 " " i
        print "SADD set:" i % 31 " " i * 7919 % 1009
        print "SADD words:" i % 31 " " text
        print "ZADD zset:" i % 17 " " i * 31 % 2003 " member" i % 3001
        print "XADD stream:" i % 5 " " i + 1 "-1 name " text "."
        if (i % 5 == 0)
            print "DEL string:" i * 3 % 7001
        if (i % 7 == 0)
            print "LPOP list:" i % 53
        if (i % 11 == 0)
            print "SETRANGE large " i * 50 " " text
    }
}' >commands
cli --pipe <commands | tail -n 1
digest
cli bgsave >/dev/null
grep -v XADD commands | head -n 40000 | cli --pipe | tail -n 1
while cli info persistence | grep -q 'rdb_bgsave_in_progress:1'; do
    sleep 0.05
done
cli info persistence | grep -o 'rdb_last_bgsave_status:[a-z]*'
cli --raw eval 'local t = {} for i = 1, 20000 do t[i] = i .. "" end return #table.concat(t)' 0
cli zunionstore all 17 zset:0 zset:1 zset:2 zset:3 zset:4 zset:5 zset:6 zset:7 zset:8 zset:9 \
    zset:10 zset:11 zset:12 zset:13 zset:14 zset:15 zset:16
cli sort list:7 desc limit 0 5
cli copy large larger
before=$(digest)
echo "$before"
cli config set save '3600 1'
cli shutdown save || : # the server goes before it answers
wait_server

start_server launch probe
after=$(digest)
echo "$after"
[ "$before" = "$after" ]
cli memory purge || :
cli shutdown nosave || :
wait_server
