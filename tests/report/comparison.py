# SPDX-License-Identifier: MIT
"""Usage: comparison.py COMPARE FOLDER

Pages of `brkmalloc compare` in headless Chromium, driven by playwright-core, which npm puts into FOLDER:
nothing on the console and no network; the tables are those of --json; runs that are zoomed to and selected
are those of the snapshots, on both sides; two snapshots of one process show the same addresses, those of two
processes their own; both themes, and nothing too wide for a narrow window. Pictures stay in FOLDER.
"""
import json
import os
import re
import subprocess
import sys

import heaps
from browser import SECONDS, run_in_chromium
from common import Test


class Comparison(Test):
    def __init__(self, program: str, folder: str) -> None:
        super().__init__(program)
        self.folder = os.path.abspath(folder)
        snapshots = [heaps.made_snapshot(1), heaps.made_snapshot(2), heaps.made_snapshot(3, 13)]
        files = [self.write(f"{number}.json", heaps.dump(content))
                 for number, content in enumerate(snapshots)]
        profiles = [self.write(f"{number}.heap", heaps.profile(heaps.made_samples(number)))
                    for number in range(2)]
        self.heaps = [heaps.Heap(content) for content in snapshots]
        self.tables = {name: self.make(name, *pair) for name, pair in {
            "same": files[:2], "other": files[1:], "profiles": profiles}.items()}

    def make(self, name: str, *files: str) -> list[dict]:
        """The page, and the tables that it should have."""
        run = self.run("--json", "-o", os.path.join(self.folder, f"{name}.html"), *files)
        self.same(f"status of {name}", (0, ""), (run.returncode, run.stderr))
        return json.loads(run.stdout)["tables"]

    def use(self, chromium: str) -> dict:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "comparison.js")
        run = subprocess.run(["node", script, chromium, self.folder], capture_output=True, text=True,
                             check=False, timeout=SECONDS,
                             env={**os.environ,
                                  "NODE_PATH": os.path.join(self.folder, "node_modules")})
        self.same("the browser's run", (0, ""), (run.returncode, run.stderr))
        return json.loads(run.stdout) if run.returncode == 0 else {}

    def check(self, result: dict) -> None:
        for name, page in result.items():
            self.same(f"{name}: console, errors, requests", [], page["seen"])
            self.same(f"{name}: what is wider than the window", [], page["tooWide"])
            self.same(f"{name}: paper", "rgb(255, 255, 255)" if name == "same" else
                      "rgb(22, 24, 29)", page["paper"])
            self.check_tables(name, page["tables"])
        for name in ("same", "other"):
            self.expect(f"{name}: both maps have colours", len(result[name]["colours"]) == 2 and
                        min(result[name]["colours"]) > 5, result[name]["colours"])
        self.ranges(result)
        self.runs(result["same"]["runs"])
        self.places(result["same"]["places"])

    def check_tables(self, name: str, seen: list[dict]) -> None:
        wanted = self.tables[name]
        self.same(f"{name}: tables", [table["key"] for table in wanted],
                  [table["key"] for table in seen])
        for table, shown in zip(wanted, seen):
            rows = table["rows"] + ([table["sum"]] if "sum" in table else [])
            self.same(f"{name}: {table['key']}", [[row["name"], *map(str, row["bytes"]),
                                                   *map(str, row.get("count", []))] for row in rows],
                      [[cell for cell in row if cell != ""] for row in shown["rows"]])

    def ranges(self, result: dict) -> None:
        first = "0x555500000000"
        self.expect("the whole of one process", all(words.startswith(first)
                                                    for words in result["same"]["whole"]) and
                    len({words.split(",")[0] for words in result["same"]["whole"]}) == 1,
                    result["same"]["whole"])
        for words, heap in zip(result["other"]["whole"], self.heaps[1:]):
            self.expect("the runs of each process alone", words.startswith(first) and
                        words.endswith(f" {len(heap.runs)} runs"), words)

    def runs(self, found: list[dict]) -> None:
        for seen in found:
            self.expect("both maps show the same addresses",
                        len({words.split(";")[0] for words in seen["ranges"]}) == 1, seen["ranges"])
            lines = seen["selected"].splitlines()
            self.expect("both sides are told", [line.split(":")[0] for line in lines] ==
                        ["before", "after"], seen)
            for line, heap in zip(lines, self.heaps):
                self.run_is_there(line, heap, line.startswith(seen["side"]))

    def run_is_there(self, line: str, heap: heaps.Heap, must: bool) -> None:
        match = re.match(r"\w+: (0x[0-9a-f]+): (\w+), .*\((\d+) bytes\)", line)
        self.expect("a run is selected", match is not None or (not must and
                                                               line.endswith(": nothing")), line)
        if match:
            self.expect("the snapshot has the run", (int(match[1], 16), match[2], int(match[3])) in
                        {run[:3] for run in heap.runs}, line)

    def places(self, said: list[str]) -> None:
        first = [heap.runs[0] for heap in self.heaps[:2]]
        for line, run in zip(said[0].splitlines(), first):
            self.expect("the run that was gone to", f"{run[0]:#x}: {run[1]}, " in line, line)
        self.same("addresses that are not there", ["Nothing is near this address.",
                                                   "That is no address."], said[1:])


def main() -> int:
    program, folder = sys.argv[1:]
    return run_in_chromium(lambda: Comparison(program, folder), folder)


if __name__ == "__main__":
    sys.exit(main())
