#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py LIBRARY WITNESS [--only SUITE]... [--tests PATTERN] [--folder FOLDER] [--write]

Builds the test suites of others, from Debian's source packages, and runs each test twice: on libc's
malloc, and with LIBRARY preloaded. What passes there and fails here is told. WITNESS is the library
built from tests/programs/witness.c.

--only    this suite only; may be repeated
--tests   only tests whose names match, which the table says; as for the shell
--folder  keeps sources, builds and what passed with this very library there for the next time
--write   writes the table into docs/compatibility.md

Exit status: 0 no test fails only here, 1 some do or a suite is broken, 77 no suite could be had."""
import argparse
import fnmatch
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

import compare
import fetch
import table

HERE = os.path.dirname(os.path.realpath(__file__))
SHOWN = 30  # lines of output of a test that fails only here


class Suite:
    """One script beside this file, with what its first lines say."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        text = fetch.read(path)
        self.fields = dict(re.findall(r"^# (Source|Tarball|Needs|Serves|Runs|Limit): (.*)$", text, re.M))

    def missing(self):
        """A package that it needs and that is not there. A need is COMMAND-OR-FILE:PACKAGE."""
        for need in self.fields.get("Needs", "").split():
            thing, _, package = need.partition(":")
            if not (glob.glob(thing) if thing.startswith("/") else shutil.which(thing)):
                return package
        return None


def suites():
    found = [Suite(path) for path in sorted(glob.glob(os.path.join(HERE, "*.sh")))]
    return [suite for suite in found if "Runs" in suite.fields]


def known_differences():
    """suite/test -> reason, from known.txt."""
    lines = fetch.read(os.path.join(HERE, "known.txt")).splitlines()
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {name: reason for name, _, reason in pairs}


def build(suite, source, work):
    """Lets the suite's script build its tests; says what went wrong, or None."""
    if os.path.exists(os.path.join(work, "built")):
        return None
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    log = work + ".log"
    with open(log, "w", encoding="utf-8") as file:
        try:
            status = subprocess.run(["sh", suite.path, source, work], stdin=subprocess.DEVNULL,
                                    stdout=file, stderr=subprocess.STDOUT, check=False,
                                    timeout=int(suite.fields["Limit"])).returncode
        except subprocess.TimeoutExpired:
            return f"was not built within {suite.fields['Limit']} seconds"
    if status != 0 or not os.path.exists(os.path.join(work, "tests")):
        tail = fetch.read(log).splitlines()[-SHOWN:]
        return "could not be built:\n" + "\n".join(tail)
    with open(os.path.join(work, "built"), "w", encoding="utf-8"):
        return None


class Kept:
    """The verdicts of a run of one suite with one library, in a file, so that a run that was ended goes
    on. What fails only here is not kept: it is tried anew."""

    def __init__(self, folder, suite, library):
        with open(library, "rb") as file:
            key = hashlib.sha256(file.read()).hexdigest()[:16]
        self.path = os.path.join(folder, f"{suite.name}-{key}.verdicts")
        lines = fetch.read(self.path).splitlines() if os.path.exists(self.path) else []
        self.rows = {name: (kind, reason) for name, kind, reason in (row.split("\t") for row in lines)}

    def find(self, test):
        return compare.Verdict(*self.rows[test.name], "") if test.name in self.rows else None

    def add(self, test, verdict):
        if verdict.kind == compare.DIFFERS:
            return
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{test.name}\t{verdict.kind}\t{verdict.reason}\n")


def run_suite(suite, tests, runner, known, kept):
    """The verdict of each test, told as they come."""
    verdicts = {}
    for test in tests:
        verdict = kept.find(test)
        if not verdict:
            verdict = runner.compare(test, known.get(f"{suite.name}/{test.name}"))
            kept.add(test, verdict)
        verdicts[test.name] = verdict
        print(f"{suite.name}/{test.name}: {verdict.kind}" +
              (f" ({verdict.reason})" if verdict.reason else ""), flush=True)
        if verdict.kind == compare.DIFFERS:
            print("\n".join("    " + line for line in verdict.output.splitlines()[-SHOWN:]))
    return verdicts


def try_suite(suite, arguments, folder, sources):
    """A row of the table, or what stood in the way."""
    package = suite.missing()
    if package:
        raise fetch.Unavailable(f"needs the package {package}")
    source, version = "-", table.installed_version(suite.fields.get("Needs", ""))
    if "Source" in suite.fields:
        source, version = sources.unpacked(suite.fields["Source"])
    elif "Tarball" in suite.fields:
        source, version = sources.unpacked_tarball(suite.fields["Tarball"])
    work = os.path.join(folder, "work", suite.name)
    trouble = build(suite, source, work)
    if trouble:
        print(f"suites: FAILED: {suite.name} {trouble}")
        return None
    tests = [test for test in compare.read_tests(os.path.join(work, "tests"))
             if fnmatch.fnmatch(test.name, arguments.tests)]
    runner = compare.Runner(folder, arguments.library, arguments.witness,
                            suite.fields.get("Serves", "*"))
    verdicts = run_suite(suite, tests, runner, known_differences(),
                         Kept(folder, suite, arguments.library))
    shutil.rmtree(runner.folder, ignore_errors=True)
    not_built = len(fetch.read(os.path.join(work, "not-built")).splitlines())
    runs = suite.fields["Runs"]
    if arguments.tests != "*":
        runs += f"; of these only `{arguments.tests}`"
    return table.Row(suite.name, version, runs, not_built, verdicts)


def run_all(arguments, folder):
    os.chmod(folder, 0o755)
    sources = fetch.Sources(os.path.join(folder, "sources"))
    os.makedirs(sources.folder, exist_ok=True)
    rows, status, tried = [], 0, 0
    for suite in suites():
        if arguments.only and suite.name not in arguments.only:
            continue
        try:
            row = try_suite(suite, arguments, folder, sources)
        except fetch.Unavailable as reason:
            print(f"suites: skipped: {suite.name}: {reason}")
            continue
        tried += 1
        if row is None or not row.verdicts or row.count(compare.DIFFERS) or \
                not row.count(compare.BOTH_PASS):
            status = 1
        if row:
            rows.append(row)
            print(f"suites: {row.summary()}", flush=True)
    if arguments.write and rows:
        table.write(rows)
    return status if tried else 77


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("\n")[0])
    parser.add_argument("library")
    parser.add_argument("witness")
    parser.add_argument("--only", action="append", choices=[suite.name for suite in suites()])
    parser.add_argument("--tests", default="*")
    parser.add_argument("--folder")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if arguments.folder:
        os.makedirs(arguments.folder, exist_ok=True)
        return run_all(arguments, os.path.realpath(arguments.folder))
    # Not in the source tree: the tests must be able to enter it without root's rights.
    with tempfile.TemporaryDirectory(prefix="brkmalloc-suites.", dir="/var/tmp") as folder:
        return run_all(arguments, folder)


if __name__ == "__main__":
    sys.exit(main())
