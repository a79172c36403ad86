# SPDX-License-Identifier: MIT
"""run.py BUILD LIBRARY MINIMAL GROUP: tests of a build, on the library that has all optional rooms left
out.

Runs the tests of BUILD whose names begin with "GROUP." and that preload LIBRARY, with MINIMAL in its
place: those without options, since most options are not there, and but for those of left-out.txt.
"""

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77


def left_out():
    with open(os.path.join(HERE, "left-out.txt"), encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    return [re.compile(line) for line in lines if line and not line.startswith("#")]


class Test:
    def __init__(self, described):
        self.name = described["name"]
        self.command = described.get("command", [])
        properties = {item["name"]: item["value"] for item in described["properties"]}
        self.environment = dict(item.split("=", 1) for item in properties.get("ENVIRONMENT", []))
        self.folder = properties["WORKING_DIRECTORY"]
        self.limit = float(properties.get("TIMEOUT", 60))

    def preloads(self, library):
        return library in self.command or library in self.environment.values()

    def run(self, library, other):
        environment = {**os.environ, **self.environment, "DOOR_MINIMAL": "1"}
        for name, value in self.environment.items():
            environment[name] = value.replace(library, other)
        command = [word.replace(library, other) for word in self.command]
        try:
            done = subprocess.run(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=self.limit)
        except subprocess.TimeoutExpired:
            return "failed", f"more than {self.limit:.0f} s\n"
        if done.returncode in (0, SKIPPED):
            return ("passed", "skipped")[done.returncode != 0], ""
        return "failed", done.stdout.decode(errors="replace")


def main():
    build, library, minimal, group = sys.argv[1:]
    listed = subprocess.run(["ctest", "--test-dir", os.path.join(build, "tests"), "--show-only=json-v1",
                             "-R", f"^{group}[.]"], check=True, stdout=subprocess.PIPE).stdout
    excluded = left_out()
    tests = [test for test in map(Test, json.loads(listed)["tests"])
             if test.preloads(library) and "BRKMALLOC" not in test.environment
             and not any(pattern.search(test.name) for pattern in excluded)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, (result, output) in zip(tests, pool.map(lambda t: t.run(library, minimal), tests)):
            counts[result] += 1
            if result == "failed":
                print(f"FAILED: {test.name}\n{output}")
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    sys.exit(counts["failed"] != 0 or counts["passed"] == 0)


if __name__ == "__main__":
    main()
