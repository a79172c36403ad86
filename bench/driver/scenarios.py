# SPDX-License-Identifier: MIT
"""The scenarios of the memory comparison, and what one run of them gives.

Most are programs that measure themselves and print one line of key=value pairs, as
../scenarios/scenario.h describes. The others replay what a real program allocated, from
../traces; what the replayer prints is turned into the same figures.
"""
from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from compare.allocators import Allocator
from compare.runner import Result, Runner

MIB = 1024 * 1024
TRACES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "traces")
TRACE_ENDING = ".trace.zst"

# Name, program, MiB live in a full run, in a quick run and in the tests, further parameters. The
# programs are those of ../scenarios.
TABLE = """
phases      phases      96  24  8
drift       drift      128  32  8
sprinkle    sprinkle    64  32 16
churn       churn       64  16  8
vectors     vectors     64  32  8
powers      powers      64  32  8
quiet       quiet      256 128 16
holes       holes      512 256 64
producers   producers    8   8  8
threads     threads     64  16  8
robson      robson      64  16 16
"""

FULL, QUICK, TEST = range(3)

# How long a scenario waits before what is then resident is read, by FULL, QUICK, TEST.
QUIET_MS = [1000, 500, 1000]

# Without these a run has failed.
NEEDED = {"seconds", "live_peak", "resident_peak"}

# Figures of the replayer by the name that scenarios give them. Everything is freed at the end.
REPLAYED = {
    "seconds": "seconds",
    "peak_live_bytes": "live_peak",
    "peak_resident_bytes": "resident_peak",
    "peak_heap_bytes": "heap_peak",
    "peak_pages_bytes": "pages_peak",
    "freed_resident_bytes": "resident_freed",
    "freed_heap_bytes": "heap_freed",
    "freed_pages_bytes": "pages_freed",
}

# Points of a replay at which memory is measured, besides its peaks.
SAMPLES = 1000


def figures_of_line(output: str) -> dict[str, float]:
    """The key=value pairs of a scenario's last line; none when it is something else."""
    pairs = [word.split("=") for word in output.strip().split("\n")[-1].split()]
    if all(len(pair) == 2 and re.fullmatch(r"[\d.]+", pair[1]) for pair in pairs):
        return {key: float(value) for key, value in pairs}
    return {}


def figures_of_replay(output: str) -> dict[str, float]:
    """From the replayer's lines, a name and a value each."""
    words = [line.split() for line in output.splitlines()]
    figures = {REPLAYED[line[0]]: float(line[1]) for line in words if line[0] in REPLAYED}
    return {**figures, "live_freed": 0.0}


class Run:
    """The figures of one run by their keys; none when it failed."""

    def __init__(self, result: Result,
                 figures_of: Callable[[str], dict[str, float]] = figures_of_line) -> None:
        self.reason = result.reason
        self.figures = {} if self.reason else figures_of(result.output)
        if not self.reason and not NEEDED <= self.figures.keys():
            last = result.output.strip().split("\n")[-1]
            self.reason = f"printed no figures but '{last[:80]}'"

    def points(self) -> list[str]:
        return [key.removeprefix("resident_") for key in self.figures
                if key.startswith("resident_")]


@dataclass(frozen=True)
class Scenario:
    name: str
    program: str
    live_mib: tuple[str, str, str]  # by FULL, QUICK, TEST
    parameters: tuple[str, ...]

    def run(self, runner: Runner, folder: str, allocator: Allocator, size: int,
            watched: bool = False) -> Run:
        """With `watched` brkmalloc tells of its heap, too."""
        command = [os.path.join(folder, "scenarios", self.program), f"quiet={QUIET_MS[size]}",
                   f"live={int(self.live_mib[size]) * MIB}", *self.parameters]
        return Run(runner.run([*command, *(["heap=1"] if watched else [])], allocator))


@dataclass(frozen=True)
class Recorded:
    """What a program allocated; of the same size in all runs."""

    name: str
    path: str

    def replay(self, runner: Runner, folder: str, allocator: Allocator, *options: str) -> Run:
        """The process that reads the trace runs on libc's malloc."""
        command = [replayer_beside(folder), "--preload", allocator.library, *options, self.path]
        return Run(runner.run(command, None), figures_of_replay)

    def run(self, runner: Runner, folder: str, allocator: Allocator, size: int,
            watched: bool = False) -> Run:
        """Measuring memory costs more time than many replays take: the time is that of another
        replay, which measures none."""
        options = ["--samples", str(SAMPLES), "--quiet", str(QUIET_MS[size])]
        if watched:
            return self.replay(runner, folder, allocator, *options, "--order", "exact", "--heap")
        run = self.replay(runner, folder, allocator, *options)
        timed = self.replay(runner, folder, allocator, "--samples", "0")
        run.reason = run.reason or timed.reason
        if not run.reason:
            run.figures["seconds"] = timed.figures["seconds"]
        return run


def replayer_beside(folder: str) -> str:
    """What ../../trace/CMakeLists.txt builds, next to the folder of the workloads."""
    return os.path.join(os.path.dirname(os.path.abspath(folder)), "trace", "brkmalloc-replay")


def can_replay(runner: Runner, folder: str) -> bool:
    """False when the replayer was built without the library that unpacks traces."""
    traces = [scenario for scenario in PARTS.values() if isinstance(scenario, Recorded)]
    result = runner.run([replayer_beside(folder), "--info", traces[0].path], None)
    return "without libzstd" not in result.reason


def scenarios() -> dict[str, Scenario | Recorded]:
    rows = [line.split() for line in TABLE.split("\n") if line]
    found: dict[str, Scenario | Recorded] = {
        name: Scenario(name, program, (full, quick, test), tuple(parameters))
        for name, program, full, quick, test, *parameters in rows}
    for path in sorted(glob.glob(os.path.join(TRACES, f"*{TRACE_ENDING}"))):
        name = f"trace-{os.path.basename(path).removesuffix(TRACE_ENDING)}"
        found[name] = Recorded(name, path)
    return found


PARTS = scenarios()
