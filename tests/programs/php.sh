#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: php:php-cli
# Serves: php*
# Runs: arrays of 100000 entries, JSON, regular expressions, cycles
set -eu
cat >work.php <<'PHP'
<?php
$table = [];
for ($i = 0; $i < 100000; $i++) {
    $table["key" . $i * 7919 % 5003][] = ["id" => $i, "text" => str_repeat((string)$i, $i % 5)];
}
ksort($table);
$json = json_encode($table);
echo count($table), " ", strlen($json), " ", md5($json), " ", count(json_decode($json, true)), "\n";
echo strlen(serialize($table)), "\n";
echo count(unserialize(serialize(array_slice($table, 0, 100)))), "\n";
unset($table);
gc_collect_cycles();
$text = "";
for ($i = 0; $i < 100000; $i++) {
    $text .= "$i;";
}
echo preg_match_all('/\d*99\d*/', $text), " ", strlen(preg_replace('/(\d)1/', '<$1>', $text)), "\n";
echo hash("sha256", strrev($text)), "\n";
class Node { public $parent; public $children = []; }
for ($i = 0; $i < 20000; $i++) {
    $a = new Node; $b = new Node;
    $a->children[] = $b; $b->parent = $a;
}
echo gc_collect_cycles() > 0 ? "cycles\n" : "none\n";
function numbers($n) {
    for ($i = 0; $i < $n; $i++) { yield $i => str_repeat("x", $i % 50); }
}
$sum = 0;
foreach (numbers(50000) as $key => $value) { $sum += $key * strlen($value); }
echo $sum, "\n";
usort($rows, fn($a, $b) => $a <=> $b) ?? null;
PHP
sed -i '/usort/d' work.php
cat >>work.php <<'PHP'
$rows = array_map(fn($i) => [$i * 31 % 997, "row $i"], range(1, 20000));
usort($rows, fn($a, $b) => $a <=> $b);
echo json_encode(array_slice($rows, 0, 3)), "\n";
echo shell_exec("echo child");
try { throw new RuntimeException("on purpose"); }
catch (Exception $e) { echo $e->getMessage(), "\n"; }
echo date("Y-m-d", 86400 * 365), " ", sprintf("%08.3f %'*10s", 3.14159, "x"), "\n";
PHP
php -n -d memory_limit=512M work.php
# Without PHP's own allocator every value is a malloc.
USE_ZEND_ALLOC=0 php -n work.php
