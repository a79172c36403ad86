# SPDX-License-Identifier: MIT
"""How much memory the allocators need for what is live, in scenarios that leave holes in a heap and
in replays of real programs.

The runs are interleaved as those of the comparison are.
"""
from __future__ import annotations

import csv
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from compare import table
from compare.allocators import Allocator
from compare.runner import Runner

from . import chart, machine
from .comparison import OURS, Options, against_best, progress, remaining
from .scenarios import FULL, MIB, PARTS, QUICK, QUIET_MS, Recorded, Run, Scenario, can_replay

# No allocator can do well in the worst case, so that it would only blur the mean.
NOT_IN_MEAN = ["robson"]

MEAN = "geometric mean"
MEAN_NOTE = f"The mean leaves out the worst case: {', '.join(NOT_IN_MEAN)}."

# The point at which everything has been freed: every scenario has it, last.
FREED = "freed"


def seconds(run: Run) -> float:
    return run.figures["seconds"]


def over_live(point: str) -> Callable[[Run], float]:
    return lambda run: run.figures[f"resident_{point}"] / run.figures[f"live_{point}"]


def resident_mib(point: str) -> Callable[[Run], float]:
    return lambda run: run.figures[f"resident_{point}"] / MIB


@dataclass
class Measured:
    """The runs of one scenario: allocator's name -> one per round."""

    scenario: Scenario | Recorded
    runs: dict[str, list[Run]]

    def failure(self, name: str) -> str:
        return next((run.reason for run in self.runs[name] if run.reason), "")

    def medians(self, value: Callable[[Run], float]) -> list[float | None]:
        """One for each allocator; None where a run failed."""
        return [None if self.failure(name) else statistics.median(value(run) for run in runs)
                for name, runs in self.runs.items()]

    def points(self) -> list[str]:
        """Those between peak and end."""
        known = [run.points() for runs in self.runs.values() for run in runs if not run.reason]
        return [point for point in known[0] if point not in ("peak", FREED)] if known else []


@dataclass
class Figure:
    """A row of a table: one figure of each allocator."""

    title: str
    values: list[float | None]


class Memory:
    def __init__(self, options: Options, allocators: list[Allocator], runner: Runner) -> None:
        self.options = options
        self.allocators = allocators
        self.names = [allocator.name for allocator in allocators]
        self.runner = runner
        self.size = QUICK if options.quick else FULL
        self.done: list[Measured] = []
        self.start = time.monotonic()

    # ---- Runs ----

    def measure(self, scenario: Scenario | Recorded, number: int, count: int) -> Measured:
        runs: dict[str, list[Run]] = {name: [] for name in self.names}
        for turn in range(self.options.rounds):
            for i in range(len(self.allocators)):
                allocator = self.allocators[(i + turn + number) % len(self.allocators)]
                progress(f"{scenario.name}: round {turn + 1} of {self.options.rounds}, "
                         f"{allocator.name} ({number + 1} of {count})")
                runs[allocator.name].append(scenario.run(self.runner, self.options.workloads,
                                                         allocator, self.size))
        progress("")
        return Measured(scenario, runs)

    def run_all(self, chosen: list[Scenario | Recorded]) -> bool:
        """Whether every run succeeded. Who interrupts it gets the tables of what is done."""
        try:
            self.measure_all(chosen)
        except KeyboardInterrupt:
            if self.done:
                self.options.log(f"\ninterrupted: {len(self.done)} of {len(chosen)} cases are done")
                self.finish()
            raise
        self.finish()
        return not self.failures()

    def measure_all(self, chosen: list[Scenario | Recorded]) -> None:
        self.options.log("\n" + self.header())
        for number, scenario in enumerate(chosen):
            measured = self.measure(scenario, number, len(chosen))
            self.done.append(measured)
            self.options.log(self.row_text([scenario.name, *self.peak_cells(measured),
                                            *self.time_cells(measured)]) +
                             remaining(self.start, len(self.done), len(chosen)))

    def finish(self) -> None:
        self.options.log(self.row_text([MEAN, *self.cells(self.mean(over_live("peak"))),
                                        *self.cells(self.mean(seconds))]))
        self.options.log(f"\n{MEAN_NOTE}")
        for title, rows in self.further_tables():
            text = table.text_table(["", *self.columns()], rows)
            self.options.log(f"\n{title}:\n\n{text.rstrip()}")
        for failure in self.failures():
            self.options.log(f"failed: {failure}")
        self.write_files()

    # ---- Rows ----

    def columns(self) -> list[str]:
        return [*self.names, "vs best"]

    def cells(self, figures: list[float | None], missing: str = "-") -> list[str]:
        return [*(missing if figure is None else table.figure(figure) for figure in figures),
                against_best(self.names, figures)]

    def peak_cells(self, measured: Measured) -> list[str]:
        return self.cells(measured.medians(over_live("peak")), "failed")

    def time_cells(self, measured: Measured) -> list[str]:
        return self.cells(measured.medians(seconds), "failed")

    def mean(self, value: Callable[[Run], float]) -> list[float | None]:
        """Geometric means over the scenarios that succeeded everywhere."""
        rows = [measured.medians(value) for measured in self.done
                if measured.scenario.name not in NOT_IN_MEAN]
        columns = zip(*(row for row in rows if None not in row))
        means: list[float | None] = [table.geometric_mean(column) for column in columns]
        return means or [None for _ in self.names]

    def points(self) -> list[Figure]:
        return [Figure(f"{measured.scenario.name}, {point}", measured.medians(over_live(point)))
                for measured in self.done for point in measured.points()]

    def further_tables(self) -> list[tuple[str, list[list[str]]]]:
        points = [[point.title, *self.cells(point.values, "failed")] for point in self.points()]
        freed = [[measured.scenario.name,
                  *self.cells(measured.medians(resident_mib(FREED)), "failed")]
                 for measured in self.done]
        quiet = f"{QUIET_MS[self.size] / 1000:g} s after"
        tables = [(f"Resident over live memory {quiet} much was freed", points),
                  (f"Resident memory in MiB {quiet} all was freed", freed)]
        return [(title, rows) for title, rows in tables if rows]

    def widths(self) -> list[int]:
        half = [max(len(name), 6) for name in self.columns()]
        return [max(len(name) for name in [*PARTS, MEAN]), *half, *half]

    def row_text(self, cells: list[str]) -> str:
        return table.text_row(cells, self.widths())

    def header(self) -> str:
        half = len(self.row_text(["", *self.columns()])) - self.widths()[0]
        titles = "".ljust(self.widths()[0]) + "peak resident / peak live".rjust(half) + \
            f"time in s, median of {self.options.rounds}".rjust(half)
        return titles + "\n" + self.row_text(["", *self.columns(), *self.columns()])

    def failures(self) -> list[str]:
        return [f"{measured.scenario.name} on {name}: {measured.failure(name)}"
                for measured in self.done for name in self.names if measured.failure(name)]

    # ---- Files ----

    def write_files(self) -> None:
        self.write_csv(os.path.join(self.options.output, "memory.csv"))
        self.write_markdown(os.path.join(self.options.output, "memory.md"))
        files = ["memory.csv", "memory.md"]
        problem = chart.draw(self.options.output, self.chart())
        if problem:
            self.options.log(f"no chart: {problem}")
        else:
            files += ["memory.svg", "memory.png"]
        self.options.log(f"\nwritten to {self.options.output}: {', '.join(files)}")

    def write_csv(self, path: str) -> None:
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["scenario", "allocator", "round", "seconds", "point", "live_bytes",
                             "resident_bytes", "failure"])
            for measured in self.done:
                for name, runs in measured.runs.items():
                    for turn, run in enumerate(runs, 1):
                        writer.writerows([measured.scenario.name, name, turn, *row]
                                         for row in csv_rows(run))

    def live_mib(self, measured: Measured) -> str:
        """The peak of live memory, the same for all but threads that are in each other's way."""
        known = [figure for figure in measured.medians(lambda run: run.figures["live_peak"] / MIB)
                 if figure is not None]
        return table.figure(statistics.median(known)) if known else "-"

    def write_markdown(self, path: str) -> None:
        peaks = [[measured.scenario.name, self.live_mib(measured), *self.peak_cells(measured)]
                 for measured in self.done]
        peaks.append([MEAN, "", *self.cells(self.mean(over_live("peak")))])
        times = [[measured.scenario.name, *self.time_cells(measured)] for measured in self.done]
        times.append([MEAN, *self.cells(self.mean(seconds))])
        with open(path, "w", encoding="utf-8") as file:
            file.write(machine.description(self.allocators, self.options.source,
                                           self.options.command))
            file.write("\nPeak resident over peak live memory, median of "
                       f"{self.options.rounds}:\n\n")
            file.write(table.markdown_table(["", "live MiB", *self.columns()], peaks))
            file.write(f"\n{MEAN_NOTE}\n")
            for title, rows in [*self.further_tables(), ("Time in seconds", times)]:
                file.write(f"\n{title}:\n\n")
                file.write(table.markdown_table(["", *self.columns()], rows))
            for failure in self.failures():
                file.write(f"\nFailed: {failure}\n")

    def chart(self) -> chart.Chart:
        rows = [Figure(measured.scenario.name, measured.medians(over_live("peak")))
                for measured in self.done] + self.points()
        times = [relative(measured.medians(seconds), self.names.index(OURS))
                 for measured in self.done]
        times += [[None for _ in self.names] for _ in self.points()]
        return chart.Chart(
            "memory", "What fragmentation costs in memory, and the time beside it (log scale)",
            self.names, [row.title for row in rows],
            (chart.Panel("Peak resident over live memory", "1: no more than what is live",
                         [row.values for row in rows]),
             chart.Panel("Time", "brkmalloc = 1", times)), first_colour=6)


def relative(figures: list[float | None], to_index: int) -> list[float | None]:
    base = figures[to_index]
    return [figure / base if figure is not None and base else None for figure in figures]


def csv_rows(run: Run) -> list[list[object]]:
    """One row for each point; one for a run that failed."""
    if run.reason:
        return [["", "", "", "", run.reason]]
    return [[run.figures["seconds"], point, f"{run.figures[f'live_{point}']:.0f}",
             f"{run.figures[f'resident_{point}']:.0f}", ""] for point in run.points()]


def choose(options: Options, runner: Runner, parts: list[str]) -> list[Scenario | Recorded]:
    chosen = [PARTS[part] for part in parts]
    recorded = [scenario.name for scenario in chosen if isinstance(scenario, Recorded)]
    if recorded and not can_replay(runner, options.workloads):
        print(f"brkmalloc bench: built without libzstd, so left out: {' '.join(recorded)}",
              file=sys.stderr)
        chosen = [scenario for scenario in chosen if isinstance(scenario, Scenario)]
    return chosen


def run(options: Options, allocators: list[Allocator], runner: Runner, parts: list[str]) -> bool:
    return Memory(options, allocators, runner).run_all(choose(options, runner, parts))
