# SPDX-License-Identifier: MIT
"""Instructions per malloc and free, counted by callgrind.

The counts are the same on every run, unlike times, so they can guide work on the fast path.
"""
from __future__ import annotations

import csv
import os
import re
import shutil

from compare import table
from compare.allocators import Allocator, UsageError
from compare.runner import Runner

from . import machine
from .comparison import Options, progress

# Mode of workloads/instructions.c: what it does.
PARTS = {
    "pair": "64 B, freed at once",
    "updown": "100 up, 100 down of 64 B",
    "small": "16..515 B among 4096",
    "medium": "1..61 KB among 256",
    "kmalloc": "64 B, GFP_ATOMIC",
    "object": "64 B of a slab cache",
    "page": "one page, order 0",
}

# What an allocator without the kernel's family has no figures of.
OF_KERNEL = {"kmalloc", "object", "page"}
NOT_THERE = "does not have it"

# Operations of the two runs: the first is long enough that caches are warm, and the difference is
# a multiple of updown's 100 and of every batch.
SHORT, LONG = 400000, 800000


class CountError(Exception):
    """A run under callgrind that failed, with its reason."""


def collected(runner: Runner, folder: str, allocator: Allocator, mode: str, operations: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               os.path.join(folder, "instructions"), f"operations={operations}", f"mode={mode}"]
    result = runner.run(command, allocator)
    count = re.search(r"Collected : (\d+)", result.errors)
    if result.reason or count is None:
        if mode in OF_KERNEL and NOT_THERE in result.errors:
            raise CountError(NOT_THERE)
        raise CountError(result.reason or "callgrind printed no count")
    return int(count[1])


def per_operation(runner: Runner, folder: str, allocator: Allocator, mode: str) -> float:
    short = collected(runner, folder, allocator, mode, SHORT)
    return (collected(runner, folder, allocator, mode, LONG) - short) / (LONG - SHORT)


def title_of(part: str) -> str:
    return f"{part}: {PARTS[part]}"


class Instructions:
    def __init__(self, options: Options, allocators: list[Allocator], runner: Runner) -> None:
        self.options = options
        self.allocators = allocators
        self.runner = runner
        self.header = ["instructions per malloc + free", *(a.name for a in allocators)]
        self.rows: list[list[str]] = []
        self.failures: list[str] = []

    def cell(self, part: str, allocator: Allocator) -> str:
        progress(f"{part}: {allocator.name}")
        try:
            counted = per_operation(self.runner, self.options.workloads, allocator, part)
            return f"{counted:.1f}"
        except CountError as error:
            if str(error) == NOT_THERE:
                return "-"
            self.failures.append(f"{part} on {allocator.name}: {error}")
            return "failed"

    def count(self, parts: list[str]) -> None:
        widths = [max(len(cell) for cell in [self.header[0], *map(title_of, parts)]),
                  *(max(len(name), 6) for name in self.header[1:])]
        self.options.log(table.text_row(self.header, widths))
        for part in parts:
            cells = [self.cell(part, allocator) for allocator in self.allocators]
            progress("")
            self.rows.append([title_of(part), *cells])
            self.options.log(table.text_row(self.rows[-1], widths))

    def run_all(self, parts: list[str]) -> bool:
        """Whether every run succeeded. Who interrupts it gets the rows that are done."""
        try:
            self.count(parts)
        except KeyboardInterrupt:
            if self.rows:
                self.options.log(f"\ninterrupted: rows that are done: {len(self.rows)}")
                self.finish()
            raise
        self.finish()
        return not self.failures

    def finish(self) -> None:
        for failure in self.failures:
            self.options.log(f"failed: {failure}")
        self.write_files()

    def write_files(self) -> None:
        folder = self.options.output
        with open(os.path.join(folder, "instructions.csv"), "w", encoding="utf-8",
                  newline="") as file:
            csv.writer(file).writerows([self.header, *self.rows])
        with open(os.path.join(folder, "instructions.md"), "w", encoding="utf-8") as file:
            file.write(machine.description(self.allocators, self.options.source,
                                           self.options.command) + "\n")
            file.write(table.markdown_table(self.header, self.rows))
        self.options.log(f"\nwritten to {folder}: instructions.csv, instructions.md")


def run(options: Options, allocators: list[Allocator], runner: Runner, parts: list[str]) -> bool:
    if shutil.which("valgrind") is None:
        raise UsageError("--instructions needs valgrind")
    return Instructions(options, allocators, runner).run_all(parts)
