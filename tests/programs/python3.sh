#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: python3:python3
# Serves: python3*
# Runs: dictionaries, JSON, pickle, 8 threads, child processes, cycles
set -eu
cat >work.py <<'PY'
import collections, decimal, gc, hashlib, io, json, pickle, re, subprocess, sys, threading, zlib


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def tables():
    table = {}
    for i in range(200000):
        table[f"key{i * 7919 % 100003}"] = [i, str(i) * (i % 7), {"n": i}]
    for i in range(0, 100003, 3):
        table.pop(f"key{i}", None)
    text = json.dumps(table)
    again = json.loads(text)
    print(len(table), len(text), again == table, digest(again))
    print(pickle.loads(pickle.dumps(table)) == table)


def strings():
    parts = []
    for i in range(50000):
        parts.append("%d:%s" % (i, "x" * (i % 100)))
    joined = ",".join(parts)
    print(len(joined), len(re.findall(r"\d+:x{90,}", joined)))
    grown = ""
    for i in range(3000):
        grown += joined[i * 11 : i * 11 + i]
    print(hashlib.md5(grown.encode()).hexdigest())
    packed = zlib.compress(joined.encode(), 6)
    print(zlib.decompress(packed).decode() == joined)
    buffer = bytearray()
    for i in range(20000):
        buffer += i.to_bytes(4, "big") * (i % 5)
    del buffer[1000:50000]
    print(len(buffer), zlib.crc32(buffer))


def threads():
    results = {}
    lock = threading.Lock()

    def work(number):
        local = collections.deque(maxlen=1000)
        for i in range(20000):
            local.append({"thread": number, "step": i, "data": bytes(i % 300)})
        with lock:
            results[number] = sum(item["step"] for item in local)

    for _ in range(4):
        running = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    print(sorted(results.items()))


def processes():
    for i in range(15):
        done = subprocess.run(
            [sys.executable, "-c", f"print(sum(range({i} * 1000)))"], capture_output=True, text=True
        )
        print(done.returncode, done.stdout.strip())
    done = subprocess.run(["sort", "-n"], input="\n".join(map(str, range(5000, 0, -1))),
                          capture_output=True, text=True)
    print(hashlib.sha1(done.stdout.encode()).hexdigest())


class Node:
    def __init__(self, parent):
        self.parent, self.children = parent, []


def cycles():
    gc.collect()
    for _ in range(20):
        root = Node(None)
        for _ in range(3000):
            root.children.append(Node(root))
    del root
    print(gc.collect() >= 0)
    decimal.getcontext().prec = 2000
    print(hashlib.md5(str(decimal.Decimal(2).sqrt()).encode()).hexdigest())
    print(hashlib.md5(str(pow(3, 50000)).encode()).hexdigest() if not hasattr(
        sys, "set_int_max_str_digits") else hashlib.md5(hex(pow(3, 50000)).encode()).hexdigest())
    out = io.StringIO()
    for row in sorted(((i * 31 % 997, i) for i in range(30000)), reverse=True):
        out.write("%d %d\n" % row)
    print(hashlib.md5(out.getvalue().encode()).hexdigest())


for part in (tables, strings, threads, processes, cycles):
    print(part.__name__, flush=True)
    part()
PY
python3 work.py
