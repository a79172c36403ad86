# SPDX-License-Identifier: MIT
"""Usage: export.py RECORDER LIBRARY REPLAYER KNOWN EXPORT SCRIPT

Exports of traces whose blocks are known: the CSV has each block's life, the JSON is what Perfetto reads and
has the live bytes. Damaged traces are told with the offset, and leave nothing half-written.
"""
from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys

from common import Test

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))

import trace_events  # noqa: E402
import trace_file  # noqa: E402
from trace_file import FREE, MALLOC, Event  # noqa: E402

EVENTS = 4000


def made_events() -> list[Event]:
    """Blocks that one of three threads allocates, and any frees."""
    draw = random.Random(5)
    events: list[Event] = []
    live: list[int] = []
    for number in range(EVENTS):
        thread = draw.randrange(1, 4)
        if live and draw.random() < 0.45:
            address = live.pop(draw.randrange(len(live)))
            events.append(Event(number * 10, thread, FREE, address))
        else:
            address = 0x10000 + number * 64
            live.append(address)
            events.append(Event(number * 10, thread, MALLOC, address, draw.randrange(5000)))
    return events


def lives(events: list[Event]) -> dict[str, tuple[str, ...]]:
    """The columns from size on, by address; addresses do not come again."""
    begun: dict[int, Event] = {}
    rows: dict[str, tuple[str, ...]] = {}
    for event in events:
        if event.operation == MALLOC:
            begun[event.address] = event
        else:
            born = begun.pop(event.address)
            rows[hex(event.address)] = (str(born.size), "", "malloc", str(born.thread),
                                        str(born.ticks), str(event.thread), str(event.ticks),
                                        str(event.ticks - born.ticks))
    for born in begun.values():
        rows[hex(born.address)] = (str(born.size), "", "malloc", str(born.thread), str(born.ticks),
                                   "", "", "")
    return rows


class Export(Test):
    def __init__(self, recorder: str, library: str, replayer: str, known: str, program: str,
                 script: str) -> None:
        super().__init__(recorder, library, replayer)
        self.known = os.path.abspath(known)
        self.program, self.script = os.path.abspath(program), os.path.abspath(script)

    def export(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              check=False, cwd=self.scratch, timeout=120)

    def exported(self, kind: str, trace: str, says: str = "") -> str:
        run = self.export("--format", kind, "-o", f"{trace}.{kind}", trace)
        self.expect(f"{kind} of {trace}", (run.returncode, run.stdout, run.stderr) ==
                    (0, "", says), run)
        return self.path(f"{trace}.{kind}")

    def rows(self, trace: str, says: str = "") -> list[dict[str, str]]:
        with open(self.exported("csv", trace, says), encoding="ascii", newline="") as file:
            return list(csv.DictReader(file))

    # ---- CSV ----

    def made(self) -> None:
        events = made_events()
        trace_file.write(self.path("made"), events)
        rows = self.rows("made")
        self.expect("columns", list(rows[0]) == [
            "block", "address", "size", "alignment", "operation", "allocated_by", "allocated_ns",
            "freed_by", "freed_ns", "lifetime_ns"], list(rows[0]))
        found = {row["address"]: tuple(row.values())[2:] for row in rows}
        wanted = lives(events)
        self.expect("each life is a row", found == wanted and len(rows) == len(wanted),
                    dict(set(found.items()) ^ set(wanted.items())))
        self.expect("blocks have numbers", sorted(int(row["block"]) for row in rows) ==
                    list(range(1, len(rows) + 1)))
        self.curves(events)

    def kinds(self) -> None:
        self.record("kinds", [self.known, "kinds"])
        rows = {int(row["size"]): row for row in self.rows("kinds")}
        for operation, alignment, size in [
                ("malloc", "", 10007), ("calloc", "", 10030), ("realloc", "", 30011),
                ("aligned_alloc", "256", 10240), ("memalign", "512", 10037),
                ("posix_memalign", "1024", 10039), ("valloc", "", 10061), ("pvalloc", "", 10067)]:
            row = rows[size]
            self.expect(f"{operation} of {size}", (row["operation"], row["alignment"]) ==
                        (operation, alignment) and row["freed_by"] == "1", row)

    # ---- Perfetto ----

    def events(self, trace: str) -> list[dict]:
        """Of a file that is as the format is documented."""
        with open(self.exported("perfetto", trace), encoding="ascii") as file:
            text = file.read()
        self.same(f"complaints about {trace}", [], trace_events.complaints(text)[:5])
        return json.loads(text)["traceEvents"]

    def values(self, trace: str, name: str) -> list[int]:
        return [event["args"]["value"] for event in self.events(trace)
                if event["ph"] == "C" and event["name"] == name]

    def curves(self, events: list[Event]) -> None:
        live = trace_file.live_after(events, len(events))
        peak = max(sum(size for size, _ in trace_file.live_after(events, count).values())
                   for count in range(0, len(events) + 1, 7))
        values = self.values("made", "live bytes")
        self.expect("live at the end", values[-1] == sum(size for size, _ in live.values()),
                    values[-1])
        self.expect("the peak", max(values) >= peak, (max(values), peak))
        self.expect("blocks at the end", self.values("made", "live blocks")[-1] == len(live))
        for thread in (1, 2, 3):
            mine = sum(event.size for event in events if event.thread == thread and
                       event.operation == MALLOC and event.address in live)
            self.expect(f"thread {thread}", self.values("made", f"live bytes of thread {thread}")[-1]
                        == mine)
        slices = [event for event in self.events("made") if event["ph"] == "X"]
        self.expect("threads", [event["tid"] for event in slices] == [1, 2, 3], slices)
        self.expect("allocations", sum(event["args"]["allocations"] for event in slices) ==
                    sum(event.operation == MALLOC for event in events), slices)

    def sample(self) -> None:
        trace_file.write(self.path("sample"), made_events(), sample=64)
        self.expect("the same rows", self.rows(
            "sample", "brkmalloc export: a sample: each row stands for about 64 blocks\n") ==
            self.rows("made"))
        self.expect("live bytes are scaled", self.values("sample", "live bytes") ==
                    [64 * value for value in self.values("made", "live bytes")])

    # ---- What is wrong ----

    def damaged(self) -> None:
        with open(self.path("made"), "rb") as file:
            content = file.read()
        for cut in (0, 100, 5000, len(content) - 3):
            with open(self.path("cut"), "wb") as file:
                file.write(content[:cut])
            for kind in ("csv", "perfetto"):
                before = sorted(os.listdir(self.scratch))
                run = self.export("--format", kind, "-o", "out", "cut")
                self.expect(f"cut at {cut}", run.returncode == 1 and
                            "brkmalloc export: cut: at offset" in run.stderr, run)
                self.expect("nothing is left", sorted(os.listdir(self.scratch)) == before)
        for arguments in (["-o", "out", "none"], ["-o", "no/out", "made"]):
            run = self.export("--format", "csv", *arguments)
            self.expect(f"{arguments}", run.returncode == 1 and "No such file" in run.stderr, run)
        with open("/dev/full", "wb") as full:
            run = subprocess.run([self.program, "--format", "csv", "-o", "-", self.path("made")],
                                 stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        self.expect("a full disk", run.returncode == 1 and "No space left" in run.stderr, run)

    def usage(self) -> None:
        for arguments, message in [([], "--format takes csv, stacks or perfetto"),
                                   (["--format", "xml", "x"], "takes csv, stacks or perfetto, not 'xml'"),
                                   (["--format", "csv"], "no TRACE given"),
                                   (["--format"], "--format needs a value"),
                                   (["--format=csv", "x", "y"], "unexpected argument 'y'"),
                                   (["--frob"], "unknown option '--frob'")]:
            run = subprocess.run(["sh", self.script, "export", *arguments], capture_output=True,
                                 text=True, check=False)
            self.expect(f"{arguments}", run.returncode == 2 and message in run.stderr, run)


def main() -> int:
    with Export(*sys.argv[1:]) as test:
        test.same("faults that trace_events does not find", [], trace_events.blind_spots())
        test.made()
        test.kinds()
        test.sample()
        test.damaged()
        test.usage()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
