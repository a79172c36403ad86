# SPDX-License-Identifier: MIT
"""What the tests of reports share."""
from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace

from trace_file import FREE, MALLOC, Event, Stacks

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from scratch_test import ScratchTest  # noqa: E402

PATIENCE = 60


class Test(ScratchTest):
    """Of a program that makes pages or maps."""

    def __init__(self, program: str) -> None:
        super().__init__("report")
        self.program = os.path.abspath(program)

    def expect(self, what: str, truth: bool, found: object = "") -> None:
        super().expect(what, truth, str(found)[:600])

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              check=False, timeout=PATIENCE, errors="replace")


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


# No such file is there: the page names it and the place in it.
EVIL_OBJECT = b"/nowhere/<img src=x onerror='alert(1)'>\"&\xff"
OBJECT_START = 0x7f1234000000
SITES = 30


def with_stacks(events: list[Event], seed: int) -> tuple[list[Event], Stacks, dict[int, str]]:
    """The events with a stack for each allocation but some; and what the places of call sites end with."""
    rng = random.Random(seed)
    stacks = Stacks([(OBJECT_START, OBJECT_START + 0x100000, 0x1000, b"\x12\x34", EVIL_OBJECT)])
    site_of = {0: "not known"}
    for number in range(1, 200):
        leaf = 0x800 + 0x100 * rng.randrange(SITES)
        callers = [(rng.randrange(2), OBJECT_START + 0x10000 + 16 * rng.randrange(100))
                   for _ in range(rng.randrange(5))]
        stacks.stacks.append([(1, OBJECT_START + leaf + 1), *callers])
        site_of[number] = f"+0x{leaf + 0x1000:x}"
    return [replace(event, stack=rng.randrange(len(stacks.stacks) + 1))
            if event.operation == MALLOC else event for event in events], stacks, site_of
