# SPDX-License-Identifier: MIT
"""Usage: partial.py RECORDER LIBRARY REPLAYER KNOWN

Records the program KNOWN, whose calls are known, in part: a sample has all calls about the blocks of some
addresses, and no others; with a limit the last calls are there, whatever ends the process.
"""
from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import time

from common import Event, Test

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "report"))

import trace_file  # noqa: E402

MANY = 20000
THREADS = 4
LIMIT = 1 << 20
CHUNK = 65536

# Of known.c's deed "counts".
COUNT_FIRST, COUNT_SIZES, COUNT_CALLS = 20000, 10000, 300000

FACTOR = 0x9e3779b97f4a7c15


def is_sampled(address: int, sample: int) -> bool:
    mixed = (address * FACTOR & trace_file.MASK) >> 32
    return mixed >= 2**32 - 2**32 // sample


class Partial(Test):
    def __init__(self, recorder: str, library: str, replayer: str, known: str) -> None:
        super().__init__(recorder, library, replayer)
        self.known = os.path.abspath(known)

    def recorded(self, deed: str, status: int = 0, **settings: str) -> str:
        """The trace of the one process that does the deed."""
        name = "-".join([deed, *settings.values()])
        run = self.record(name, [self.known, deed], **settings)
        self.expect(f"{name}: status", run.returncode == status, f"{run.returncode} {run.stderr}")
        self.expect(f"{name}: nothing is said", run.stderr == "", run.stderr)
        return self.path(name)

    def header(self, path: str) -> tuple[int, int]:
        """Version and sample."""
        with open(path, "rb") as file:
            version, *_, sample = struct.unpack_from("<IIIIII", file.read(32), 8)
        return version, sample

    def info(self, path: str) -> str:
        run = self.run_replayer("--info", path)
        self.expect(f"info of {path}", run.returncode == 0, run.stderr)
        return run.stdout

    # ---- Samples ----

    def whole_lives(self, events: list[Event]) -> None:
        """Of each block both ends are there, wherever realloc moved it from or to."""
        frees = [event for event in events if event.operation == "free"]
        self.expect("each free is of a block of the sample",
                    frees and all(event.frees is not None for event in frees), len(frees))
        self.expect("no block's end is missing", not any(event.loses for event in events))
        given = {event.gives for event in events if (event.size or 0) >= 10111} - {None}
        freed = {event.frees for event in events}
        self.expect("all blocks were freed", given and given <= freed, len(given - freed))

    def sample(self, sample: int) -> None:
        path = self.recorded("crowd", BRKMALLOC_RECORD_SAMPLE=str(sample))
        self.expect("header", self.header(path) == (2, sample), self.header(path))
        recorded = [event for event in trace_file.read(path)
                    if event.operation != trace_file.THREAD_END]
        self.expect("there is a part of the calls", 20 < len(recorded) < THREADS * MANY * 4 / sample,
                    len(recorded))
        self.expect("the sample has its addresses only", all(
            is_sampled(event.address, sample) or is_sampled(event.old_address, sample)
            for event in recorded))
        reallocs = [event for event in recorded if event.operation == trace_file.REALLOC]
        self.expect("a realloc has an old block of the sample", all(
            is_sampled(event.old_address, sample) for event in reallocs))
        self.expect("a realloc has a new block of the sample, or is a free", all(
            is_sampled(event.address, sample) or (event.address, event.size) == (0, 0)
            for event in reallocs))
        self.whole_lives(self.dump(path))

    def estimates(self) -> None:
        path = self.recorded("kills", -signal.SIGKILL, BRKMALLOC_RECORD_SAMPLE="16")
        said = self.info(path)
        found = re.search(r"about (\d+) events, .* about (\d+) allocations, peak about (\d+) bytes, "
                          r"left about (\d+) bytes, estimated from (\d+) events of one address in 16:",
                          said)
        self.expect("the figures are estimates", found is not None, said)
        if found:
            events, allocations, peak, left, recorded = map(int, found.groups())
            self.expect("events are scaled", events == 16 * recorded, said)
            for what, value, wanted in [("allocations", allocations, MANY),
                                        ("peak", peak, MANY * 10169), ("left", left, MANY * 10169)]:
                self.expect(f"{what} is about right", 0.9 < value / wanted < 1.1, said)

    def refusal(self) -> None:
        path = self.recorded("crowd", BRKMALLOC_RECORD_SAMPLE="2")
        for option in ("--check", "--samples=0"):
            run = self.run_replayer(option, path)
            self.expect(f"{option} refuses a sample", run.returncode == 1 and run.stdout == "" and
                        f"{path}: it is a sample, of one address in 2: " in run.stderr, run)
        run = self.run_replayer("--check", self.recorded("threads"))
        self.expect("--check takes others", (run.returncode, run.stdout, run.stderr) == (0, "", ""),
                    run)

    def no_sample(self) -> None:
        for text in ("", "0", "1", "x", "1048577", "99999999999999999999"):
            path = self.recorded("threads", BRKMALLOC_RECORD_SAMPLE=text)
            self.expect(f"'{text}' is no sample", self.header(path) == (1, 0), self.header(path))
            found = sum(event.size == 10099 for event in self.dump(path))
            self.expect(f"'{text}': all calls are there", found == THREADS, found)

    # ---- Limits ----

    def keeps_to_limit(self, path: str) -> None:
        self.expect(f"{path} keeps to its limit", LIMIT - 2 * CHUNK < os.path.getsize(path) <= LIMIT,
                    os.path.getsize(path))

    def counted(self, path: str) -> list[int]:
        """The sizes of its blocks, which follow each other without a gap."""
        self.keeps_to_limit(path)
        sizes = [event.size - COUNT_FIRST for event in self.dump(path)
                 if event.operation == "malloc" and COUNT_FIRST <= (event.size or 0)]
        self.expect(f"{path}: no call is missing between two",
                    all((before + 1) % COUNT_SIZES == after
                        for before, after in zip(sizes, sizes[1:])))
        return sizes

    def limit(self) -> None:
        path = self.recorded("counts", BRKMALLOC_RECORD_LIMIT=str(LIMIT))
        self.expect("header", self.header(path) == (2, 0), self.header(path))
        sizes = self.counted(path)
        self.expect("a part is there", COUNT_CALLS / 10 < len(sizes) < COUNT_CALLS * 0.9, len(sizes))
        self.expect("its end is there", sizes[-1] == (COUNT_CALLS - 1) % COUNT_SIZES, sizes[-1])
        said = re.search(r" (\d+) events, .*, without the first ([\d.]+) s, about (\d+) events: ",
                         self.info(path))
        self.expect("what is missing is told", said is not None, self.info(path))
        if said:
            whole = int(said[1]) + int(said[3])
            self.expect("about so many", 0.9 < whole / (2 * COUNT_CALLS) < 1.1, whole)
            self.expect("so long", float(said[2]) > 0, said[2])
        figures = self.replay(path)
        self.expect("the block from before and perhaps one more was freed",
                    figures.get("unknown_frees") in ("1", "2"), figures)

    def limit_with_threads(self) -> None:
        path = self.recorded("crowds", BRKMALLOC_RECORD_LIMIT=str(LIMIT))
        events = self.dump(path)
        self.expect("a part is there", 1000 < len(events) < 2 * THREADS * MANY, len(events))
        self.expect("blocks are in order", not any(event.loses for event in events))
        self.expect("the first is not there", "without the first" in self.info(path),
                    self.info(path))
        self.replay(path)

    def both(self) -> None:
        path = self.recorded("crowds", BRKMALLOC_RECORD_LIMIT=str(LIMIT),
                             BRKMALLOC_RECORD_SAMPLE="2")
        self.expect("header", self.header(path) == (2, 2), self.header(path))
        self.keeps_to_limit(path)
        self.expect("blocks are in order", not any(event.loses for event in self.dump(path)))
        self.expect("both are told", re.search(
            r"without the first .* about \d+ events, estimated from \d+ events of one address in 2:",
            self.info(path)) is not None, self.info(path))

    def kills(self) -> None:
        """A limited file is sound at each moment."""
        for number in range(3):
            path = self.path(f"killed-{number}")
            with subprocess.Popen([self.known, "counts_on"], env={
                    **os.environ, "LD_PRELOAD": self.preload, "BRKMALLOC_RECORD": path,
                    "BRKMALLOC_RECORD_LIMIT": str(LIMIT)}) as process:
                while not self.is_full(path):
                    time.sleep(0.01)
                time.sleep(0.01 * number)
                process.kill()
            self.expect("there is much", len(self.counted(path)) > 10000)

    def is_full(self, path: str) -> bool:
        return os.path.exists(path) and os.path.getsize(path) > LIMIT - 2 * CHUNK

    def too_many_threads(self) -> None:
        run = self.record("gathers", [self.known, "gathers"], BRKMALLOC_RECORD_LIMIT=str(LIMIT))
        self.expect("the program's own end", run.returncode == 0, run)
        self.expect("the reason is told", "recording ends here" in run.stderr and
                    "no room within the limit" in run.stderr, run.stderr)
        path = self.path("gathers")
        self.expect("the limit is kept", os.path.getsize(path) <= LIMIT, os.path.getsize(path))
        found = sum(event.size == 10193 for event in self.dump(path))
        self.expect("what was written is sound", 10 <= found < 20, found)


def main() -> int:
    with Partial(*sys.argv[1:]) as test:
        for sample in (2, 3, 7):
            test.sample(sample)
        test.estimates()
        test.refusal()
        test.no_sample()
        test.limit()
        test.limit_with_threads()
        test.both()
        test.kills()
        test.too_many_threads()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
