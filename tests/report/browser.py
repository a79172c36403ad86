# SPDX-License-Identifier: MIT
"""Usage: browser.py REPORT TRACE FOLDER

A page in headless Chromium, driven by playwright-core, which npm puts into FOLDER: nothing on the console
and no network; the slider moves; blocks that are zoomed to and selected are those of the trace, with
address and size; the sums of what holds memory are those that page_file.what_holds computes; both themes,
and nothing too wide for a narrow window. Pictures of all that stay in FOLDER.
"""
import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction
from typing import Callable

import trace_file
from common import Test
from page_file import Page, PAGE, size_group, what_holds

PLAYWRIGHT = "playwright-core@1.65.1"
SECONDS = 800
SKIPPED = 77


def prepare(folder: str) -> str:
    """Why it cannot be tried here; empty when it can."""
    for program in ("node", "npm", "zstd"):
        if shutil.which(program) is None:
            return f"no {program} here"
    if os.path.isdir(os.path.join(folder, "node_modules", "playwright-core")):
        return ""
    os.makedirs(folder, exist_ok=True)
    run = subprocess.run(["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix",
                          folder, PLAYWRIGHT], capture_output=True, text=True, check=False,
                         timeout=SECONDS)
    return "" if run.returncode == 0 else f"npm cannot install {PLAYWRIGHT}"


class Browser(Test):
    def __init__(self, program: str, packed: str, folder: str) -> None:
        super().__init__(program)
        self.folder = folder
        subprocess.run(["zstd", "-q", "-d", packed, "-o", self.path("trace")], check=True)
        self.events = trace_file.read(self.path("trace"))
        run = self.run("-o", self.path("page.html"), self.path("trace"))
        self.same("status", 0, run.returncode)
        self.page = Page(self.path("page.html"))

    def use(self, chromium: str) -> dict:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.js")
        run = subprocess.run(["node", script, chromium, self.path("page.html"), self.folder],
                             capture_output=True, text=True, check=False, timeout=SECONDS,
                             env={**os.environ,
                                  "NODE_PATH": os.path.join(self.folder, "node_modules")})
        self.same("the browser's run", (0, ""), (run.returncode, run.stderr))
        return json.loads(run.stdout) if run.returncode == 0 else {}

    def live(self, moment: int) -> dict[int, tuple[int, int]]:
        return trace_file.live_after(self.events, self.page.report["moments"]["events"][moment])

    def moments(self, moments: list[dict]) -> None:
        for seen in moments:
            moment = seen["moment"]
            self.expect(f"the slider moves to {moment}", seen["after"].startswith(
                f"{moment + 1} of ") and seen["after"] != seen["before"], seen)
            self.sums(seen, self.live(moment))

    def sums(self, seen: dict, live: dict[int, tuple[int, int]]) -> None:
        """Zero bytes count as 16 in the table's first row, as they do in the groups here."""
        groups, pages = what_holds([(address, size, size_group(size))
                                    for address, (size, _) in live.items()])
        rows = {self.size_of(row[0]): row[1:] for row in seen["groups"][:-1]}
        self.same("groups", set(groups), set(rows))
        for key, group in groups.items():
            blocks, size, held, back = rows.get(key, ["0"] * 4)
            self.same(f"blocks and bytes of {key}", (group.blocks, group.bytes),
                      (int(blocks), int(size)))
            self.expect(f"held by {key}", abs(Fraction(held) - group.held) < Fraction(1, 100),
                        (held, float(group.held)))
            self.same(f"goes back with {key}", group.back, int(back))
        total = seen["groups"][-1]
        self.same("all pages", str(pages * PAGE), total[4])
        self.expect("all that is held", abs(
            Fraction(total[3]) - (pages * PAGE - sum(size for size, _ in live.values()))) < 1, total)

    @staticmethod
    def size_of(name: str) -> int:
        """The logarithm of the upper end of "33 B to 64 B", or of "up to 16 B"."""
        number, unit = re.search(r"([\d.]+) (\w+)$", name).groups()
        scale = {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[unit]
        return round(float(number)).bit_length() - 1 + scale

    def blocks(self, found: list[dict], moment: int) -> None:
        live = self.live(moment)
        selected = [seen["selected"] for seen in found if seen["selected"]]
        self.expect("there are blocks where it was zoomed to", len(selected) >= 2, found)
        for words in selected:
            self.block(words, live)
        for seen in found:
            self.expect("it was zoomed in", re.search(r"\b(64|[1-9]\d\d) B a row", seen["range"])
                        is not None, seen)

    def block(self, words: str, live: dict[int, tuple[int, int]]) -> None:
        match = re.match(r"(0x[0-9a-f]+): .*\((\d+) bytes\), thread (\d+)", words)
        self.expect("a block is described", match is not None, words)
        if match:
            self.same(f"size and thread of {match[1]}", live.get(int(match[1], 16)),
                      (int(match[2]), int(match[3])))

    def check(self, result: dict) -> None:
        wide, narrow = result["wide"], result["narrow"]
        for name, part in result.items():
            self.same(f"{name}: console, errors, requests", [], part["seen"])
            self.same(f"{name}: what is wider than the window", [], part["tooWide"])
            self.expect(f"{name}: the map has colours", part["colours"] > 5, part["colours"])
        self.expect("the title", wide["title"].endswith("brkmalloc report"), wide["title"])
        self.same("dark paper", "rgb(22, 24, 29)", narrow["paper"])
        self.moments(wide["moments"])
        self.blocks(wide["blocks"], 400)
        self.block(wide["pinned"]["selected"], self.live(400))
        self.expect("the row that was clicked", wide["pinned"]["selected"].startswith(
            wide["pinned"]["row"][0] + ":"), wide["pinned"])
        print(f"ready after {wide['ready']:.0f} ms")


def run_in_chromium(make: Callable[[], Test], folder: str) -> int:
    """Uses pages as the test that `make` gives does, and checks what it saw."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    reason = prepare(folder) if chromium else "no chromium here"
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    with make() as test:
        result = test.use(chromium)
        if result:
            test.check(result)
        return test.finish()


def main() -> int:
    program, packed, folder = sys.argv[1:]
    return run_in_chromium(lambda: Browser(program, packed, folder), folder)


if __name__ == "__main__":
    sys.exit(main())
