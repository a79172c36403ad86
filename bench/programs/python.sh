#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: /usr/bin/python3:python3
# Python with malloc for all its objects: JSON to and fro, dictionaries, strings and object churn.
set -eu
case $1 in
prepare)
    cat >work.py <<'PYTHON'
import json
import sys

size = int(sys.argv[1])


class Node:
    def __init__(self, key, children):
        self.key = key
        self.children = children
        self.label = f"node {key}"


def tree(depth, key):
    return Node(key, [tree(depth - 1, key * 3 + i) for i in range(3)] if depth else [])


def weigh(node):
    return len(node.label) + sum(weigh(child) for child in node.children)


total = 0
for turn in range(max(1, size // 3)):
    records = [
        {"id": i, "name": f"name {i * 7919 % 1000}", "tags": [str(i % n) for n in range(1, 8)],
         "score": i / 7, "nested": {"left": i, "right": [i, i + 1]}}
        for i in range(3000)
    ]
    text = json.dumps(records)
    total += len(text) + sum(len(r["tags"]) for r in json.loads(text))
    total += weigh(tree(8, turn))
    words = {}
    for i in range(30000):
        words.setdefault(str(i * 31 % 5003), []).append(i)
    total += len(" ".join(sorted(words)).split("9"))
print(total)
PYTHON
    echo "$2" >size
    ;;
run)
    export PYTHONMALLOC=malloc PYTHONHASHSEED=0
    exec env ${BENCH_PRELOAD:+LD_PRELOAD="$BENCH_PRELOAD"} /usr/bin/python3 work.py \
        "$(cat size)"
    ;;
esac
