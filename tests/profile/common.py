# SPDX-License-Identifier: MIT
"""What the tests of `brkmalloc pprof` share."""
from __future__ import annotations

import os
import re
import subprocess
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from scratch_test import ScratchTest  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77

# What known.c writes, below main: the stack, outermost function first, without the allocator's, and
# the six numbers (live, total and peak; blocks and bytes each).
KNOWN = {
    ("load", "known_make_table"): (10, 1000, 20, 2000, 15, 1500),
    ("known_with_inlined", "inlined_outer", "inlined_inner"): (1, 64, 3, 192, 2, 128),
    ("known_recurse",) * 4: (2, 200, 4, 400, 3, 300),
    ("known_linked_statically",): (5, 5000, 5, 5000, 5, 5000),
    ("known_linked_inlined",): (9, 90, 9, 90, 9, 90),
    ("known_preloaded",): (7, 700, 7, 700, 7, 700),
    ("known_through_library", "known_library_work", "step"): (0, 0, 8, 800, 4, 400),
    ("known_cxx", "known::table<known_numbers>::insert"): (3, 300, 3, 300, 3, 300),
    ("known_cxx", "known_cxx::{lambda(unsigned long)#1}::operator()"): (4, 40, 4, 40, 4, 40),
    ("known_cxx", "known::counted::operator new"): (6, 60, 6, 60, 6, 60),
}
# What clang calls otherwise than gcc.
CLANG_NAMES = {"known_cxx::$_0::operator()": "known_cxx::{lambda(unsigned long)#1}::operator()"}

LIVE_BLOCKS, LIVE_BYTES, TOTAL_BLOCKS, TOTAL_BYTES, PEAK_BLOCKS, PEAK_BYTES = range(6)


def known_total(number: int) -> int:
    return sum(numbers[number] for numbers in KNOWN.values())


def known_lines() -> dict[str, str]:
    """FILE:LINE of each comment "LINE name"."""
    lines = {}
    for name in ("known.c", "known_cxx.cc", "known_library.c"):
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                found = re.search(r"(?:/\*|//) LINE (\w+)", line)
                if found:
                    lines[found[1]] = f"{name}:{number}"
    return lines


def below_main(stack: list[str]) -> tuple[str, ...]:
    """Of names, outermost first, those that main called."""
    called = stack[stack.index("main") + 1:] if "main" in stack else stack
    return tuple(CLANG_NAMES.get(name, name) for name in called)


class Test(ScratchTest):
    """Of what reads profiles."""

    def __init__(self, reader: str) -> None:
        super().__init__("profile")
        self.reader = os.path.abspath(reader)
        self.environment = {key: value for key, value in os.environ.items()
                            if key not in ("LD_PRELOAD", "DEBUGINFOD_URLS")}

    def profile_of(self, program: str, name: str = "known.heap", *arguments: str) -> str:
        """Runs the known program and keeps what it writes."""
        run = subprocess.run([program, *arguments], capture_output=True, check=True,
                             env=self.environment)
        return self.write(name, run.stdout)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.reader, *arguments], capture_output=True, text=True,
                              check=False, timeout=120, env=self.environment, cwd=self.scratch)

    def read(self, *arguments: str) -> str:
        """Standard output of a run that must succeed and say nothing else."""
        run = self.run(*arguments)
        self.same(f"status of {arguments}", 0, run.returncode)
        self.same(f"standard error of {arguments}", "", run.stderr)
        return run.stdout

    def folded(self, *arguments: str) -> dict[tuple[str, ...], int]:
        """Amounts by the stack below main."""
        amounts = {}
        for line in self.read("--folded", *arguments).splitlines():
            stack, amount = line.rsplit(" ", 1)
            amounts[below_main(stack.split(";"))] = int(amount)
        return amounts


def build(test: Test, name: str, source: str, *flags: str) -> None:
    """Compiles a program or library in the scratch folder."""
    path = test.write(os.path.basename(name) + ".c", source)
    subprocess.run(["cc", "-O1", "-w", "-o", test.path(name), path, *flags], check=True)


def run_profiled(test: Test, library: str, command: list[str], options: str) -> str:
    """Runs it on the library; its profile is p.heap. Returns what it says on standard error."""
    heap = test.path("p.heap")
    if os.path.exists(heap):
        os.unlink(heap)
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=test.scratch,
                         env={**test.environment, "LD_PRELOAD": library, "BRKMALLOC_PROFILE": heap,
                              "BRKMALLOC": f"profile:true,{options}"})
    test.same(f"status of {command}", 0, run.returncode)
    return run.stderr
