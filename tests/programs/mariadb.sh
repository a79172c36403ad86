#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: mariadbd:mariadb-server mariadb-install-db:mariadb-server mariadb:mariadb-client
# Serves: mariadbd mariadb
# Runs: a server: 20000 rows, joins, parallel clients
set -eu
. "${0%/*}/servers.sh"
user=$(id -un)
mariadb-install-db --no-defaults --user="$user" --datadir="$PWD/data" \
    --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
    >install.log 2>&1 || cat install.log >&2
launch()
{
    exec mariadbd --no-defaults --user="$user" --datadir="$PWD/data" \
        --bind-address=127.0.0.1 --port="$port" --socket="$PWD/socket" --pid-file="$PWD/pid" \
        --innodb-buffer-pool-size=16M --innodb-flush-log-at-trx-commit=0
}
sql()
{
    mariadb --no-defaults -N -B -u root -h 127.0.0.1 -P "$port" "$@"
}
probe()
{
    [ "$(cat pid)" = "$server" ] && sql -e 'select 1'
}
start_server launch probe
sql <<'SQL'
create database work;
use work;
create table item(id int primary key, kind int, name varchar(80), body text, key(kind))
    engine=innodb;
insert into item select seq, seq * 31 % 997, md5(seq), repeat(seq, seq % 30) from seq_1_to_20000;
select count(*), sum(kind), max(name), sum(length(body)) from item;
select kind, count(*), md5(group_concat(name order by id)) from item group by kind
    order by 2 desc, 1 limit 5;
select count(*) from item a join item b on a.id = b.kind;
create temporary table t engine=memory as select kind, max(id) as top from item group by kind;
select sum(top) from t;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 900) select sum(i) from n;
delete from item where id % 3 = 0;
update item set name = reverse(name) where id % 5 = 0;
optimize table item;
checksum table item;
SQL
workers=
for number in 1 2 3 4; do
    sql work -e "select sum(length(repeat(name, $number))) from item" >"answer$number" &
    workers="$workers $!"
done
for worker in $workers; do
    wait "$worker"
done
cat answer?
sql -e 'shutdown'
wait_server
echo "ended well"
