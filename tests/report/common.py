# SPDX-License-Identifier: MIT
"""What the tests of reports share."""
from __future__ import annotations

import os
import random
import subprocess
import tempfile

from trace_file import FREE, MALLOC, Event

PATIENCE = 60


class Test:
    """Counts what fails; use it in a with statement, which brings a scratch folder."""

    def __init__(self, program: str) -> None:
        self.program = os.path.abspath(program)
        self.scratch_folder = tempfile.TemporaryDirectory(prefix="brkmalloc-report.")
        self.failed = 0

    def __enter__(self) -> Test:
        return self

    def __exit__(self, *_: object) -> None:
        self.scratch_folder.cleanup()

    def expect(self, what: str, truth: bool, found: object = "") -> None:
        if not truth:
            self.failed += 1
            print(f"FAILED: {what}: {str(found)[:600]}")

    def same(self, what: str, wanted: object, found: object) -> None:
        self.expect(what, wanted == found, f"{found} instead of {wanted}")

    def path(self, name: str) -> str:
        return os.path.join(self.scratch_folder.name, name)

    def write(self, name: str, content: bytes) -> str:
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              check=False, timeout=PATIENCE, errors="replace")

    def finish(self) -> int:
        print("passed" if not self.failed else f"{self.failed} failed")
        return 1 if self.failed else 0


def made_events(count: int, threads: int, seed: int) -> list[Event]:
    """Blocks in three places that do not overlap, as a program might have them."""
    rng = random.Random(seed)
    unused = [start + 4000 * place for start in (0x55550000000, 0x7f0000000000, 0x7f8000000008)
              for place in range(400)]
    live: list[int] = []
    events = []
    for number in range(count):
        ticks, thread = 10 * (number + 1), rng.randrange(threads) + 1
        if live and (not unused or rng.random() < 0.45):
            address = live.pop(rng.randrange(len(live)))
            unused.append(address)
            events.append(Event(ticks, thread, FREE, address))
        else:
            address = unused.pop(rng.randrange(len(unused)))
            size = rng.choice([0, 1, 24, 100, 1000, rng.randrange(3900), 3999])
            live.append(address)
            events.append(Event(ticks, thread, MALLOC, address, size))
    return events
