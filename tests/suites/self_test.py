#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""self_test.py LIBRARY WITNESS BROKEN SAMPLE

The driver of the suites tells apart what fails on both sides, only on libc's malloc, only with the
library, and what the library never served. BROKEN is a library with one fault, which must be found and
which LIBRARY does not have; SAMPLE is the program that shows it."""
import os
import sys
import tempfile

import compare
import fetch
import run
import table

LIBRARY, WITNESS, BROKEN, SAMPLE = map(os.path.abspath, sys.argv[1:])
WITH_LIBRARY = '[ -n "${LD_PRELOAD-}" ]'
TESTS = {
    "clear": SAMPLE,
    "fails_always": f"{SAMPLE}; exit 1",
    "skipped": f"{SAMPLE}; exit 77",
    "fails_here": f"{SAMPLE}; if {WITH_LIBRARY}; then exit 3; fi",
    "hangs_here": f"{SAMPLE}; if {WITH_LIBRARY}; then sleep 60; fi",
    "aborts_here": f"{SAMPLE}; if {WITH_LIBRARY}; then kill -ABRT $$; fi",
    "known_here": f"{SAMPLE}; if {WITH_LIBRARY}; then exit 3; fi",
    "fails_there": f"{SAMPLE}; {WITH_LIBRARY}",
    "drops_environment": f"env -i {SAMPLE}",
    "only_a_shell": "exit 0",
    # Fails on each side every other time, the library's side first.
    "unsteady": f'{SAMPLE}; count=$(dirname "$HOME")/unsteady; echo >>"$count"; '
                'case $(wc -l <"$count") in 2 | 3) exit 1 ;; esac',
}
EXPECTED = {
    "clear": (compare.BOTH_PASS, ""),
    "fails_always": (compare.NOT_COUNTED, "on libc's malloc: status 1"),
    "skipped": (compare.NOT_COUNTED, "on libc's malloc: skipped"),
    "fails_here": (compare.DIFFERS, "status 3; 3 of 3 runs fail, on libc's malloc 0"),
    "hangs_here": (compare.DIFFERS, "no end within 5 seconds; 3 of 3 runs fail, on libc's malloc 0"),
    "aborts_here": (compare.DIFFERS, "signal 6; 3 of 3 runs fail, on libc's malloc 0"),
    "known_here": (compare.KNOWN, "planted"),
    "fails_there": (compare.NOT_COUNTED, "on libc's malloc: status 1"),
    "drops_environment": (compare.NOT_SERVED, "no process was served by the library"),
    "only_a_shell": (compare.NOT_SERVED, "no process was served by the library"),
    "unsteady": (compare.NOT_COUNTED, "unsteady: 1 of 3 runs fail, on libc's malloc 1"),
}
failures = []


def same(what, expected, found):
    if expected != found:
        failures.append(f"{what}: {found!r}, not {expected!r}")


def compare_all(folder):
    runner = compare.Runner(folder, LIBRARY, WITNESS, os.path.basename(SAMPLE))
    # Nobody's processes count in it.
    counter = os.path.join(runner.folder, "unsteady")
    with open(counter, "w", encoding="utf-8"):
        os.chmod(counter, 0o666)
    verdicts = {}
    for name, command in TESTS.items():
        limit = 5 if name == "hangs_here" else 60
        verdicts[name] = runner.compare(compare.Test(name, limit, command),
                                        "planted" if name == "known_here" else None)
        same(name, EXPECTED[name], verdicts[name][:2])
    return verdicts


def find_the_fault(folder):
    test = compare.Test("clear", 60, SAMPLE)
    verdict = compare.Runner(folder, BROKEN, WITNESS).compare(test)
    same("the broken library", (compare.DIFFERS, "status 1; 3 of 3 runs fail, on libc's malloc 0"),
         verdict[:2])
    # The suites tell programs apart by name, where others are beside them.
    verdict = compare.Runner(folder, LIBRARY, WITNESS, "other-*").compare(test)
    same("another program's test", compare.NOT_SERVED, verdict.kind)


def only_own_turns_count():
    """A test that was stopped together with its driver is given as many turns as any other."""
    class Asleep:
        polls = 0

        def poll(self):
            self.polls += 1
            return None

    process, pause = Asleep(), compare.time.sleep
    compare.time.sleep = lambda seconds: None
    try:
        same("the end of a process that has none", None, compare.wait_turns(process, 30))
    finally:
        compare.time.sleep = pause
    same("looks within 30 seconds", int(30 / compare.TURN) + 1, process.polls)


def verdicts_are_kept(folder, verdicts):
    """A run that was ended goes on, with the same library; what fails only here is tried anew."""
    suite = run.suites()[0]
    for name, verdict in verdicts.items():
        run.Kept(folder, suite, LIBRARY).add(compare.Test(name, 60, ""), verdict)
    for name, verdict in verdicts.items():
        test = compare.Test(name, 60, "")
        found = run.Kept(folder, suite, LIBRARY).find(test)
        same(f"what was kept of {name}", None if verdict.kind == compare.DIFFERS else verdict[:2],
             found and found[:2])
        same(f"{name} with another library", None, run.Kept(folder, suite, BROKEN).find(test))


def nothing_is_left_running(folder):
    runner = compare.Runner(folder, LIBRARY, WITNESS)
    runner.run(compare.Test("daemon", 60, "setsid sleep 300 & exit 0"), True)
    with open("/proc/thread-self/children", encoding="ascii") as file:
        same("processes after a test that left one", "", file.read())


def rows_are_kept(verdicts):
    rows = [table.Row("one", "one 1", "all", 2, verdicts), table.Row("two", "two 1", "all", 0, {})]
    first = table.updated("", rows)
    counts = " | ".join("2 4 2 1 1 3".split())
    same("a row", f"| one | one 1 | all | {counts} |", first.split("\n")[-8])
    same("notes", 4, first.count("\n- `one/"))
    second = table.updated(first, [table.Row("two", "two 2", "all", 7, {})])
    same("the other row", first.replace("| two | two 1 | all | 0 |", "| two | two 2 | all | 7 |"),
         second)


def sources_are_rewritten():
    stanza = "Types: deb\nURIs: http://host/debian\nSuites: name name-updates\nSigned-By: key"
    others = "Types: deb\nURIs: http://other/x\nSuites: other-name\n"
    same("stanzas", [stanza.replace("Types: deb", "Types: deb-src")],
         list(fetch.source_stanzas(stanza + "\n\n" + others, "name")))
    same("lines", ["deb-src [signed-by=key] http://host/debian name main"],
         list(fetch.source_lines("# deb http://x name main\n"
                                 "deb [signed-by=key] http://host/debian name main\n"
                                 "deb http://other other-name main\n", "name")))


def network_is_missed(folder):
    """Without its release in apt's configuration, or without a network, a suite says so."""
    sources = fetch.Sources(folder)
    sources.options += ["-o", "Acquire::http::Proxy=http://127.0.0.1:9", "-o", "Acquire::Retries=0",
                        "-o", "Acquire::https::Proxy=http://127.0.0.1:9"]
    try:
        sources.unpacked("hello")
        failures.append("a source was unpacked without a network")
    except fetch.Unavailable as reason:
        print("without a network:", reason)


def scripts_are_whole():
    names = [suite.name for suite in run.suites()]
    same("number of suites", True, len(names) >= 6)
    for suite in run.suites():
        for field in ("Needs", "Runs", "Limit"):
            same(f"{suite.name} has the line {field}", True, field in suite.fields)
    for name, reason in run.known_differences().items():
        same(f"{name} in known.txt is of a suite and has a reason", (True, True),
             (name.partition("/")[0] in names, bool(reason)))


def main():
    with tempfile.TemporaryDirectory(prefix="brkmalloc-suites.", dir="/var/tmp") as folder:
        os.chmod(folder, 0o755)
        verdicts = compare_all(folder)
        find_the_fault(folder)
        verdicts_are_kept(folder, verdicts)
        nothing_is_left_running(folder)
        network_is_missed(os.path.join(folder, "sources"))
    only_own_turns_count()
    rows_are_kept(verdicts)
    sources_are_rewritten()
    scripts_are_whole()
    print(f"{len(TESTS)} verdicts, {len(run.suites())} suites")
    for failure in failures:
        print("FAILED:", failure)
    sys.exit(1 if failures else 0)


main()
