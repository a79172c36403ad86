#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: pg_ctlcluster:postgresql setpriv:util-linux
# Serves: postgres psql initdb
# Runs: a server: tables, joins, parallel clients, vacuum
set -eu
. "${0%/*}/servers.sh"
for bin in /usr/lib/postgresql/*/bin; do
    PATH=$bin:$PATH
done
# The server refuses to run as root.
as_user()
{
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
    fi
    exec "$@"
}
if [ "$(id -u)" = 0 ]; then
    mkdir data
    chown nobody data
fi
(as_user initdb -D "$PWD/data/db" -U owner -A trust --no-sync -E UTF8 --locale=C) \
    >initdb.log 2>&1 || cat initdb.log >&2
launch()
{
    as_user postgres -D "$PWD/data/db" -h 127.0.0.1 -p "$port" -k "$PWD/data" -F \
        -c shared_buffers=16MB -c max_connections=20
}
sql()
{
    psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$port" -U owner postgres "$@"
}
probe()
{
    [ "$(head -n 1 data/db/postmaster.pid)" = "$server" ] && sql -c 'select 1'
}
start_server launch probe
sql <<'SQL'
create table item(id int primary key, kind int, name text, extra jsonb);
insert into item select i, i * 31 % 997, 'item ' || md5(i::text),
    jsonb_build_object('n', i, 'list', array[i, i + 1])
    from generate_series(1, 30000) i;
create index on item(kind);
create index on item using gin(extra);
analyze item;
select count(*), sum(kind), max(name) from item;
select kind, count(*), md5(string_agg(name, ',' order by id)) from item group by kind
    order by 2 desc, 1 limit 5;
select count(*) from item a join item b on a.id = b.kind 
    where b.extra @> '{"list": [77]}' or b.id < 500;
create function twice(x int) returns int language plpgsql as $$ begin return x * 2; end $$;
select sum(twice(id)) from item;
with recursive t(n) as (select 1 union all select n + 1 from t where n < 5000) select sum(n) from t;
delete from item where id % 3 = 0;
vacuum full item;
select count(*), md5(string_agg(extra::text, '' order by id)) from item;
SQL
for number in 1 2 3 4; do
    sql -c "select sum(length(repeat(name, $number))) from item" >"answer$number" &
    workers="${workers:-} $!"
done
for worker in $workers; do
    wait "$worker"
done
cat answer?
kill -INT "$server"
wait_server
echo "ended well"
