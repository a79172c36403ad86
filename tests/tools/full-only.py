# SPDX-License-Identifier: MIT
"""full-only.py BUILD: each line of full-only.txt names tests that there are; ctest, which has regular
expressions of its own, leaves out those that Python would; and what is left needs no program that the
target brkmalloc_everyday does not build."""

import json
import os
import re
import subprocess
import sys

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "full-only.txt")


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]


def ctest(build, *options):
    """The tests, without those that only prepare others."""
    said = subprocess.run(["ctest", "--test-dir", os.path.join(build, "tests"), "--show-only=json-v1",
                           "--fixture-exclude-any", ".*", *options], check=True, stdout=subprocess.PIPE)
    return {test["name"]: test.get("command", []) for test in json.loads(said.stdout)["tests"]}


def problems(build):
    patterns = read_lines(LIST)
    pattern = "|".join(patterns)
    tests = ctest(build)
    everyday = {name: command for name, command in tests.items() if not re.search(pattern, name)}
    print(f"{len(everyday)} of {len(tests)} tests run every day")
    for line in patterns:
        if not any(re.search(line, name) for name in tests):
            yield f"no test has a name like {line}"
    for name in sorted(set(ctest(build, "-E", pattern)) ^ set(everyday)):
        yield f"ctest and Python are not of one mind whether it names {name}"
    missing = read_lines(os.path.join(build, "tests", "not-everyday.txt"))
    for name, command in everyday.items():
        for program in missing:
            if any(re.search(rf"/{re.escape(program)}$", word) for word in command):
                yield f"{name} runs {program}, which brkmalloc_everyday does not build"


def main():
    found = list(problems(sys.argv[1]))
    for problem in found:
        print(f"tests/full-only.txt: {problem}", file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
