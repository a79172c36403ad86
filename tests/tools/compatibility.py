#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compatibility.py BUILD [--junit FILE | --check]

Writes docs/compatibility.md: which programs and circumstances were tried on the allocator, and what
came out. Runs the tests `programs` and `interpose` of the build folder BUILD (about three minutes),
or reads their results from FILE, as `./brkmalloc test` leaves them in build/release/junit.xml.
With --check: the table has exactly the cases that there are tests for."""
import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import page

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
GROUPS = "^(programs|interpose)\\."
DOORS = ("preload", "linked", "static", "static-pie", "archive")
RECIPE = "python3 tests/tools/compatibility.py build/release"


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def output_of(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else ""


# ---- Results ----

class Result:
    """One test: its case without the door, the door, and what came out."""

    def __init__(self, element):
        self.name = element.get("name")
        self.case, self.door = split(self.name)
        self.output = element.findtext("system-out") or ""
        skipped = element.find("skipped")
        if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            self.outcome = "not tried"
        else:
            self.outcome = "passed" if element.get("status") == "run" else "FAILED"


def split(name):
    """The case and the door of a test. Some have none in their name."""
    case, _, door = name.rpartition(".")
    return (case, door) if door in DOORS else (name, None)


def run_tests(build):
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        subprocess.run(["ctest", "--test-dir", build, "-R", GROUPS, "--output-junit", file.name],
                       stdout=sys.stderr, check=False)
        return read_results(file.name)


def read_results(path):
    cases = xml.etree.ElementTree.parse(path).getroot().iter("testcase")
    return [Result(case) for case in cases if re.match(GROUPS, case.get("name"))]


# ---- What the sources say of a case ----

def header_line(script, key):
    found = re.search(rf"^# {key}: (.*)$", script, re.M)
    return found.group(1) if found else ""


def first_paragraph(source):
    """The text of the comment at the top, without the licence line, up to an empty or indented
    line."""
    text = []
    for line in source.splitlines():
        comment = re.match(r"(?:/\*| \*|//|#(?!include|define))(?!/) ?(.*?)(?: ?\*/)?$", line)
        if not comment:
            break
        words = comment.group(1)
        if "SPDX" in words or words.startswith("!"):
            continue
        if not words and not text:
            continue
        if not words or words.startswith((" ", "Usage")):
            break
        text.append(words)
    return " ".join(text)


def circumstance(how):
    """The part of run_under.sh that is the case `how`."""
    return re.search(rf"^{how}\)\n(.*?);;", read("tests/interpose/run_under.sh"),
                     re.M | re.S).group(1)


def source_of(case):
    """The file of a case such as interpose.fork_signal.plain, and the description in it."""
    _, name, *variant = case.split(".")
    if name == "under":
        description = re.search("# (.*)", circumstance(variant[0])).group(1)
        return "tests/interpose/run_under.sh", description
    for ending in (".c", ".cc", ".sh"):
        path = f"tests/interpose/{name}{ending}"
        if os.path.exists(os.path.join(ROOT, path)):
            return path, first_paragraph(read(path))
    sys.exit(f"compatibility.py: no source for the test {case}")


def doors_within(case, path):
    """The doors of a test whose name has none: scripts run a preloaded and a static program."""
    if not path.endswith(".sh"):
        return ("preload",)
    _, name, *variant = case.split(".")
    text = circumstance(variant[0]) if name == "under" else read(path)
    has_static = re.search(r"^ *both |[$/]static\b", text, re.M)
    return ("preload", "static") if has_static else ("preload",)


# ---- Tables ----

def owner_of(command):
    """The installed Debian package that a command comes from, with its version but for epoch and
    revision. Empty when no package has it."""
    path = os.path.realpath(shutil.which(command) or "")
    # Packages name files as they lay before /bin became a link to /usr/bin.
    for name in (path, path.removeprefix("/usr")):
        owner = output_of("dpkg-query", "-S", name).partition(":")[0]
        if owner:
            version = output_of("dpkg-query", "-W", "-f", "${Version}", owner)
            return owner + " " + re.sub(r"^\d+:|[-+~].*$", "", version)
    return ""


def packages_of(script, outcome):
    """What a workload needs, with the versions that were tried."""
    packages = []
    for need in header_line(script, "Needs").split():
        command, package = need.split(":")
        if outcome == "not tried":
            packages.append(package)
        else:
            packages.append(owner_of(command) or f"{command} of no package")
    return ", ".join(dict.fromkeys(packages))


def program_of(case):
    """The program of a case such as programs.hardened.perl, and whether it runs in that mode."""
    _, *mode, name = case.split(".")
    return name, mode == ["hardened"]


def program_rows(results):
    for result in sorted(results, key=lambda result: result.case):
        name, hardened = program_of(result.case)
        script = read("tests/programs", name + ".sh")
        found = re.search(r"passed: .* (\d+) equal lines", result.output)
        if result.outcome == "passed" and found:
            came_out = f"{found.group(1)} equal lines"
        elif result.outcome == "not tried":
            came_out = "not tried: " + result.output.strip().partition(": ")[2]
        else:
            came_out = "**" + result.outcome + "**"
        title = "hardened." + name if hardened else name
        yield (f"[{title}](../tests/programs/{name}.sh)", packages_of(script, result.outcome),
               header_line(script, "Runs"), came_out)


def circumstance_rows(results):
    cases = {}
    for result in results:
        cases.setdefault(result.case, {})[result.door] = result.outcome
    for case in sorted(cases):
        path, description = source_of(case)
        if None in cases[case]:
            outcome = cases[case].pop(None)
            for door in doors_within(case, path):
                cases[case][door] = outcome
        outcomes = [cases[case].get(door, "") for door in DOORS]
        yield (f"[{case.partition('.')[2]}](../{path})", description,
               *(f"**{outcome}**" if outcome == "FAILED" else outcome for outcome in outcomes))


def table(titles, rows):
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def circumstances_of_the_run():
    system = platform.freedesktop_os_release()
    compiler = output_of(os.environ.get("CC", "cc"), "-dumpfullversion") or "unknown"
    version = ".".join(re.findall(r"^#define BRKM_VERSION_\w+ (\d+)",
                                  read("include/brkmalloc/brkmalloc.h"), re.M))
    return (f"brkmalloc {version}, {system.get('PRETTY_NAME', 'Linux')}, {platform.machine()}, "
            f"{' '.join(platform.libc_ver())}, gcc {compiler}, "
            f"pages of {os.sysconf('SC_PAGESIZE')} bytes")


def document(results):
    programs = [result for result in results if result.name.startswith("programs.")]
    others = [result for result in results if result.name.startswith("interpose.")]
    count = {outcome: sum(result.outcome == outcome for result in results)
             for outcome in ("passed", "FAILED", "not tried")}
    return f"""# Compatibility

What was tried, and what came out. The tests write this page, nobody else does:

```sh
{RECIPE}
```

Last written for {circumstances_of_the_run()}:
{count['passed']} passed, {count['FAILED']} failed, {count['not tried']} not tried.

## Real programs

Each runs the same work twice, as it is and with the library preloaded. What it writes and its exit
status must be equal, and each process tells which library serves its `malloc`. Those that begin with
`hardened` ran with the option `hardened:true`.

{table(("program", "Debian packages", "what it does", "what came out"), program_rows(programs))}
## Circumstances

Programs that make one thing happen: with the library preloaded, linked with the shared library,
and linked statically with the object (also as `-static-pie`) or with the archive. What
is empty was not tried that way.

{table(("case", "what happens", *DOORS), circumstance_rows(others))}"""


# ---- The check ----

def check(build):
    listing = output_of("ctest", "--test-dir", build, "-R", GROUPS, "--show-only=json-v1")
    tests = {split(test["name"])[0].partition(".")[2] for test in json.loads(listing)["tests"]}
    rows = set(re.findall(r"^\| \[([^]]*)\][(][.][.]/tests/(?!clients/)", read("docs/compatibility.md"), re.M))
    wrong = [f"no row for the test {name}" for name in sorted(tests - rows)]
    wrong += [f"no test for the row {name}" for name in sorted(rows - tests)]
    for line in wrong:
        print("docs/compatibility.md:", line)
    if wrong:
        print("to write it anew:", RECIPE)
    return 1 if wrong or not tests else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n", 1)[0])
    parser.add_argument("build")
    parser.add_argument("--junit")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        return check(arguments.build)
    results = read_results(arguments.junit) if arguments.junit else run_tests(arguments.build)
    if not results:
        print(f"compatibility.py: no results of programs and interpose tests in {arguments.build}",
              file=sys.stderr)
        return 1
    text = document(results) + page.kept_parts()
    with open(page.PAGE, "w", encoding="utf-8") as file:
        file.write(text)
    return 1 if any(result.outcome == "FAILED" for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
