#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: jq:jq
# Serves: jq
# Runs: groups, sorts and streams 6000 objects
set -eu
jq -n '[range(6000) | {id: ., name: "name \(. * 31 % 997)", tags: [range(. % 5)],
    nested: {a: {b: .}}}]' >data.json
sha256sum data.json
jq -c 'group_by(.name) | map({key: .[0].name, n: length, sum: (map(.id) | add)}) |
    sort_by(.sum) | .[:5]' data.json
jq -r '.[] | select(.id % 300 == 0) | [.id, .name, (.tags | length)] | @csv' data.json
jq '[.[] | .nested.a.b |= . * 2 | .nested] | map(.a.b) | add' data.json
jq -c '[.. | numbers] | length' data.json
jq -c 'map(.name | test("9+$")) | map(select(.)) | length' data.json
jq -c '.[0:2] | tostream' data.json
jq -n 'reduce range(20000) as $i ({}; .["k\($i % 500)"] += $i) | to_entries | map(.value) | max'
jq -c --stream 'select(length == 2) | .[1]' data.json | sha256sum
jq -Rs 'split("\n") | map(select(length > 0) | gsub("[aeiou]"; "_")) | length' data.json
echo '{"broken": [1, 2' | jq . 2>&1 || echo "status $?"
