# SPDX-License-Identifier: MIT
"""The section of docs/compatibility.md that a run of the suites writes. Rows of suites that did not run
this time stay."""
import collections
import os
import re
import subprocess
import sys

import compare

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "tools"))
import page  # noqa: E402

TITLES = ("suite", "Debian packages", "what ran", "not built", "not counted", "not served", "passed",
          "known", "fails only here")
KINDS = (compare.NOT_COUNTED, compare.NOT_SERVED, compare.BOTH_PASS, compare.KNOWN, compare.DIFFERS)
HEAD = """
## Test suites of others

`./brkmalloc test --suites` builds the tests that other projects have of their own, from Debian's source
packages, and runs each twice: on glibc's malloc and with the library preloaded. *Not built*: needs its
own project's build, or another system. *Not counted*: fails or is skipped on glibc's malloc as well.
*Not served*: the test's process has a malloc of its own, or drops its environment. *Known*: fails only
here, for the reason below. The packages of Lua and musl have no tests; Lua's come from another project that
keeps them. Neither musl's libc-test nor LTP with OpenPOSIX is in Debian.

"""


class Row(collections.namedtuple("Row", "name version runs not_built verdicts")):
    """What came out of one suite."""

    def count(self, kind):
        return sum(verdict.kind == kind for verdict in self.verdicts.values())

    def summary(self):
        return f"{self.name}: " + ", ".join(f"{self.count(kind)} {kind}" for kind in KINDS)

    def cells(self):
        return (self.name, self.version, self.runs, str(self.not_built),
                *(str(self.count(kind)) for kind in KINDS))

    def notes(self):
        return [f"- `{self.name}/{name}`: {verdict.kind}: {verdict.reason}"
                for name, verdict in self.verdicts.items()
                if verdict.kind in (compare.KNOWN, compare.DIFFERS)]


def line(cells):
    return "| " + " | ".join(cells) + " |"


def installed_version(needs):
    """The packages of a suite that has no source package, with their versions."""
    names = sorted({need.partition(":")[2] for need in needs.split()})
    run = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *names],
                         capture_output=True, text=True, check=False)
    return ", ".join(run.stdout.splitlines())


def updated(inside, rows):
    """The section with these rows in the place of those with the same names."""
    lines = {found.group(1): found.group(0)
             for found in re.finditer(r"^\| ([a-z][-\w]*) \| .*$", inside, re.M)
             if found.group(1) != TITLES[0]}
    notes = collections.defaultdict(list)
    for note in re.findall(r"^- `.*$", inside, re.M):
        notes[note.partition("`")[2].partition("/")[0]].append(note)
    for row in rows:
        lines[row.name] = line(row.cells())
        notes[row.name] = row.notes()
    table = [line(TITLES), line(["---"] * len(TITLES)), *(lines[name] for name in sorted(lines))]
    told = [note for name in sorted(notes) for note in notes[name]]
    return HEAD + "\n".join(table) + "\n\n" + "".join(note + "\n" for note in told)


def write(rows):
    page.write_part("suites", lambda inside: updated(inside, rows))
