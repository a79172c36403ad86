# SPDX-License-Identifier: MIT
"""Usage: stacks.py RECORDER LIBRARY REPLAYER SITES PLUGIN_A PLUGIN_B SITES_LIBRARY EXPORT REPORT SCRIPT

A program with known call sites is recorded with call stacks. What its functions allocated is known; what
the page of `report` says of each is compared with that and with sums made here, from the trace, whose
addresses are turned into names by nm: of the program, of its library, and of plug-ins of which one took
the other's place. Threads, a forked child, samples, limits, damaged and cut traces; exports.
"""
from __future__ import annotations

import bisect
import csv
import json
import os
import statistics
import struct
import subprocess
import sys

from common import Test

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))

import trace_events  # noqa: E402
import trace_file  # noqa: E402
from page_file import Page  # noqa: E402
from trace_file import Stacks, Sums  # noqa: E402

# Bytes and allocations of each function.
KNOWN = {"kept_site": (100000, 100), "short_site": (100000, 500), "unmoved_site": (40000, 1),
         "moved_site": (80000, 1), "library_site": (3000000, 1), "plugin_a_site": (63000, 21),
         "plugin_b_site": (105000, 21), "thread_site": (128000, 200)}
CHILD = {"child_site": (2560, 20)}
DEPTH_OFFSET, MEASURED_OFFSET = 88, 56


def symbols_of(path: str) -> list[tuple[int, str]]:
    run = subprocess.run(["nm", "--defined-only", path], capture_output=True, text=True, check=False)
    lines = [line.split() for line in run.stdout.splitlines()]
    return sorted((int(words[0], 16), words[2]) for words in lines
                  if len(words) == 3 and words[1] in "tT")


class Names:
    """Functions that called the allocator, of the files whose symbols are known."""

    def __init__(self, files: list[str]) -> None:
        self.symbols = {os.path.realpath(path): symbols_of(path) for path in files}

    def site(self, stacks: Stacks, number: int) -> str:
        frames = stacks.stacks[number - 1] if number else []
        if not frames or frames[0][0] == 0:
            return "?"
        start, _, link_start, _, path = stacks.objects[frames[0][0] - 1]
        known = self.symbols.get(os.path.realpath(os.fsdecode(path)), [])
        place = bisect.bisect(known, (frames[0][1] - 1 - start + link_start, "~"))
        return known[place - 1][1] if place else "?"


class StacksTest(Test):
    def __init__(self, recorder: str, library: str, replayer: str, *paths: str) -> None:
        super().__init__(recorder, library, replayer)
        self.sites, self.plugin_a, self.plugin_b, self.shared, self.export, self.report, \
            self.script = map(os.path.abspath, paths)
        self.tick = 0.0  # in seconds
        self.names = Names([self.sites, self.plugin_a, self.plugin_b, self.shared])

    def record_sites(self, name: str, *more: str, depth: str = "16", **settings: str) -> None:
        run = self.record(name, [self.sites, self.plugin_a, self.plugin_b, *more],
                          BRKMALLOC_RECORD_STACKS=depth, **settings)
        self.expect(f"{name}: it ran", (run.returncode, run.stderr) == (0, ""), run)

    def page(self, name: str) -> Page:
        run = subprocess.run([self.report, "-o", self.path("page.html"), self.path(name)],
                             capture_output=True, text=True, check=False, timeout=60)
        self.expect(f"page of {name}", (run.returncode, run.stderr) == (0, ""), run)
        return Page(self.path("page.html"))

    @staticmethod
    def rows(page: Page) -> dict[str, list]:
        """By function; there are no lines where nothing was compiled with -g."""
        return {row[0][0].split("  ")[0]: row for row in page.report["sites"]["rows"]}

    def known_sums(self, name: str) -> dict[str, Sums]:
        stacks = trace_file.read_stacks(self.path(name))
        site_of = {number: self.names.site(stacks, number)
                   for number in range(len(stacks.stacks) + 1)}
        return trace_file.site_sums(trace_file.read(self.path(name)), site_of)

    # ---- The page ----

    def whole(self) -> None:
        self.record_sites("whole")
        with open(self.path("whole"), "rb") as file:
            content = file.read()
        self.expect("version and depth", struct.unpack_from("<I", content, 8)[0] == 3 and
                    struct.unpack_from("<I", content, DEPTH_OFFSET)[0] == 16)
        ticks, nanoseconds = struct.unpack_from("<QQ", content, MEASURED_OFFSET)
        self.tick = nanoseconds / ticks / 1e9
        sums, page = self.known_sums("whole"), self.page("whole")
        rows = self.rows(page)
        for site, (size, count) in KNOWN.items():
            found = sums.get(site, Sums())
            self.expect(f"the trace has {site}", (found.bytes, found.count) == (size, count), found)
            self.row(rows.get(site), site, found)
        self.totals(page)
        self.expect("no site of the recorder's", not any("record" in name for name in rows), rows)
        self.expect("callers", rows["kept_site"][0][1].split("  ")[0] == "main", rows["kept_site"][0])
        self.callers_of_library(rows["library_site"][0])

    def callers_of_library(self, lines: list[str]) -> None:
        self.expect("the library's callers", any(line.startswith("main") for line in lines[1:]), lines)

    def row(self, row: list | None, site: str, sums: Sums) -> None:
        self.expect(f"a row of {site}", row is not None)
        if row is None:
            return
        self.expect(f"sums of {site}", [row[1], row[2], row[5], row[7]] ==
                    [sums.bytes, sums.count, sums.peak, sums.live], (row, sums))
        if not sums.lives:
            self.expect(f"{site} frees nothing", row[3:5] == [None, None], row)
        else:
            self.life(row, site, sums.lives)

    def life(self, row: list, site: str, lives: list[int]) -> None:
        """In seconds on the page, to the nanosecond; in ticks here. A median has an eighth of play."""
        mean, median = statistics.mean(lives) * self.tick, statistics.median_low(lives) * self.tick
        self.expect(f"mean life of {site}", abs(row[3] - mean) <= 0.01 * mean + 2e-9, (row, mean))
        self.expect(f"median life of {site}", abs(row[4] - median) <= 0.125 * median + 2e-9,
                    (row, median))

    def totals(self, page: Page) -> None:
        sites = page.report["sites"]
        figures = {name: value for name, value, _ in page.report["figures"]}
        for column, wanted in ((1, None), (2, figures["allocations"]), (5, figures["peak live"]),
                               (7, figures["live at the end"])):
            total = sum(row[column] for row in sites["rows"])
            self.expect(f"sum of column {column}", sites["leftOut"] > 0 or
                        total == sites["sums"][column], (total, sites["sums"]))
            self.expect(f"the figure of column {column}", wanted in (None, sites["sums"][column]),
                        (wanted, sites["sums"]))
        self.expect("the whole", sites["whole"] == figures["peak live"], sites["whole"])

    def map(self) -> None:
        """Each block that lives at the end has its own call site on the map."""
        page = self.page("whole")
        stacks = trace_file.read_stacks(self.path("whole"))
        events = trace_file.read(self.path("whole"))
        names = {event.address: self.names.site(stacks, event.stack) for event in events
                 if event.stack}
        last = len(page.report["moments"]["seconds"]) - 1
        seen: dict[str, int] = {}
        for span in page.at(last):
            shown = page.report["callSites"][span.site - 1][0].split("  ")[0] if span.site else "?"
            if names.get(span.address) in KNOWN:
                self.expect("a block's site", shown == names[span.address], (span, shown))
                seen[shown] = seen.get(shown, 0) + 1
        self.expect("all blocks that stay", seen == {"kept_site": 100, "moved_site": 1, "thread_site": 200,
                                                     "plugin_a_site": 21, "plugin_b_site": 21}, seen)

    def child(self) -> None:
        children = [path for path in self.traces("whole") if path != self.path("whole")]
        self.expect("one child", len(children) == 1, children)
        name = os.path.basename(children[0])
        rows = self.rows(self.page(name))
        self.expect("the child's site", [rows.get("child_site", [])[1:3]] == [list(CHILD["child_site"])],
                    rows)

    def without(self) -> None:
        self.record("none", [self.sites, self.plugin_a, self.plugin_b])
        with open(self.path("none"), "rb") as file:
            self.expect("the version of before", struct.unpack_from("<I", file.read(), 8)[0] == 1)
        page = self.page("none")
        self.expect("how to get call sites", "record --stacks" in page.report["sites"]["hint"] and
                    page.report["sites"]["rows"] == [] and page.report["callSites"] == [])

    def depth(self) -> None:
        self.record_sites("shallow", depth="1")
        stacks = trace_file.read_stacks(self.path("shallow"))
        self.expect("one caller each", {len(frames) for frames in stacks.stacks} <= {0, 1})
        self.expect("sites all the same", self.rows(self.page("shallow"))["kept_site"][1:3] ==
                    list(KNOWN["kept_site"]))

    # ---- In part ----

    def sample(self) -> None:
        self.record_sites("sample", BRKMALLOC_RECORD_SAMPLE="2")
        sums, page = self.known_sums("sample"), self.page("sample")
        rows = self.rows(page)
        for site, own in sums.items():
            if site in KNOWN:
                self.expect(f"scaled {site}", [rows[site][1], rows[site][2], rows[site][5]] ==
                            [2 * own.bytes, 2 * own.count, 2 * own.peak], (rows[site], own))
        self.expect("about half of them", 60 <= rows["thread_site"][2] <= 340, rows["thread_site"])
        self.totals(page)

    def limited(self) -> None:
        """What happened at first goes, but for its stacks, which later blocks name again."""
        self.record_sites("limited", "busy", BRKMALLOC_RECORD_LIMIT=str(1 << 20))
        path = self.path("limited")
        self.expect("within the limit", os.path.getsize(path) <= 1 << 20, os.path.getsize(path))
        stacks = trace_file.read_stacks(path)
        sites = {self.names.site(stacks, number) for number in range(1, len(stacks.stacks) + 1)}
        self.expect("stacks of the beginning", set(KNOWN) <= sites, sites)
        page = self.page("limited")
        rows = self.rows(page)
        self.expect("what came last", rows["short_site_of_library"][2] > 10000 and
                    "kept_site" not in rows, rows.keys())
        self.expect("it is known of all", rows.get("not known") is None, rows.get("not known"))
        run = self.run_replayer("--info", path)
        self.expect("info", run.returncode == 0, run)

    def killed(self) -> None:
        """A trace that ends anywhere behind its first chunks is read, or told with the offset."""
        with open(self.path("whole"), "rb") as file:
            content = file.read()
        for cut in range(4096, len(content), 9973):
            with open(self.path("cut"), "wb") as file:
                file.write(content[:cut])
            run = subprocess.run([self.report, "-o", self.path("cut.html"), self.path("cut")],
                                 capture_output=True, text=True, check=False, timeout=60)
            self.expect(f"cut at {cut}", run.returncode == 1 and "at offset" in run.stderr or
                        run.returncode == 0, run)

    def replayed(self) -> None:
        dumped = self.dump(self.path("whole"))
        self.expect("replay reads it", len(dumped) == len(trace_file.read(self.path("whole"))),
                    len(dumped))

    # ---- Exports ----

    def exported(self, kind: str) -> str:
        out = self.path(f"out.{kind}")
        run = subprocess.run([self.export, "--format", kind, "-o", out, self.path("whole")],
                             capture_output=True, text=True, check=False, timeout=60)
        self.expect(f"export as {kind}", (run.returncode, run.stderr) == (0, ""), run)
        return out

    def exports(self) -> None:
        with open(self.exported("csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        with open(self.exported("stacks"), encoding="utf-8", newline="") as file:
            frames = list(csv.DictReader(file))
        leaf = {row["stack"]: row["function"] for row in frames if row["frame"] == "0"}
        for site, (size, count) in KNOWN.items():
            own = [row for row in rows if row["call_site"].split("  ")[0] == site]
            self.expect(f"rows of {site}", (sum(int(row["size"]) for row in own), len(own)) ==
                        (size, count), own[:3])
            self.expect(f"stacks of {site}", own != [] and
                        all(leaf[row["stack"]] == row["call_site"] for row in own), own[:3])
        with open(self.exported("perfetto"), encoding="utf-8") as file:
            text = file.read()
        self.same("complaints", [], trace_events.complaints(text)[:5])
        events = json.loads(text)["traceEvents"]
        values = [event["args"]["value"] for event in events
                  if event["name"].startswith("live bytes of library_site")]
        self.expect("a curve of a call site", values != [] and values[-1] == 0 and
                    max(values) in (0, 3000000), values)

    # ---- The command ----

    def command(self) -> None:
        for option in ("0", "129", "x", ""):
            run = subprocess.run(["sh", self.script, "record", f"--stacks={option}", "-o", "x", "true"],
                                 capture_output=True, text=True, check=False, cwd=self.scratch)
            self.expect(f"--stacks={option}", run.returncode == 2 and
                        "--stacks takes a depth from 1 to 128" in run.stderr, run)


def main() -> int:
    with StacksTest(*sys.argv[1:]) as test:
        test.whole()
        test.map()
        test.child()
        test.without()
        test.depth()
        test.sample()
        test.limited()
        test.killed()
        test.replayed()
        test.exports()
        test.command()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
