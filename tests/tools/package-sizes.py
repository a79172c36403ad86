#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""package-sizes.py [KIND...]: what packages of tests/packages.txt of these kinds (need and want) take of a
bare system that has nothing but what Debian's essential packages need, and apt: at most 300 MiB. apt-get
says it, which is shown an invented system of that kind."""
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
STATUS = "/var/lib/dpkg/status"
LIMIT_MIB = 300
UNITS = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3}
SKIPPED = 77


def wanted(kinds):
    with open(os.path.join(ROOT, "tests", "packages.txt"), encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return [row[1] for row in rows if row[0] in kinds]


def fields(paragraph):
    return dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.M))


def names(text):
    return [re.split(r"[ (:]", word.strip())[0] for word in re.split(r"[,|]", text) if word.strip()]


def bare(paragraphs):
    """The paragraphs of the essential packages, of apt and of all that they need."""
    packages = {fields(text)["Package"]: text for text in paragraphs if "\nStatus: install ok" in text}
    providers = {}
    for name, text in packages.items():
        for provided in names(fields(text).get("Provides", "")):
            providers.setdefault(provided, name)
    todo = [name for name, text in packages.items() if fields(text).get("Essential") == "yes"] + ["apt"]
    kept = set()
    while todo:
        name = todo.pop()
        name = name if name in packages else providers.get(name)
        if name and name not in kept:
            kept.add(name)
            found = fields(packages[name])
            todo += names(found.get("Depends", "")) + names(found.get("Pre-Depends", ""))
    return [packages[name] for name in sorted(kept)]


def bytes_taken(packages):
    with open(STATUS, encoding="utf-8") as file:
        paragraphs = bare(file.read().strip().split("\n\n"))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "status")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n\n".join(paragraphs) + "\n")
        run = subprocess.run(
            ["apt-get", "-o", f"Dir::State::status={path}", "-o", "Debug::NoLocking=true",
             "--assume-no", "--no-install-recommends", "install", *packages],
            capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    found = re.search(r"After this operation, ([\d.,]+) (\w+) of additional disk space", run.stdout)
    if not found:
        print(run.stdout + run.stderr)
        return None
    return float(found.group(1).replace(",", "")) * UNITS[found.group(2)]


def main():
    packages = wanted(sys.argv[1:] or ["need", "want"])
    if not os.path.exists(STATUS):
        print("skipped: no dpkg here")
        return SKIPPED
    taken = bytes_taken(packages)
    if taken is None:
        print("skipped: apt-get does not say what the packages take")
        return SKIPPED
    mebibytes = taken / 1024**2
    print(f"{len(packages)} packages take {mebibytes:.0f} MiB of a bare system")
    return 0 if mebibytes <= LIMIT_MIB else 1


if __name__ == "__main__":
    sys.exit(main())
