# SPDX-License-Identifier: MIT
"""Usage: profiles.py REPORT

Pages of heap profiles, read back from their HTML: sums by call site, callers, growth and the course over
several are those that are computed here from what was written; damaged files are told with the line; and
no text of an input becomes an element of the page. The files name objects that are not there, so that
functions are called after them.
"""
from __future__ import annotations

import random
import re
import sys
from collections import defaultdict

from common import Test
from page_file import Page

OBJECTS = ("1 400000-500000 0 fe:0 1 1 1.000000000 0.000 1.000 ab12 /nowhere/program\n"
           "2 700000-800000 1000 fe:0 2 1 1.000000000 0.000 1.000 - /nowhere/libz<b>.so\n")
EVIL = "/nowhere/</script><script>alert(1)</script>"

Sample = tuple[list[int], list[str]]  # the six numbers, and the stack


def heap_profile(samples: list[Sample], program: str = "/nowhere/program", reason: str = "request") -> str:
    lines = "".join(f"sample {' '.join(map(str, numbers))} {' '.join(stack)}\n"
                    for numbers, stack in samples)
    return (f"brkmalloc heap profile 2\npid 77\nprogram {program}\ninterval 4096\nstarted 1763800000\n"
            f"seconds 2.5\nreason {reason}\n{lines}objects\n{OBJECTS}end\n")


def place(frame: str) -> str:
    """What a frame is called that has no name: the address of the call, as its object's tables call it."""
    address, number = frame.split("@")
    start, link, name = {"1": (0x400000, 0, "program"), "2": (0x700000, 0x1000, "libz<b>.so")}[number]
    return f"{name}+{int(address, 16) - 1 - start + link:#x}"


def made_samples(seed: int) -> list[Sample]:
    rng = random.Random(seed)
    samples = []
    for first in range(40):
        for _ in range(rng.randrange(1, 4)):
            live, peak = rng.randrange(1 << 20), rng.randrange(1 << 20)
            callers = [f"{0x700000 + 16 * rng.randrange(1, 900):#x}@2" for _ in range(rng.randrange(4))]
            samples.append(([live // 100, live, live, 2 * live + peak, peak // 100, peak],
                            [f"{0x400001 + 16 * first:#x}@1", *callers]))
    rng.shuffle(samples)
    return samples


def by_site(samples: list[Sample], number: int) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for numbers, stack in samples:
        sums[place(stack[0])] += numbers[number]
    return dict(sums)


class Profiles(Test):
    def page(self, *texts: str) -> Page:
        files = [self.write(f"{number}.heap", text.encode()) for number, text in enumerate(texts)]
        run = self.run("-o", self.path("page.html"), *files)
        self.same("status", (0, ""), (run.returncode, re.sub(
            r"brkmalloc report: warning: .*\n", "", run.stderr)))
        return Page(self.path("page.html"))

    def rows(self, page: Page) -> dict[str, dict]:
        sites = page.report["sites"]
        return {row[0][0]: dict(zip(sites["header"], row)) for row in sites["rows"]}

    def one(self, reason: str) -> None:
        samples = made_samples(1)
        page = self.page(heap_profile(samples, reason=reason))
        rows = self.rows(page)
        for title, number in [("in use", 1), ("blocks in use", 0), ("at the peak", 5),
                              ("allocated in all", 3)]:
            self.same(f"{reason}: {title}", by_site(samples, number),
                      {site: row[title] for site, row in rows.items()})
        order = [row[0][0] for row in page.report["sites"]["rows"]]
        sums = by_site(samples, 5 if reason == "exit" else 1)
        self.same(f"{reason}: those with most come first",
                  sorted(order, key=lambda site: (-sums[site], site)), order)
        self.same("the whole peak", sum(sums for sums in by_site(samples, 5).values()),
                  page.report["sites"]["whole"])
        self.callers(samples, rows, 5 if reason == "exit" else 1)
        self.same("no map", [], page.maps)

    def callers(self, samples: list[Sample], rows: dict[str, dict], number: int) -> None:
        largest: dict[str, tuple[int, list[str]]] = {}
        for numbers, stack in samples:
            site, *callers = map(place, stack)
            if numbers[number] >= largest.get(site, (0, []))[0]:
                largest[site] = numbers[number], callers
        for site, (_, stack) in largest.items():
            self.same(f"callers of {site}", stack, rows[site]["call site<"][1:])

    def several(self) -> None:
        parts = [made_samples(seed) for seed in (1, 2, 3)]
        page = self.page(*map(heap_profile, parts))
        first, last = by_site(parts[0], 1), by_site(parts[2], 1)
        self.same("growth", {site: last.get(site, 0) - first.get(site, 0) for site in {*first, *last}},
                  {site: row["grown since the first"] for site, row in self.rows(page).items()})
        lines = page.report["split"]["lines"]
        self.same("curves", 8, len(lines))
        self.same("the curves' sums", [sum(by_site(part, 1).values()) for part in parts],
                  [sum(values) for values in zip(*(line["values"] for line in lines))])
        for line in lines[:-1]:
            self.same(f"the curve of {line['name']}", [by_site(part, 1)[line["name"]] for part in parts],
                      line["values"])

    def texts(self) -> None:
        page = self.page(heap_profile(made_samples(1), EVIL))
        self.expect("no element from a profile", "<script>alert" not in page.html and
                    "libz<b>" not in page.html)
        self.same("the title", f"Heap profile of {EVIL}", page.report["title"])

    def wrong(self, what: str, text: str, message: str) -> None:
        run = self.run("-o", self.path("none.html"), self.write("wrong", text.encode()))
        self.expect(what, run.returncode == 1 and re.search(message, run.stderr),
                    (run.returncode, run.stderr))

    def wrong_files(self) -> None:
        whole = heap_profile(made_samples(1)[:3])
        self.wrong("another version", whole.replace("profile 2", "profile 9"), "wrong: line 1: ")
        self.wrong("a sample", whole.replace("sample ", "sample x", 1), "wrong: line 8: ")
        self.wrong("an object", whole.replace("400000-", "400000+"), "wrong: line 12: ")
        for length in range(24, len(whole), 41):
            run = self.run("-o", self.path("cut.html"), self.write("cut", whole[:length].encode()))
            self.expect(f"cut to {length}", run.returncode == 0 or "line " in run.stderr, run.stderr)
        snapshot = self.write("snapshot", b'{"regions":[]}')
        good = self.write("good", whole.encode())
        for files in [(good, snapshot), (snapshot, good)]:
            run = self.run("-o", self.path("none.html"), *files)
            self.expect("a mixture", run.returncode == 1 and "snapshots alone or heap profiles alone" in
                        run.stderr, run.stderr)


def main() -> int:
    with Profiles(sys.argv[1]) as test:
        test.one("request")
        test.one("exit")
        test.several()
        test.texts()
        test.wrong_files()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
