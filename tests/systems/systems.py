#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""systems.py RELEASE JUNIT GLIBC GCC

Writes a release's row into docs/compatibility.md, from the results that ctest left in the file JUNIT.
Exit status: 0 when tests passed and none failed."""
import collections
import os
import re
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "tools"))
import page  # noqa: E402

TITLES = ("release", "glibc", "gcc", "passed", "FAILED", "not tried")
HEAD = """
## Other releases of Debian

`./brkmalloc test --systems` builds the library on each in a folder made by debootstrap, and runs the
tests of the API, of circumstances and of real programs there. What is not tried needs a package or a
right that is not to be had there.

"""


def outcome(case):
    skipped = case.find("skipped")
    if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
        return "not tried"
    return "passed" if case.get("status") == "run" else "FAILED"


def read_results(path):
    cases = xml.etree.ElementTree.parse(path).getroot().iter("testcase")
    return {case.get("name"): outcome(case) for case in cases}


def line(cells):
    return "| " + " | ".join(cells) + " |"


def updated(inside, cells, failed):
    """The part with this row, and the names of what failed, in the place of the release's old ones."""
    release = cells[0]
    rows = {row.split(" ")[1]: row for row in re.findall(r"^\| [a-z]+ \| \d.*$", inside, re.M)}
    rows[release] = line(cells)
    notes = [note for note in re.findall(r"^- .*$", inside, re.M)
             if not note.startswith(f"- {release}: ")]
    notes += [f"- {release}: `{name}` FAILED" for name in failed]
    table = [line(TITLES), line(["---"] * len(TITLES)), *(rows[name] for name in sorted(rows))]
    return HEAD + "\n".join(table) + "\n\n" + "".join(note + "\n" for note in sorted(notes))


def main():
    release, junit, glibc, gcc = sys.argv[1:]
    results = read_results(junit)
    count = collections.Counter(results.values())
    failed = sorted(name for name, result in results.items() if result == "FAILED")
    cells = (release, glibc, gcc, *(str(count[title]) for title in TITLES[3:]))
    page.write_part("systems", lambda inside: updated(inside, cells, failed))
    print(f"systems: {release}: {count['passed']} passed, {count['FAILED']} failed, "
          f"{count['not tried']} skipped")
    return 1 if failed or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
