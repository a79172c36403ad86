#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""statistics.py LINKED_PROGRAM STATIC_PROGRAM: the statistics are JSON and XML that parsers
take, have glibc's fields and every one of ours, and add up."""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
STATES = ("in_use", "cached", "free")
# Bytes, counts, and what an unsigned subtraction makes of too little.
IMPLAUSIBLE = 1 << 40
failures = []


def same(what, expected, found):
    if expected != found:
        failures.append(f"{what}: expected {expected}, found {found}")


def fields():
    """{section: [key]}, from the table in stats/stats.h."""
    with open(os.path.join(ROOT, "src/stats/stats.h"), encoding="utf-8") as file:
        rows = re.findall(r"    X\((\w+), (\w+)\)", file.read())
    sections = {}
    for section, key in rows:
        sections.setdefault(section, []).append(key)
    return sections


def run(command, options=""):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          env=os.environ | {"BRKMALLOC": options})


def check_sums(what, sections, classes):
    memory = sections["memory"]
    same(f"{what}: memory.total", memory["total"],
         sum(memory[part] for part in ("in_use", "cached", "free", "overhead")))
    same(f"{what}: peak is the most", True, sections["peak"]["total"] >= memory["total"])
    locks = sections["locks"]
    same(f"{what}: locks.all", locks["all"],
         sum(waits for name, waits in locks.items() if name != "all" and not name.endswith("_taken")))
    same(f"{what}: cached bytes by class", memory["cached"],
         sum(entry.get("cached_bytes", 0) for entry in classes))
    same(f"{what}: free bytes by class", sections["heap"]["free"] - sections["heap"]["top"],
         sum(entry.get("free_bytes", 0) for entry in classes))
    same(f"{what}: heap blocks by class", sections["in_use"]["heap_blocks"],
         sum(entry.get("in_use_blocks", 0) for entry in classes))


def check_caches(what, sections, caches):
    same(f"{what}: listed caches", sections["caches"]["threads"], len(caches))
    for key in ("blocks", "bytes"):
        same(f"{what}: {key} of the caches", sections["caches"][key],
             sum(cache[key] for cache in caches))
    same(f"{what}: numbers of the caches", len(caches), len({cache["number"] for cache in caches}))


def check_json(what, text, threads):
    data = json.loads(text)
    sections = {name: data[name] for name in fields()}
    for name, keys in fields().items():
        same(f"{what}: keys of {name}", keys, list(sections[name]))
        same(f"{what}: numbers in {name}", True,
             all(isinstance(value, int) and 0 <= value < IMPLAUSIBLE
                 for value in sections[name].values()))
    same(f"{what}: threads", threads, sections["caches"]["threads"])
    check_sums(what, sections, data["classes"])
    check_caches(what, sections, data["thread_caches"])
    sizes = [entry["size"] for entry in data["classes"]]
    same(f"{what}: order of the classes", sorted(set(sizes)), sizes)
    return data


def numbers(element):
    return {key: int(value) for key, value in element.attrib.items()}


def check_glibc_totals(what, parent, types):
    """The elements that glibc's malloc_info has in a heap and in the whole."""
    same(f"{what}: totals", types, [total.get("type") for total in parent.findall("total")])
    for total in parent.findall("total"):
        same(f"{what}: attributes of a total", {"type", "count", "size"}, set(total.attrib))
    for tag, expected in (("system", ["current", "max"]), ("aspace", ["total", "mprotect"])):
        found = parent.findall(tag)
        same(f"{what}: {tag}", expected, [element.get("type") for element in found])
        for element in found:
            same(f"{what}: size of {tag}", True, 4096 <= int(element.get("size")) < IMPLAUSIBLE)
        sizes = [int(element.get("size")) for element in found]
        same(f"{what}: order of {tag}", True, sizes[0] <= sizes[1] or tag == "aspace")


def check_xml(what, text):
    root = ElementTree.fromstring(text)
    same(f"{what}: root", ("malloc", {"version": "1"}), (root.tag, root.attrib))
    same(f"{what}: heaps", ["0"], [heap.get("nr") for heap in root.findall("heap")])
    heap = root.find("heap")
    check_glibc_totals(f"{what}, heap", heap, ["fast", "rest"])
    check_glibc_totals(f"{what}, whole", root, ["fast", "rest", "mmap"])
    ours = root.find("brkmalloc")
    sections = {name: numbers(ours.find(name)) for name in fields()}
    for name, keys in fields().items():
        same(f"{what}: attributes of {name}", keys, list(sections[name]))
    check_sums(what, sections, [numbers(entry) for entry in ours.findall("class")])
    check_caches(what, sections, [numbers(cache) for cache in ours.findall("cache")])
    free = 0
    for size in heap.find("sizes").findall("size"):
        entry = numbers(size)
        same(f"{what}: attributes of a size", {"from", "to", "total", "count"}, set(entry))
        same(f"{what}: bounds of a size", True,
             entry["from"] * entry["count"] <= entry["total"] <= entry["to"] * entry["count"])
        free += entry["total"]
    same(f"{what}: sum of the sizes", sections["heap"]["free"] - sections["heap"]["top"], free)
    mapped = root.find("total[@type='mmap']")
    same(f"{what}: mapped blocks", sections["in_use"]["mapped_blocks"], int(mapped.get("count")))
    same(f"{what}: system memory", sections["heap"]["from_system"],
         int(root.find("system[@type='current']").get("size")))


def check_lines(what, text):
    """The same numbers as in JSON, a line each."""
    lines = [line.split() for line in text.splitlines()]
    names = [f"{section}.{key}" for section, keys in fields().items() for key in keys]
    same(f"{what}: names", names, [line[0] for line in lines if "." in line[0]])
    sections = {section: {} for section in fields()}
    for name, number in (line for line in lines if "." in line[0]):
        section, key = name.split(".")
        sections[section][key] = int(number)
    classes = [dict(zip(("size", "in_use_blocks", "in_use_bytes", "cached_blocks", "cached_bytes",
                         "free_blocks", "free_bytes"), map(int, line[1:])))
               for line in lines if line[0] == "class"]
    caches = [dict(zip(("number", "blocks", "bytes", "budget", "refills", "flushes"),
                       map(int, line[1:]))) for line in lines if line[0] == "cache"]
    check_sums(what, sections, classes)
    check_caches(what, sections, caches)


def check_text(what, text):
    """A head, then rows of MiB, per cent, a number and words, in their columns, at most 100 wide."""
    head, columns, *lines = text.splitlines()
    same(f"{what}: head", True, bool(re.fullmatch(
        r"brkmalloc: statistics of process \d+, \d+\.\d s after its first memory; "
        r"the peak came after \d+\.\d s", head)))
    same(f"{what}: columns", ["MiB", "%", "number", "of", "what"], columns.split())
    rows = {}
    for line in lines:
        row = re.fullmatch(r"( *[a-z][a-z', ]*?)  +(?:(\d+\.\d{3}))?(?: +(\d+\.\d))?(?: +(\d+))?"
                           r"(?:  +([a-z][^0-9]*))?", line)
        same(f"{what}: the row {line!r} is understood", True, row is not None)
        same(f"{what}: width of {line!r}", True, len(line) <= 100)
        if row:
            rows[row[1]] = row
            for group, end in ((2, 32), (3, 40), (4, 52)):
                same(f"{what}: end of a column in {line!r}", True,
                     row[group] is None or row.end(group) == end)
    parts = ["  in use", "  cached", "  free", "  overhead"]
    for group, unit in ((2, 0.001), (3, 0.1)):
        total = float(rows["memory from the system"][group])
        found = sum(float(rows[part][group]) for part in parts if part in rows)
        same(f"{what}: parts {found} of {total}", True, abs(total - found) < 2.5 * unit)


def check_program(what, command):
    data = check_json(f"{what}, JSON", run(command + ["json"]).stdout, threads=4)
    same(f"{what}: a mapped block", True, data["in_use"]["mapped_bytes"] > 10 << 20)
    check_xml(f"{what}, XML", run(command + ["xml"]).stdout)
    check_text(f"{what}, text", run(command + ["text"]).stdout)
    check_lines(f"{what}, lines", run(command + ["lines"]).stdout)
    at_exit = run(command + ["xml"], "stats_at_exit:true,stats_json:true").stderr
    check_json(f"{what}, JSON at exit", at_exit, threads=1)
    check_text(f"{what}, text at exit", run(command + ["xml"], "stats_at_exit:true").stderr)
    same(f"{what}: nothing is said unasked", "", run(command + ["xml"]).stderr)


def main():
    linked, static = sys.argv[1:]
    same("sections in stats/stats.h", True, len(fields()) > 5)
    check_program("linked", [linked, "linked"])
    check_program("static", [static, "static"])
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
