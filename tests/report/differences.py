# SPDX-License-Identifier: MIT
"""Usage: differences.py COMPARE

What `brkmalloc compare` says of two snapshots and of two heap profiles: every table, before and after, is
that which heaps.py computes in another way, and sums are those of the rows; the text has the same figures as the
JSON, and the page has them; no text of a file reaches a page as anything but text. Damaged, cut, empty, foreign
and mixed files are told, with the offset or line, and nothing is printed or written.
"""
import json
import os
import random
import re
import sys

import heaps
import trace_file
from common import Test, made_events
from page_file import Page

EVIL = '</script><script>alert("1")</script><!-- & \'"\\ \x01\x7f'


class Differences(Test):
    def compare(self, *files: str) -> dict:
        run = self.run("--json", *files)
        self.same(f"status for {files}", (0, ""), (run.returncode, run.stderr))
        found = json.loads(run.stdout)
        for table in found["tables"]:
            self.check_table(table)
        return {**found, **{table["key"]: {row["name"]: row for row in table["rows"]}
                            for table in found["tables"]}}

    def check_table(self, table: dict) -> None:
        rows, key = table["rows"], table["key"]
        for row in [*rows, table.get("sum", rows[0] if rows else {})]:
            for pair in (row.get("bytes"), row.get("count")):
                self.expect(f"{key}: {row}: the difference", pair is None or
                            pair[2] == pair[1] - pair[0], pair)
        self.same(f"{key}: names differ", len(rows), len({row["name"] for row in rows}))
        if "sum" in table:
            self.same(f"{key}: those first that grew most", sorted(
                rows, key=lambda row: (-row["bytes"][2], -row.get("count", [0, 0, 0])[2],
                                       row["name"])), rows)
            for name in ("bytes", "count"):
                if rows and name in rows[0]:
                    self.same(f"{key}: sum of {name}",
                              [sum(row[name][i] for row in rows) for i in range(3)],
                              table["sum"][name])

    def same_table(self, what: str, rows: dict, before: dict, after: dict) -> None:
        """Of pairs (bytes, count) by name."""
        self.same(f"{what}: names", set(before) | set(after), set(rows))
        for name, row in rows.items():
            wanted = [before.get(name, (0, 0)), after.get(name, (0, 0))]
            self.same(f"{what}: {name}", wanted,
                      [(row["bytes"][side], row["count"][side]) for side in (0, 1)])

    # ---- Snapshots ----

    def files_of(self, *contents: dict) -> list[str]:
        return [self.write(f"{number}.json", heaps.dump(content))
                for number, content in enumerate(contents)]

    def snapshots(self, before: dict, after: dict) -> None:
        sides = [heaps.Heap(before), heaps.Heap(after)]
        found = self.compare(*self.files_of(before, after))
        self.same("kind", "snapshots", found["kind"])
        self.same_table("sizes", found["sizes"], *(side.sizes() for side in sides))
        self.same_table("holes", found["holes"], *(side.holes() for side in sides))
        self.totals(found["totals"], sides)
        self.pins(found, sides)
        self.places(found, sides, before["process"] == after["process"])

    def totals(self, totals: dict, sides: list[heaps.Heap]) -> None:
        there = [kind for kind in heaps.OUTSIDE if any(side.totals[kind] for side in sides)]
        for kind in [*heaps.KINDS, *there]:
            row = totals[kind if kind != "used" else "live in the heap" if there else "live"]
            self.same(f"bytes {kind}", [side.totals[kind] for side in sides], row["bytes"][:2])
            if "count" in row:
                self.same(f"blocks {kind}", [side.counts[kind] for side in sides], row["count"][:2])
        self.same("live", [(sum(side.totals[kind] for kind in heaps.LIVE), sum(side.counts[kind] for kind in heaps.LIVE))
                           for side in sides], list(zip(totals["live"]["bytes"][:2], totals["live"]["count"][:2])))
        by_start = {name.split(":")[0].split(" ")[0]: row for name, row in totals.items()}
        self.same("resident", [side.resident for side in sides], by_start["resident"]["bytes"][:2])
        self.same("holes", [(sum(side.hole_list()), len(side.hole_list())) for side in sides],
                  list(zip(totals["holes"]["bytes"][:2], totals["holes"]["count"][:2])))
        self.same("largest hole", [max(side.hole_list(), default=0) for side in sides],
                  totals["largest hole"]["bytes"][:2])
        self.same("break", [side.break_bytes for side in sides], by_start["from"]["bytes"][:2])
        self.same("pinned", [side.pins()[1] for side in sides], by_start["pinned"]["bytes"][:2])

    def pins(self, found: dict, sides: list[heaps.Heap]) -> None:
        """Shares are rounded such that they add up: each by less than a byte per page that a run begins or
        ends on."""
        for number, side in enumerate(sides):
            shares, total = side.pins()
            rows = {name: row["bytes"][number] for name, row in found["pins"].items()
                    if row["bytes"][number]}
            self.same(f"pinned in all on side {number}", total, sum(rows.values()))
            for name in set(shares) | set(rows):
                self.expect(f"pinned by {name} on side {number}", abs(
                    shares.get(name, 0) - rows.get(name, 0)) <= 2 * len(side.runs),
                            (float(shares.get(name, 0)), rows.get(name, 0)))

    def places(self, found: dict, sides: list[heaps.Heap], are_of_one: bool) -> None:
        self.same("whether addresses are compared", are_of_one, "places" in found)
        self.same("whether it is said", are_of_one, not any("two processes" in note
                                                            for note in found["notes"]))
        for name, row in found.get("places", {}).items():
            low, high = (int(word, 16) for word in name.split(" to "))
            wanted = [sum(max(0, min(high + 1, start + size) - max(low, start))
                          for start, kind, size, _ in side.runs if kind in heaps.LIVE)
                      for side in sides]
            self.same(f"live from {name}", wanted, row["bytes"][:2])
        if are_of_one:
            self.same("live at all places", [sum(side.totals[kind] for kind in heaps.LIVE) for side in sides],
                      [sum(row["bytes"][i] for row in found["places"].values()) for i in (0, 1)])

    # ---- Profiles ----

    def profiles(self, seed: int, reason: str, reason_after: str) -> None:
        sides = [heaps.made_samples(seed), heaps.made_samples(seed + 1)]
        files = [self.write(f"{number}.heap", heaps.profile(samples, why)) for number, (samples, why)
                 in enumerate(zip(sides, (reason, reason_after)))]
        found = self.compare(*files)
        is_at_peak = reason == reason_after == "exit"
        in_use = (4, 5) if is_at_peak else (0, 1)
        for key, numbers in (("sites", in_use), ("allocated", (2, 3))):
            self.same_table(f"{key}, {reason}, {reason_after}", found[key],
                            *(heaps.sites(samples, *numbers) for samples in sides))
        total = found["totals"]["in use at the peak" if is_at_peak else "in use"]
        self.same("in use", [sum(numbers[in_use[1]] for numbers, _ in samples) for samples in sides],
                  total["bytes"][:2])
        for row in found["sites"].values():
            callers = ["0x" + caller.split("0x")[1] for caller in row["callers"]]
            self.expect("callers that the profiles have", any(
                [f"{address - 1:#x}" for address in stack] == [row["name"], *callers]
                for samples in sides for _, stack in samples), row)

    # ---- Text ----

    def text(self, *files: str) -> None:
        """All rows of the JSON that changed stand in the text, where a table is short; and the totals do."""
        run = self.run(*files)
        self.same("status", (0, ""), (run.returncode, run.stderr))
        found = json.loads(self.run("--json", *files).stdout)
        lines = [re.sub(r" +", " ", line).strip() for line in run.stdout.splitlines()]
        for table in found["tables"]:
            for row in table["rows"] if len(table["rows"]) <= 40 else []:
                changed = row["bytes"][2] or row.get("count", [0, 0, 0])[2]
                has = any(line.endswith(" " + row["name"]) and self.tells(line, row)
                          for line in lines)
                self.expect(f"the text has {table['key']}: {row['name']}", has or not changed, lines)

    @staticmethod
    def tells(line: str, row: dict) -> bool:
        """Counts as they are, and bytes below 1 KiB."""
        wanted = [str(count) for count in row.get("count", [])[:2]]
        wanted += [f"{size} B" for size in row["bytes"][:2] if size < 1024]
        return all(word in line for word in wanted)

    def names(self) -> None:
        name = self.path(EVIL.replace("/", "") + ".heap")
        with open(name, "w", encoding="utf-8") as file:
            file.write(heaps.profile(heaps.made_samples(1), program=EVIL.replace("\x01", "")))
        run = self.run("--json", name, name)
        self.same("status", 0, run.returncode)
        self.expect("no element of HTML", "<" not in run.stdout, run.stdout)
        found = json.loads(run.stdout)["before"]["file"]
        self.same("the name", name.replace("\x01", "?").replace("\x7f", "?"), found)
        run = self.run(name, name, "-o", self.path("evil.html"))
        self.same("status with a page", (0, ""), (run.returncode, run.stderr))
        self.expect("where the page is", run.stdout.splitlines()[-1].startswith(
            f"written: {self.path('evil.html')} ("), run.stdout[-200:])
        page = Page(self.path("evil.html"))
        self.expect("no element from a file's name or a program's", page.html.count("<script") == 3
                    and "<script>alert" not in page.html, page.html.count("<script"))

    def earlier(self, old: dict, new: dict) -> None:
        """A snapshot of an earlier release has no areas, which is said."""
        for before, after, side in ((old, new, "before"), (new, old, "after")):
            notes = self.compare(*self.files_of(before, after))["notes"]
            self.same("notes", [f"What lies outside of the heap, as mapped blocks, is not in the snapshot {side}: "
                                "an earlier release wrote it."], notes)

    # ---- Wrong files ----

    def page(self, before: dict, after: dict) -> None:
        """The page has the tables, and at each moment the runs of its side."""
        files = self.files_of(before, after)
        tables = json.loads(self.run("--json", *files).stdout)["tables"]
        run = self.run("--json", *files, "-o", self.path("page.html"))
        self.same("the tables beside a page", tables, json.loads(run.stdout)["tables"])
        page = Page(self.path("page.html"))
        self.same("the tables of a page", tables, page.report["tables"])
        self.same("whether maps show the same addresses", before["process"] == after["process"],
                  page.report["aligned"])
        for moment, content in enumerate((before, after)):
            self.same(f"the map's runs on side {moment}", sorted(heaps.Heap(content).runs),
                      [(span.address, span.kind, span.bytes, span.blocks)
                       for span in page.at(moment)])
        run = self.run(*files, "-o", "-")
        self.expect("a page on standard output", run.returncode == 0 and
                    run.stdout == page.html, run.stderr)

    def refused(self, what: str, status: int, message: str, *files: str) -> None:
        run = self.run("-o", self.path("none.html"), *files)
        self.expect(f"{what}: no page", not os.path.exists(self.path("none.html")))
        self.expect(what, (run.returncode, run.stdout) == (status, "") and re.search(
            message, run.stderr) is not None and run.stderr.count("\n") == 1,
                    (run.returncode, run.stdout, run.stderr))

    def wrong_files(self) -> None:
        good = self.write("good.json", heaps.dump(heaps.made_snapshot(1)))
        profile = self.write("good.heap", heaps.profile(heaps.made_samples(1)))
        trace_file.write(self.path("trace"), made_events(10, 1, 1))
        trace = self.path("trace")
        whole = heaps.dump(heaps.made_snapshot(1))
        for what, content, message in [
                ("empty", b"", "at offset 0: the file is empty"),
                ("foreign", b"\x7fELF\2\1\1", "at offset 0: this is neither a snapshot"),
                ("cut", whole[:700], r"at offset 700: "),
                ("no regions", b"{}", "at offset 2: this is no snapshot"),
                ("an area of another kind", b'{"regions":[],"areas":[{"kind":"used"}]}',
                 'at offset 38: there is no kind of areas "used"'),
                ("cut profile", heaps.profile(heaps.made_samples(1))[:-5].encode(),
                 "line [0-9]+: the file was cut short"),
                ("damaged profile", heaps.profile([([1, 2, 3, 4, 5, 6], [0x1001])]).replace(
                    " 3 ", " x ").encode(), "line 7: TOTAL_BLOCKS is 'x'"),
        ]:
            path = self.write("bad", content)
            other = profile if "profile" in what else good
            self.refused(f"{what} before", 1, f"^brkmalloc compare: {path}: {message}", path, other)
            self.refused(f"{what} after", 1, f"^brkmalloc compare: {path}: {message}", other, path)
        self.refused("missing", 1, "absent: No such file", good, self.path("absent"))
        self.refused("a folder", 1, "directory", self.path("."), good)
        self.refused("mixed", 2, "good.json is a snapshot, and .*good.heap is a heap profile: both must",
                     good, profile)
        self.refused("a trace beside a snapshot", 2, "trace is a trace, and", trace, good)
        self.refused("two traces", 2, "are traces: compare replays one", trace, trace)
        self.changed(whole)
        self.changed(heaps.profile(heaps.made_samples(1)).encode())

    def changed(self, content: bytes) -> None:
        """Nothing crashes, and what cannot be read is told."""
        rng = random.Random(9)
        good = self.write("good", content)
        for _ in range(60):
            changed = bytearray(content)
            for _ in range(rng.randrange(1, 4)):
                changed[rng.randrange(len(content))] = rng.randrange(256)
            run = self.run("--json", good, self.write("changed", bytes(changed)))
            self.expect("a changed file", run.returncode == 0 or
                        (run.returncode in (1, 2) and run.stdout == "" and
                         re.search(" at offset | line [0-9]+|both must", run.stderr) is not None),
                        (run.returncode, run.stderr))

    def unwritable(self) -> None:
        good = self.write("good.json", heaps.dump(heaps.made_snapshot(1)))
        for path in ("absent/page.html", "."):
            run = self.run(good, good, "-o", self.path(path))
            self.expect(f"a page to {path}", (run.returncode, run.stdout) == (1, "") and
                        "cannot write" in run.stderr, (run.returncode, run.stderr))

    def usage(self) -> None:
        for arguments in [[], ["x"], ["x", "y", "z"], ["--frob", "x", "y"], ["x", "y", "-o"],
                          ["x", "y", "-o", ""]]:
            run = self.run(*arguments)
            self.expect(f"{arguments}", run.returncode == 2 and "usage:" in run.stderr and
                        run.stdout == "", (run.returncode, run.stderr))


def main() -> int:
    with Differences(sys.argv[1]) as test:
        for seed in range(8):
            test.snapshots(heaps.made_snapshot(seed), heaps.made_snapshot(seed + 100, 12 + seed % 2))
            test.profiles(seed, *[("request", "request"), ("exit", "exit"), ("exit", "signal")][seed % 3])
        same = heaps.made_snapshot(5)
        test.snapshots(same, same)
        test.snapshots(heaps.snapshot([]), same)
        old = {key: value for key, value in same.items() if not key.startswith("areas")}
        test.snapshots(old, same)
        test.earlier(old, same)
        test.text(*test.files_of(heaps.made_snapshot(1), heaps.made_snapshot(2)))
        test.text(*test.files_of(same, heaps.snapshot([])))
        test.text(test.path("0.heap"), test.path("1.heap"))
        test.page(heaps.made_snapshot(1), heaps.made_snapshot(2))
        test.page(heaps.made_snapshot(1), heaps.made_snapshot(2, 13))
        test.names()
        test.unwritable()
        test.wrong_files()
        test.usage()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
