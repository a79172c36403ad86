# SPDX-License-Identifier: MIT
"""How the allocators scale with threads and with the live heap, and what idle threads keep."""
from __future__ import annotations

import csv
import os
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from compare import table
from compare.allocators import Allocator
from compare.runner import Result, Runner, check_operations, number_in

from . import machine
from .comparison import OURS, Options, progress

KIB = 1024
MIB = 1024 * KIB

THREADS = [1, 2, 4, 8, 16, 32, 64]
THREAD_LOOPS = {  # title: workload and parameters
    "own blocks": ["replace", "slots=1000", "least=16", "most=515"],
    "shared blocks": ["exchange", "slots=16384", "least=16", "most=515"],
    "inherited blocks": ["server", "slots=1000", "least=16", "most=1000", "lives=10"],
}
# Threads that have nothing to do with each other: small, zeroed, all sizes up to medium ones, resized,
# and large blocks; each loop's share of the operations.
APART_THREADS = [1, 2, 4, 8]
APART_LOOPS = {
    "small": (2, ["ends", "slots=8192", "least=8", "most=263"]),
    "calloc": (2, ["ends", "call=calloc", "slots=1024", "least=64", "most=2560"]),
    "wide": (1, ["ends", "slots=1024", "least=16", "most=32768", "skewed=1"]),
    "realloc": (1, ["ends", "call=realloc", "slots=256", "least=16", "most=4015"]),
    "large": (0.2, ["ends", "slots=32", "least=100000", "most=3100000"]),
}
LINES_THREADS = [2, 4]
# Allocators that write to the word in front of a block.
WITH_HEADERS = [OURS, "glibc"]
LIVE_MIB = [1, 16, 64, 256, 1024, 4096]
IDLE_THREADS = 33


@dataclass
class Report:
    """One table: its rows are lists of cells."""

    name: str
    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    is_shown: bool = False


def median(results: list[Result], value: Callable[[Result], float | None]) -> float | None:
    """None when a run failed or has no such figure."""
    figures = [None if result.reason else value(result) for result in results]
    known = [figure for figure in figures if figure is not None]
    return statistics.median(known) if len(known) == len(figures) else None


def medians(results: dict[str, list[Result]], value: Callable[[Result], float | None],
            ) -> dict[str, float | None]:
    return {name: median(found, value) for name, found in results.items()}


def seconds_of(result: Result) -> float:
    """Of the measured part of a workload."""
    return max(number_in(result.output, "seconds") or 0.0, 1e-6)


def per_million(result: Result, operations: int, *rows: str) -> float | None:
    """The sum of these rows of brkmalloc's statistics per million operations."""
    if "statistics of process" not in result.errors:
        return None
    found = [re.search(rf"^ *{row} +(\d+) ", result.errors, re.MULTILINE) for row in rows]
    return sum(int(row[1]) for row in found if row) / operations * 1e6


def lock_waits(result: Result, operations: int) -> float | None:
    return per_million(result, operations, "waits for locks")


def locks_taken(result: Result, operations: int) -> float | None:
    return per_million(result, operations, "heap locks taken", "depot locks taken")


def shared_lines(result: Result) -> float | None:
    """Per cent of the cache lines with blocks that have blocks of two threads."""
    lines = number_in(result.output, "lines")
    shared = number_in(result.output, "shared")
    return None if lines is None or shared is None else 100 * shared / lines


def cache_misses(result: Result, operations: int) -> float | None:
    """Each takes the lock of the depot's shelf or of the heap, or both."""
    return per_million(result, operations, "refills", "flushes")


def switches(result: Result, operations: int) -> float | None:
    found = number_in(result.output, "switches")
    return None if found is None else found / operations * 1e6


def with_speed_up(rate: float | None, alone: float | None) -> str:
    """A rate, and how many times that of one thread it is."""
    if rate is None:
        return "failed"
    return table.figure(rate) + (f" ({rate / alone:.2f})" if alone else "")


def idle_kib(result: Result) -> float | None:
    found = number_in(result.output, "idle_bytes")
    return None if found is None else found / KIB


class Scaling:
    def __init__(self, options: Options, allocators: list[Allocator], runner: Runner) -> None:
        self.options = options
        self.allocators = allocators
        self.runner = runner
        self.failures: list[str] = []
        self.reports: list[Report] = []
        self.rounds = min(options.rounds, 1 if options.quick else 3)

    def run_once(self, command: list[str], operations: int, allocator: Allocator,
                 extra: dict[str, str] | None = None) -> Result:
        """Failed runs are noted."""
        full = [os.path.join(self.options.workloads, command[0]), f"operations={operations}",
                *command[1:]]
        progress(f"{' '.join(command)}: {allocator.name}")
        result = self.runner.run(full, allocator, extra=extra)
        check_operations(result, operations)
        if result.reason:
            self.failures.append(f"{' '.join(command)} on {allocator.name}: {result.reason}")
        return result

    def interleaved(self, command: list[str], operations: int,
                    extra: dict[str, str] | None = None) -> dict[str, list[Result]]:
        """The results per allocator."""
        results: dict[str, list[Result]] = {a.name: [] for a in self.allocators}
        for turn in range(self.rounds):
            for i in range(len(self.allocators)):
                allocator = self.allocators[(i + turn) % len(self.allocators)]
                result = self.run_once(command, operations, allocator, extra)
                results[allocator.name].append(result)
        progress("")
        return results

    def row(self, title: list[str], figures: dict[str, float | None],
            more: list[str] | None = None) -> list[str]:
        cells = ["failed" if figures[a.name] is None else table.figure(figures[a.name])
                 for a in self.allocators]
        return [*title, *cells, *(more or [])]

    def begin(self, name: str, title: str, header: list[str]) -> Report:
        """A report that gets its rows one by one."""
        self.reports.append(Report(name, title, header))
        return self.reports[-1]

    def show(self, report: Report) -> None:
        report.is_shown = True
        self.options.log(f"\n{report.title}\n")
        self.options.log(table.text_table(report.header, report.rows))

    def threads(self) -> None:
        """Throughput, and how often brkmalloc waited for a lock."""
        operations = 300000 if self.options.quick else 3000000
        report = self.begin(
            "threads", "Million operations per second by threads; the last column is brkmalloc's "
            "lock waits per million operations",
            ["loop", "threads", *(a.name for a in self.allocators), "lock waits"])
        for title, command in THREAD_LOOPS.items():
            for count in THREADS:
                results = self.interleaved([*command, f"threads={count}"], operations,
                                           {"BRKMALLOC": "stats_at_exit:true"})
                waits = median(results[OURS], lambda result: lock_waits(result, operations))
                rates = medians(results, lambda result: operations / seconds_of(result) / 1e6)
                report.rows.append(self.row([title, str(count)], rates, [table.figure(waits)]))
        self.show(report)

    def apart(self) -> None:
        """Throughput and speed-up of threads apart, and what they cost each other in brkmalloc."""
        report = self.begin(
            "apart", "Million operations per second by threads that share nothing (and how many "
            "times those of one thread); then, of brkmalloc per million operations, cache misses, "
            "locks taken, lock waits and context switches",
            ["loop", "threads", *(a.name for a in self.allocators), "misses", "taken", "waits",
             "switches"])
        for title, (part, command) in APART_LOOPS.items():
            operations = int(part * (300000 if self.options.quick else 5000000))
            alone: dict[str, float | None] = {}
            for count in APART_THREADS:
                results = self.interleaved([*command, f"threads={count}"], operations,
                                           {"BRKMALLOC": "stats_at_exit:true"})
                rates = medians(results, lambda run: operations / seconds_of(run) / 1e6)
                alone = alone or rates
                more = [median(results[OURS], lambda run: value(run, operations))
                        for value in (cache_misses, locks_taken, lock_waits, switches)]
                report.rows.append([title, str(count),
                                    *(with_speed_up(rates[a.name], alone[a.name])
                                      for a in self.allocators), *map(table.figure, more)])
        self.show(report)

    def lines(self) -> None:
        """How much threads that share nothing lie on each other's cache lines."""
        report = self.begin(
            "lines", "Per cent of the cache lines with blocks that hold blocks of two threads, headers "
            "included", ["loop", "threads", *(a.name for a in self.allocators)])
        for title, (part, command) in APART_LOOPS.items():
            operations = int(part * (300000 if self.options.quick else 5000000))
            for count in LINES_THREADS:
                figures = {}
                for allocator in self.allocators:
                    header = ["header=1"] if allocator.name in WITH_HEADERS else []
                    runs = [self.run_once([*command, f"threads={count}", "lines=1", *header],
                                          operations, allocator) for _ in range(self.rounds)]
                    figures[allocator.name] = median(runs, shared_lines)
                report.rows.append(self.row([title, str(count)], figures))
        progress("")
        self.show(report)

    def live(self) -> None:
        """Nanoseconds per operation, by the bytes that are live."""
        operations = 100000 if self.options.quick else 1000000
        sizes = [size for size in LIVE_MIB if size <= 256 or not self.options.quick]
        report = self.begin(
            "live", "Nanoseconds per free and malloc by live heap; near: among 4096 blocks of it, "
            "far: among all", ["live", "blocks", *(a.name for a in self.allocators)])
        for size in sizes:
            # Some allocators hold up to half more than what is live.
            if size * MIB * 3 // 2 > machine.available_bytes():
                self.options.log(f"{size} MiB of live heap left out: too little memory is free")
                continue
            for title, far in (("near", []), ("far", ["far=1"])):
                results = self.interleaved(["live", f"live={size * MIB}", *far], operations)
                figures = medians(results, lambda run: seconds_of(run) / operations * 1e9)
                report.rows.append(self.row([f"{size} MiB", title], figures))
        self.show(report)

    def idle(self) -> None:
        """Resident KiB per thread that has freed all and sleeps, its stack not included."""
        operations = 100000 if self.options.quick else 1000000
        command = ["idle", f"threads={IDLE_THREADS}"]
        report = self.begin(
            "idle", f"Resident KiB per idle thread ({IDLE_THREADS - 1} threads that have freed all "
            "their blocks), the thread itself not included",
            ["worked", *(a.name for a in self.allocators)])
        control = medians(self.interleaved([*command, "calls=none"], operations), idle_kib)
        for title, turns in (("at once", []), ("in turns", ["turns=1"])):
            figures = medians(self.interleaved([*command, *turns], operations), idle_kib)
            net = {name: None if figure is None or control[name] is None
                   else max(0.0, figure - (control[name] or 0.0))
                   for name, figure in figures.items()}
            report.rows.append(self.row([title], net))
        self.show(report)

    def run_all(self, parts: list[str]) -> bool:
        """Whether every run succeeded. Who interrupts it gets the rows that are done."""
        try:
            for part in parts:
                PARTS[part](self)
        except KeyboardInterrupt:
            self.reports = [report for report in self.reports if report.rows]
            rows = sum(len(report.rows) for report in self.reports)
            if rows:
                self.options.log(f"\ninterrupted: rows that are done: {rows}")
                for report in self.reports:
                    if not report.is_shown:
                        self.show(report)
                self.finish()
            raise
        self.finish()
        return not self.failures

    def finish(self) -> None:
        self.write(self.reports)
        for failure in self.failures:
            self.options.log(f"failed: {failure}")

    def write(self, reports: list[Report]) -> None:
        files = ["scaling.md"]
        with open(os.path.join(self.options.output, files[0]), "w", encoding="utf-8") as file:
            file.write(machine.description(self.allocators, self.options.source,
                                           self.options.command))
            for report in reports:
                file.write(f"\n{report.title}:\n\n")
                file.write(table.markdown_table(report.header, report.rows))
        for report in reports:
            files.append(f"scaling-{report.name}.csv")
            with open(os.path.join(self.options.output, files[-1]), "w", encoding="utf-8",
                      newline="") as file:
                csv.writer(file).writerows([report.header, *report.rows])
        self.options.log(f"written to {self.options.output}: {', '.join(files)}")


PARTS = {"apart": Scaling.apart, "lines": Scaling.lines, "threads": Scaling.threads, "live": Scaling.live, "idle": Scaling.idle}


def run(options: Options, allocators: list[Allocator], runner: Runner, parts: list[str]) -> bool:
    return Scaling(options, allocators, runner).run_all(parts)
