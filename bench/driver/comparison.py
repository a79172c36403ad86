# SPDX-License-Identifier: MIT
"""Time and peak memory of every workload and program on every allocator.

The runs of one case are interleaved: each round runs it once on each allocator, and the order
rotates from round to round, so that a machine that is slow for a while is slow for all.
"""
from __future__ import annotations

import csv
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from compare import table
from compare.allocators import Allocator
from compare.runner import Result, Runner, check_operations

from . import cases, chart, machine

OURS = "brkmalloc"
QUICK_DIVISOR = 10
PROGRAM_SIZE = 100  # of a full run; the programs size their work by it
NAME_WIDTH = 22


@dataclass
class Options:
    workloads: str  # folder of the executables
    source: str
    output: str
    command: str
    rounds: int
    quick: bool
    log: Callable[[str], None] = print


@dataclass
class Measured:
    """The results of one case: allocator's name -> one result per round."""

    case: cases.Case
    runs: dict[str, list[Result]] = field(default_factory=dict)

    def failure(self, name: str) -> str:
        return next((run.reason for run in self.runs[name] if run.reason), "")

    def median(self, name: str, value: Callable[[Result], float]) -> float | None:
        if self.failure(name):
            return None
        return statistics.median(value(run) for run in self.runs[name])

    def complete(self) -> bool:
        return not any(self.failure(name) for name in self.runs)


def wall(run: Result) -> float:
    return run.wall


def processor(run: Result) -> float:
    return run.processor


def peak_mib(run: Result) -> float:
    return run.peak_kib / 1024


def against_best(names: list[str], figures: list[float | None]) -> str:
    """Our figure over the least of the peers'."""
    peers = [figure for name, figure in zip(names, figures) if name != OURS and figure is not None]
    ours = figures[names.index(OURS)]
    return f"{ours / min(peers):.2f}" if peers and ours is not None and min(peers) > 0 else "-"


def remaining(start: float, done: int, count: int) -> str:
    """How many cases are done and how long the others will take, to be put behind a row."""
    left = (time.monotonic() - start) / done * (count - done)
    if not left:
        return ""
    time_left = f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"
    return f"   [{done}/{count}, about {time_left} left]"


class Comparison:
    def __init__(self, options: Options, allocators: list[Allocator], runner: Runner) -> None:
        self.options = options
        self.allocators = allocators
        self.names = [allocator.name for allocator in allocators]
        self.runner = runner
        self.done: list[Measured] = []
        self.expected_output: dict[str, str] = {}
        self.start = time.monotonic()

    # ---- Runs ----

    def run_workload(self, case: cases.Case, allocator: Allocator) -> Result:
        divisor = QUICK_DIVISOR if self.options.quick else 1
        command, operations = cases.workload_command(self.options.workloads, case, divisor)
        result = self.runner.run(command, allocator)
        check_operations(result, operations)
        return result

    def prepare_program(self, case: cases.Case) -> str:
        """Why the program cannot be run; empty when its input is ready."""
        size = PROGRAM_SIZE // (QUICK_DIVISOR if self.options.quick else 1)
        return self.runner.run(["sh", case.program, "prepare", str(size)], None,
                               cwd=self.runner.folder(case.name)).reason

    def run_program(self, case: cases.Case, allocator: Allocator) -> Result:
        result = self.runner.run(["sh", case.program, "run"], allocator, preload_all=False,
                                 cwd=self.runner.folder(case.name))
        if not result.reason:
            expected = self.expected_output.setdefault(case.name, result.output)
            if result.output != expected:
                result.reason = "its output differs from that of the first run"
        return result

    def measure(self, case: cases.Case, number: int, count: int) -> Measured:
        measured = Measured(case, {name: [] for name in self.names})
        problem = "" if case.is_workload else self.prepare_program(case)
        run = self.run_workload if case.is_workload else self.run_program
        for turn in range(self.options.rounds):
            for i in range(len(self.allocators)):
                allocator = self.allocators[(i + turn + number) % len(self.allocators)]
                if problem:
                    result = Result(reason=f"its input could not be made: {problem}")
                else:
                    progress(f"{case.name}: round {turn + 1} of {self.options.rounds}, "
                             f"{allocator.name} ({number + 1} of {count})")
                    result = run(case, allocator)
                measured.runs[allocator.name].append(result)
        progress("")
        return measured

    def run_all(self, chosen: list[cases.Case]) -> bool:
        """Whether every run succeeded. Who interrupts it gets the summary of what is done."""
        try:
            self.measure_all(chosen)
        except KeyboardInterrupt:
            if self.done:
                self.options.log(f"\ninterrupted: {len(self.done)} of {len(chosen)} cases are done")
                self.finish()
            raise
        self.finish()
        return all(measured.complete() for measured in self.done)

    def measure_all(self, chosen: list[cases.Case]) -> None:
        self.options.log(self.header())
        for number, case in enumerate(chosen):
            measured = self.measure(case, number, len(chosen))
            self.done.append(measured)
            self.options.log(self.row_text(self.row(measured)) +
                             remaining(self.start, len(self.done), len(chosen)))

    def finish(self) -> None:
        self.options.log(self.summary_text())
        self.write_files()

    # ---- Rows ----

    def half(self, figures: list[float | None], missing: str) -> list[str]:
        cells = [missing if figure is None else table.figure(figure) for figure in figures]
        return [*cells, against_best(self.names, figures)]

    def row(self, measured: Measured) -> list[str]:
        times = [measured.median(name, wall) for name in self.names]
        peaks = [measured.median(name, peak_mib) for name in self.names]
        return [measured.case.name, *self.half(times, "failed"), *self.half(peaks, "failed")]

    def widths(self) -> list[int]:
        half = [max(len(name), 6) for name in self.names] + [7]
        return [NAME_WIDTH, *half, *half]

    def header(self) -> str:
        half = len(table.text_row(["", *self.names, "vs best"], [0, *self.widths()[1:]]))
        times = f"time in s, median of {self.options.rounds}"
        titles = "".ljust(NAME_WIDTH) + times.rjust(half) + "peak memory in MiB".rjust(half)
        names = [*self.names, "vs best"]
        return titles + "\n" + self.row_text(["", *names, *names])

    def row_text(self, cells: list[str]) -> str:
        return table.text_row(cells, self.widths())

    def means(self, title: str, selected: list[Measured],
              time_of: Callable[[Result], float]) -> list[str]:
        """A row of geometric means over the cases that succeeded everywhere."""
        def column(name: str, value: Callable[[Result], float]) -> float:
            return table.geometric_mean([measured.median(name, value) or 0.0
                                         for measured in selected])
        times: list[float | None] = [column(name, time_of) for name in self.names]
        peaks: list[float | None] = [column(name, peak_mib) for name in self.names]
        return [f"{title} ({len(selected)})", *self.half(times, "-"), *self.half(peaks, "-")]

    def summary(self) -> list[list[str]]:
        complete = [measured for measured in self.done if measured.complete()]
        ours = [measured for measured in complete if measured.case.is_workload]
        real = [measured for measured in complete if not measured.case.is_workload]
        rows = []
        if ours and real:
            rows.append(self.means("mean of all", complete, wall))
        if ours:
            rows.append(self.means("mean of workloads", ours, wall))
        if real:
            rows.append(self.means("mean of programs", real, wall))
        if complete:
            rows.append(self.means("processor time", complete, processor))
        return rows

    def failures(self) -> list[str]:
        return [f"{measured.case.name} on {name}: {measured.failure(name)}"
                for measured in self.done for name in self.names if measured.failure(name)]

    def summary_text(self) -> str:
        lines = ["", "geometric means, with the number of cases:"]
        lines += [self.row_text(row) for row in self.summary()]
        failures = self.failures()
        if failures:
            lines += ["", "failed (these cases are in no mean):", *failures]
        return "\n".join(lines)

    # ---- Files ----

    def write_files(self) -> None:
        self.write_csv(os.path.join(self.options.output, "results.csv"))
        self.write_markdown(os.path.join(self.options.output, "results.md"))
        peers = [name for name in self.names if name != OURS]
        drawn = [measured for measured in self.done if not measured.failure(OURS)]
        files = ["results.csv", "results.md"]
        if drawn and peers:
            problem = chart.draw(self.options.output, self.chart(drawn, peers))
            if problem:
                self.options.log(f"no chart: {problem}")
            else:
                files += ["chart.svg", "chart.png"]
        self.options.log(f"\nwritten to {self.options.output}: {', '.join(files)}")

    def chart(self, drawn: list[Measured], peers: list[str]) -> chart.Chart:
        """The peers' figures over ours."""
        def panel(title: str, value: Callable[[Result], float]) -> chart.Panel:
            return chart.Panel(title, "brkmalloc = 1; to the right: more than brkmalloc",
                               [relative(measured, value) for measured in drawn])

        def relative(measured: Measured, value: Callable[[Result], float]) -> list[float | None]:
            ours = measured.median(OURS, value) or 0.0
            medians = [measured.median(name, value) for name in peers]
            return [median / ours if median and ours else None for median in medians]
        return chart.Chart(
            "chart", "The peers' figures over brkmalloc's (log scale)", peers,
            [measured.case.name for measured in drawn],
            (panel("Time", wall), panel("Peak resident memory", peak_mib)))

    def write_csv(self, path: str) -> None:
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["case", "kind", "allocator", "round", "wall_s", "user_s", "system_s",
                             "peak_kib", "failure"])
            for measured in self.done:
                kind = "workload" if measured.case.is_workload else "program"
                for name in self.names:
                    for turn, run in enumerate(measured.runs[name], 1):
                        writer.writerow([measured.case.name, kind, name, turn, f"{run.wall:.6f}",
                                         f"{run.user:.6f}", f"{run.system:.6f}", run.peak_kib,
                                         run.reason])

    def write_markdown(self, path: str) -> None:
        names = [*self.names, "vs best"]
        rows = [self.row(measured) for measured in self.done] + self.summary()
        half = len(names)
        with open(path, "w", encoding="utf-8") as file:
            file.write(machine.description(self.allocators, self.options.source,
                                           self.options.command))
            for title, first in ((f"Time in seconds, median of {self.options.rounds}", 1),
                                 ("Peak resident memory in MiB, median", 1 + half)):
                kept = [row for row in rows
                        if first == 1 or not row[0].startswith("processor time")]
                file.write(f"\n{title}:\n\n")
                file.write(table.markdown_table(
                    ["", *names], [[row[0], *row[first:first + half]] for row in kept]))
            for failure in self.failures():
                file.write(f"\nFailed: {failure}\n")


def progress(text: str) -> None:
    """One line that is overwritten, for people only."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
