# SPDX-License-Identifier: MIT
"""Usage: side_by_side.py DRIVER LIBRARY REPLAYER PAGER

`brkmalloc compare TRACE`, whose driver is trace/side_by_side.py: the table has each allocator, and the page
the same figures, the curves that the replays measured, up to the peaks of the table, and the map of the
trace. A library that is none, a library without a malloc, damaged and missing traces are told, and leave no page.
"""
import os
import re
import subprocess
import sys

import trace_file
from common import PATIENCE, Test, made_events
from page_file import Page

EVIL = "</script><script>alert(1)</script>"


class SideBySide(Test):
    def __init__(self, driver: str, library: str, replayer: str, pager: str) -> None:
        super().__init__(driver)
        self.files = [f"--library={library}", f"--replayer={replayer}", f"--pager={pager}"]
        self.events = made_events(3000, 2, 1)
        trace_file.write(self.path("trace"), self.events, EVIL.encode())

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, self.program, *self.files, "--rounds", "1",
                               *arguments], capture_output=True, text=True, check=False,
                              timeout=PATIENCE)

    def compare(self) -> None:
        run = self.run("--only", "brkmalloc", "--only", "glibc", self.path("trace"), "-o",
                       self.path("page.html"))
        self.same("status", 0, run.returncode)
        rows = {line.split()[0]: line for line in run.stdout.splitlines()
                if line.startswith(("brkmalloc ", "glibc "))}
        self.same("rows of the table", {"brkmalloc", "glibc"}, set(rows))
        self.expect("where the page is", f"written: {self.path('page.html')} (" in run.stdout,
                    run.stdout)
        page = Page(self.path("page.html"))
        self.page(page, rows)
        self.maps("page.html", ["brkmalloc"])
        self.expect("no element from the command line", page.html.count("<script") == 4 and
                    "<script>alert" not in page.html)

    def page(self, page: Page, rows: dict[str, str]) -> None:
        found = page.report["allocators"]
        self.same("allocators of the page", list(rows), [row["name"] for row in found["rows"]])
        live = page.report["curves"]["lines"][0]
        self.same("what is live", "live", live["name"])
        for row in found["rows"]:
            self.expect(f"{row['name']}: figures of the text", self.tells(rows[row["name"]], row), row)
            self.expect(f"{row['name']}: time", 0 < row["seconds"] < PATIENCE, row)
            self.same(f"{row['name']}: live at the peak", max(live["values"]),
                      row["peak_live_bytes"])
        for kind, peak in (("resident", "peak_resident_bytes"), ("breaks", "peak_break_bytes")):
            for line, row in zip(found[kind], found["rows"]):
                self.same(f"{kind} of {line['name']}: name", row["name"], line["name"])
                self.same(f"{kind} of {line['name']}: points", len(live["values"]),
                          len(line["values"]))
                # Curve and table are of two replays; what lies resident differs by some pages.
                self.expect(f"{kind} of {line['name']}: peak",
                            0.75 * row[peak] <= max(line["values"]) <= 1.25 * row[peak],
                            (row[peak], max(line["values"])))
        wanted = trace_file.live_after(self.events, len(self.events))
        self.same("blocks on the map at the end", set(wanted),
                  {span.address for span in page.at(len(page.report["moments"]["events"]) - 1)})

    def of_one_thread(self) -> None:
        """Whose map other allocators have, too."""
        trace_file.write(self.path("one"), made_events(3000, 1, 2))
        run = self.run("--only", "brkmalloc", "--only", "glibc", self.path("one"), "-o",
                       self.path("one.html"))
        self.same("status of one thread", (0, ""), (run.returncode, run.stderr))
        self.maps("one.html", ["brkmalloc", "glibc"])

    def maps(self, file: str, allocators: list[str]) -> None:
        """The same blocks at the same times, elsewhere, and at no time over each other."""
        page = Page(self.path(file))
        self.same("maps", ["the recorded program", *allocators],
                  [shown["name"] for shown in page.maps])
        places = [{span.address for span in page.spans}]
        for number in range(1, len(page.maps)):
            shown = Page(self.path(file), number)
            self.same(f"blocks of map {number}", self.lives(page), self.lives(shown))
            moments = range(len(page.report["moments"]["events"]))
            self.same(f"overlapping blocks of map {number}", [],
                      [moment for moment in moments if self.overlap(shown.at(moment))])
            self.expect(f"alignment in map {number}",
                        all(span.address % 16 == 0 for span in shown.spans))
            places.append({span.address for span in shown.spans})
        self.same("addresses of two heaps", set(), places[0] & places[-1])

    @staticmethod
    def lives(page: Page) -> list[tuple]:
        return sorted((span.first, span.until, span.bytes, span.thread) for span in page.spans)

    @staticmethod
    def overlap(spans: list) -> bool:
        return any(below.address + below.bytes > above.address
                   for below, above in zip(spans, spans[1:]))

    @staticmethod
    def tells(line: str, row: dict) -> bool:
        """The text has about three digits, in MiB."""
        found = [float(number) for number in re.findall(r"([\d.]+) MiB", line)]
        wanted = [row[name] / 2 ** 20 for name in (
            "peak_resident_bytes", "end_resident_bytes", "freed_resident_bytes",
            "peak_break_bytes")]
        return len(found) == len(wanted) and all(
            abs(one - other) <= 0.006 * other + 0.001 for one, other in zip(found, wanted))

    def refused(self, what: str, status: int, message: str, *arguments: str) -> None:
        run = self.run("-o", self.path("none.html"), *arguments)
        self.expect(what, run.returncode == status and re.search(message, run.stderr) is not None,
                    (run.returncode, run.stderr))
        self.expect(f"{what}: no page", not os.path.exists(self.path("none.html")))

    def wrong(self) -> None:
        trace = self.path("trace")
        with open(trace, "rb") as file:
            content = file.read()
        self.refused("no library", 2, "--with: .*trace is no shared library", "--with", trace, trace)
        self.refused("a missing library", 2, "--with: there is no file", "--with", "absent.so", trace)
        self.refused("no such allocator", 2, "there is no 'absent'", "--only", "absent", trace)
        for what, bad, message in [("empty", b"", "offset 0: "), ("foreign", b"x" * 9000, "offset 0: "),
                                   ("cut", content[:4100], "offset 4[0-9]+: ")]:
            self.refused(what, 1, f"brkmalloc compare: .*bad: at {message}", "--only", "glibc",
                         self.write("bad", bad))
        self.refused("missing", 1, "No such file", "--only", "glibc", self.path("absent"))
        for path in ("absent/page.html", ".", "-"):
            run = self.run("--only", "glibc", trace, "-o", path if path == "-" else self.path(path))
            self.expect(f"a page to {path}", run.returncode == 2 and "-o" in run.stderr and
                        run.stdout == "", (run.returncode, run.stderr))

    def without_malloc(self) -> None:
        """A library that serves no malloc is a row that failed; the others are compared."""
        with open("/proc/self/maps", encoding="utf-8") as file:
            library = re.search(r"/\S*libm[.]so[.]6", file.read())
        if library is None:
            return
        run = self.run("--with", library[0], "--only", "m", "--only", "glibc", self.path("trace"),
                       "-o", self.path("failed.html"))
        self.expect("a failed row", run.returncode == 1 and "failed: m: " in run.stdout, run.stdout)
        rows = {row["name"]: row for row in
                Page(self.path("failed.html")).report["allocators"]["rows"]}
        self.expect("why it failed", "does not serve malloc" in rows["m"]["failure"], rows["m"])
        self.same("the other one", "", rows["glibc"]["failure"])


def main() -> int:
    with SideBySide(*map(os.path.abspath, sys.argv[1:])) as test:
        test.compare()
        test.of_one_thread()
        test.wrong()
        test.without_malloc()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
