#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: sqlite3:sqlite3
# SQLite in memory: inserts, an index, joins, groups, updates and deletes.
set -eu
case $1 in
prepare)
    rows=$(($2 * 3000))
    cat >work.sql <<SQL
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, weight REAL);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
    INSERT INTO item SELECT i, 'item ' || (i * 7919 % 10007), i % 101, i / 7.0 FROM n;
CREATE INDEX item_by_name ON item (name, kind);
CREATE TABLE kind (id INTEGER PRIMARY KEY, title TEXT);
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO kind SELECT i, printf('kind %03d', i) FROM n;
SELECT title, count(*), round(sum(weight)) FROM item JOIN kind ON kind.id = item.kind
    GROUP BY title ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON a.name = b.name AND a.kind = b.kind AND a.id < b.id;
SELECT length(group_concat(name || kind)) FROM item;
UPDATE item SET name = name || ' changed' WHERE kind % 3 = 0;
DELETE FROM item WHERE kind % 5 = 0;
SELECT count(DISTINCT name), count(*) FROM item;
SELECT name, kind FROM item ORDER BY name DESC, weight LIMIT 3;
SQL
    ;;
run)
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} sqlite3 -batch :memory: <work.sql
    ;;
esac
