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
}

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
        raise CountError(result.reason or "callgrind printed no count")
    return int(count[1])


def per_operation(runner: Runner, folder: str, allocator: Allocator, mode: str) -> float:
    short = collected(runner, folder, allocator, mode, SHORT)
    return (collected(runner, folder, allocator, mode, LONG) - short) / (LONG - SHORT)


def title_of(part: str) -> str:
    return f"{part}: {PARTS[part]}"


def run(options: Options, allocators: list[Allocator], runner: Runner, parts: list[str]) -> bool:
    if shutil.which("valgrind") is None:
        raise UsageError("--instructions needs valgrind")
    header = ["instructions per malloc + free", *(allocator.name for allocator in allocators)]
    widths = [max(len(cell) for cell in [header[0], *map(title_of, parts)]),
              *(max(len(name), 6) for name in header[1:])]
    options.log(table.text_row(header, widths))
    rows, failures = [], []
    for part in parts:
        cells = []
        for allocator in allocators:
            progress(f"{part}: {allocator.name}")
            try:
                cells.append(f"{per_operation(runner, options.workloads, allocator, part):.1f}")
            except CountError as error:
                cells.append("failed")
                failures.append(f"{part} on {allocator.name}: {error}")
        progress("")
        rows.append([title_of(part), *cells])
        options.log(table.text_row(rows[-1], widths))
    for failure in failures:
        options.log(f"failed: {failure}")
    write_files(options, allocators, header, rows)
    return not failures


def write_files(options: Options, allocators: list[Allocator], header: list[str],
                rows: list[list[str]]) -> None:
    with open(os.path.join(options.output, "instructions.csv"), "w", encoding="utf-8",
              newline="") as file:
        csv.writer(file).writerows([header, *rows])
    with open(os.path.join(options.output, "instructions.md"), "w", encoding="utf-8") as file:
        file.write(machine.description(allocators, options.source, options.command) + "\n")
        file.write(table.markdown_table(header, rows))
    options.log(f"\nwritten to {options.output}: instructions.csv, instructions.md")
