# SPDX-License-Identifier: MIT
"""Usage: browser.py REPORT TRACE FOLDER [CTL LIBRARY]

A page in headless Chromium, driven by playwright-core, which npm puts into FOLDER: nothing on the console
and no network; the slider moves; blocks that are zoomed to and selected are those of the trace, with
address and size; the sums of what holds memory are those that page_file.what_holds computes; both themes,
and nothing too wide for a narrow window. With CTL, of a process on LIBRARY the mapped blocks have the addresses and
sizes that the process knows. Pictures of all that stay in FOLDER.
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from fractions import Fraction
from typing import Callable

import trace_file
from common import Test, made_events, with_stacks
from page_file import Page, PAGE, size_group, what_holds

PLAYWRIGHT = "playwright-core@1.65.1"
SECONDS = 800
SKIPPED = 77


# Prints where its blocks are, how large they may become, and what is resident of them, and waits.
MAPPED = """
import ctypes, sys
library = ctypes.CDLL(None)
for name in ("malloc", "malloc_usable_size"):
    getattr(library, name).argtypes = [ctypes.c_size_t]
    getattr(library, name).restype = ctypes.c_size_t
blocks = [library.malloc(mib << 20) for mib in (7, 9, 30)]
ctypes.memset(blocks[1], 1, 2 << 20)
print(*((block, library.malloc_usable_size(block)) for block in blocks), sep=";", flush=True)
sys.stdin.readline()
"""


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
    def __init__(self, program: str, packed: str, folder: str, process: list[str]) -> None:
        super().__init__(program)
        self.folder = folder
        self.mapped: list[tuple[int, int]] = []
        self.snapshot: dict = {}
        if process:
            self.take_snapshot(*process)
        subprocess.run(["zstd", "-q", "-d", packed, "-o", self.path("trace")], check=True)
        self.events = trace_file.read(self.path("trace"))
        run = self.run("-o", self.path("page.html"), self.path("trace"))
        self.same("status", 0, run.returncode)
        self.page = Page(self.path("page.html"))
        self.site_events, stacks, self.site_of = with_stacks(made_events(4000, 1, 11), 11)
        trace_file.write(self.path("sites"), self.site_events, stacks=stacks)
        self.elsewhere = self.make_replay()
        self.same("status", 0, self.run("--samples", self.path("replay"), "-o", self.path("sites.html"),
                                        self.path("sites")).returncode)
        self.sites_page = Page(self.path("sites.html"))

    def make_replay(self) -> dict[int, int]:
        """Of an allocator that has each block on pages of its own: its address by the recorded one."""
        elsewhere, addresses, next_one = {}, [], 1 << 40
        for event in self.site_events:
            if event.operation == trace_file.MALLOC:
                addresses.append(next_one)
                elsewhere[event.address] = next_one
                next_one += (event.size // PAGE + 1) * PAGE
        self.write("addresses", struct.pack(f"<{len(addresses)}Q", *addresses))
        self.write("replay", f"allocator elsewhere\naddresses {self.path('addresses')}\nseconds 1\n"
                   f"sample {len(self.site_events)} 1 1 1 1 1\n".encode())
        return elsewhere

    def take_snapshot(self, ctl: str, library: str) -> None:
        """Of a process with mapped blocks."""
        environment = {**os.environ, "LD_PRELOAD": library, "BRKMALLOC": "control:true"}
        with subprocess.Popen([sys.executable, "-c", MAPPED], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            told = process.stdout.readline()
            self.mapped = [tuple(map(int, pair.strip("()\n").split(","))) for pair in told.split(";")]
            run = subprocess.run([ctl, "ctl", str(process.pid), "snapshot", "--blocks"], capture_output=True,
                                 text=True, check=False, timeout=SECONDS)
            process.communicate("")
        self.same("a snapshot", (0, ""), (run.returncode, run.stderr))
        self.snapshot = json.loads(run.stdout)
        self.write("heap.json", run.stdout.encode())
        self.same("status", 0, self.run("-o", self.path("outside.html"), self.path("heap.json")).returncode)

    def use(self, chromium: str) -> dict:
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.js")
        run = subprocess.run(["node", script, chromium, self.path("page.html"), self.path("sites.html"),
                              self.folder, *([self.path("outside.html")] if self.mapped else []),
                              *(hex(address) for address, _ in self.mapped)],
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

    def sites(self, seen: dict) -> None:
        """The table, its sums and its orders; and who holds memory by call site, at the peak."""
        def place(name: str) -> str:
            line = name.split("\n")[0]
            return line[line.rindex("+"):] if "+0x" in line else line

        sums = trace_file.site_sums(self.site_events, self.site_of)
        rows = {place(row[0]): row[1:] for row in seen["rows"][:-1]}
        self.same("sites", {site: [str(own.bytes), str(own.count)] for site, own in sums.items()},
                  {site: row[:2] for site, row in rows.items()})
        self.same("in all", [str(sum(own.bytes for own in sums.values())), str(sum(own.count for own in sums.values()))],
                  seen["rows"][-1][1:3])
        counts = [int(row[2]) for row in seen["byCount"][:-1]]
        self.expect("by allocations", counts == sorted(counts, reverse=True) and len(counts) == len(rows))
        self.same("the map's colours", "site", seen["colour"])
        count = self.sites_page.report["moments"]["events"][int(seen["moment"])]
        born = {event.address: event for event in self.site_events[:count] if event.operation == trace_file.MALLOC}
        live = trace_file.live_after(self.site_events, count)
        groups, pages = what_holds([(address, size, self.site_of[born[address].stack])
                                    for address, (size, _) in live.items()])
        shown = {place(row[0]): row[1:] for row in seen["groups"][:-1]}
        self.same("who holds memory", {site: [group.blocks, group.bytes, group.back] for site, group in groups.items()},
                  {site: [int(row[0]), int(row[1]), int(row[3])] for site, row in shown.items()})
        self.same("all pages", str(pages * PAGE), seen["groups"][-1][4])
        stacks: dict[str, int] = {}
        for row in seen["callers"][:-1]:
            name = place(row[0].split(" \u2190 ")[0])
            stacks[name] = stacks.get(name, 0) + int(row[2])
        self.same("bytes by callers", {site: group.bytes for site, group in groups.items()}, stacks)
        self.expect("callers are told", sum(" \u2190 " in row[0] for row in seen["callers"]) > 5, seen["callers"])
        selected = seen["pinned"]["selected"]
        site = self.site_of[born[int(selected.split(":")[0], 16)].stack]
        self.expect("a block tells its call site", site == "not known" or site in selected, (site, selected))
        self.same("its row does, too", site, place(seen["pinned"]["row"][-1]))
        self.replayed(seen["elsewhere"], live)

    def replayed(self, seen: dict, live: dict[int, tuple[int, int]]) -> None:
        """The same moment of the map of a replay."""
        self.same("maps to choose", ["the recorded program", "elsewhere"], seen["offered"])
        self.same("none is selected in another map", "", seen["left"])
        there = {self.elsewhere[address]: found for address, found in live.items()}
        self.block(seen["selected"], there)
        pages = len({page for address, (size, _) in there.items()
                     for page in range(address // PAGE, (address + max(size, 1) - 1) // PAGE + 1)})
        self.same("pages of the replay", str(pages * PAGE), seen["groups"][-1][4])

    def outside(self, seen: dict) -> None:
        """The mapped blocks at their addresses, with the sizes that the process knows; all of them in the table."""
        areas = {area["payload"]: area for area in self.snapshot["areas"]}
        for (address, usable), words in zip(self.mapped, seen["found"]):
            area = areas[address]
            match = re.fullmatch(r"(0x[0-9a-f]+): mapped, .* \((\d+) bytes\), payload at (0x[0-9a-f]+), ([\d,]+) bytes "
                                 r"usable, .* resident", words)
            self.expect("a mapped block is described", match is not None, words)
            if match:
                self.same(f"what is said of {address:#x}", (area["start"], area["bytes"], address, usable),
                          (int(match[1], 16), int(match[2]), int(match[3], 16), int(match[4].replace(",", ""))))
        self.expect("what was touched is resident", areas[self.mapped[1][0]]["resident"] >= 2 << 20, areas)
        mapped = [area for area in areas.values() if area["kind"] == "mapped"]
        row = next(row for row in seen["groups"] if row[0] == "mapped")
        self.same("mapped blocks in the table", [len(mapped), sum(area["bytes"] for area in mapped), 0],
                  [int(row[1]), int(row[2]), int(row[3])])
        self.expect("the legend", "mapped" in seen["legend"], seen["legend"])

    def check(self, result: dict) -> None:
        wide, narrow = result["wide"], result["narrow"]
        for name, part in result.items():
            self.same(f"{name}: console, errors, requests", [], part["seen"])
            self.same(f"{name}: what is wider than the window", [], part["tooWide"])
            self.expect(f"{name}: the map has colours", part["colours"] > 5, part["colours"])
        self.expect("the title", wide["title"].endswith("brkmalloc report"), wide["title"])
        self.same("dark paper", "rgb(22, 24, 29)", narrow["paper"])
        self.moments(wide["moments"])
        self.sites(result["sites"])
        if self.mapped:
            self.outside(result["outside"])
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
    program, packed, folder, *process = sys.argv[1:]
    return run_in_chromium(lambda: Browser(program, packed, folder, process), folder)


if __name__ == "__main__":
    sys.exit(main())
