#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: sqlite3:sqlite3
# Serves: sqlite3
# Runs: 100000 rows, indexes, joins, transactions, write-ahead log
set -eu
sqlite3 data.db <<'SQL'
pragma journal_mode = wal;
create table item(id integer primary key, kind integer, name text, price real, body blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
insert into item select i, i * 7919 % 997, 'item ' || (i * 31 % 65537), i / 7.0,
    zeroblob(i % 40) from n;
create table kind(kind integer primary key, label text);
insert into kind select distinct kind, printf('kind %05d', kind) from item;
create index item_kind on item(kind, price);
create index item_name on item(name);
select count(*), sum(price), max(name) from item;
select k.label, count(*), round(avg(i.price), 3), group_concat(i.id % 10, '')
    from item i join kind k using (kind) where i.name like 'item 1%'
    group by k.label having count(*) > 10 order by 2 desc, 1 limit 15;
select name, row_number() over (partition by kind order by price desc) as place
    from item where id % 5000 = 0 order by 1;
explain query plan select * from item where name = 'item 42';
begin;
update item set name = upper(name) || hex(body) where id % 3 = 0;
savepoint half;
delete from item where id % 2 = 0;
rollback to half;
commit;
create view wide as select a.id as a, b.id as b from item a join item b on a.id = b.id + 500;
select count(*), sum(a - b) from wide;
delete from item where id % 4 = 1;
vacuum;
pragma integrity_check;
select count(*), sum(length(name)), sum(length(body)), min(price) from item;
SQL
sqlite3 data.db .dump | sha256sum
sqlite3 :memory: "attach 'data.db' as d; create table t as select * from d.item;
    select count(*) from t;"
sqlite3 -csv data.db 'select id, name from item order by name desc, id limit 3'
