#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py BUILD

Which lines of src/ the tests executed that ran in BUILD, the build folder of preset coverage: counted
by gcov, added up over all places that a header's lines were compiled into. Names each line that was
not executed and is not in tests/coverage/unexecuted.txt, and each that is there and was executed after
all. The exit status is 1 when there is one."""
import collections
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SOURCES = os.path.join(ROOT, "src") + os.sep
LIST = os.path.join(ROOT, "tests", "coverage", "unexecuted.txt")


def counts_of(path, counts):
    """Adds how often each line was executed in one object."""
    command = ["gcov", "--json-format", "--stdout", path]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=os.path.dirname(path), check=False)
    if result.returncode != 0:
        sys.exit(f"coverage.py: {path} cannot be read: {result.stderr.strip()}; after a change, build "
                 "all of preset coverage and remove the old counts: brkmalloc test --coverage does")
    for text in result.stdout.splitlines():
        result = json.loads(text)
        folder = result["current_working_directory"]
        for file in result["files"]:
            name = os.path.realpath(os.path.join(folder, file["file"]))
            if name.startswith(SOURCES):
                for line in file["lines"]:
                    counts[name[len(SOURCES):], line["line_number"]] += line["count"]


def all_counts(build):
    objects = os.path.join(build, "CMakeFiles", "brkm_*.dir", "src", "*")
    notes = glob.glob(os.path.join(objects, "*.gcno"))
    data = [os.path.splitext(note)[0] + ".gcda" for note in notes]
    data = [path for path in data if os.path.exists(path)]
    if not data:
        sys.exit(f"coverage.py: {build} has no counts; build preset coverage and run its tests first")
    counts = collections.Counter()
    for path in data:
        counts_of(path, counts)
    return counts


def listed():
    """The lines of the list: (file, text) -> reason. A reason holds for the lines below it."""
    reasons, reason = {}, ""
    with open(LIST, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("## "):
                reason = line[3:]
            elif line and not line.startswith("#"):
                name, separator, text = line.partition(": ")
                if not separator or not reason:
                    sys.exit(f"{LIST}:{number}: neither '## reason' nor 'file: text of the line'")
                reasons[name, text] = reason
    return reasons


def main():
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit(__doc__)
    counts = all_counts(os.path.realpath(sys.argv[1]))
    texts = {}
    for name in {name for name, _ in counts}:
        with open(SOURCES + name, encoding="utf-8") as file:
            texts[name] = [line.strip() for line in file]
    missed = {(name, line): texts[name][line - 1]
              for (name, line), count in counts.items() if count == 0}
    known = listed()
    unlisted = sorted(place for place, text in missed.items() if (place[0], text) not in known)
    missed_texts = {(name, text) for (name, _), text in missed.items()}
    stale = sorted(set(known) - missed_texts)
    for name, line in unlisted:
        print(f"src/{name}:{line}: not executed, not listed: {missed[name, line]}")
    for name, text in stale:
        print(f"src/{name}: listed as not executed, but is, or is no more: {text}")
    executed = len(counts) - len(missed)
    print(f"{executed} of {len(counts)} lines executed ({100 * executed / len(counts):.1f} %), "
          f"{len(missed) - len(unlisted)} others listed with a reason, {len(unlisted)} not")
    sys.exit(1 if unlisted or stale else 0)


main()
