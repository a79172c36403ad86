# SPDX-License-Identifier: MIT
"""The front of `./brkmalloc replay`, whose --help describes it to users.

Beside the user's options it takes from that script where the library (--library) and the replayer
(--replayer) are. Exit status: 0 all replays succeeded, 1 some failed or the trace is damaged, 2 bad
usage.
"""
from __future__ import annotations

import argparse
import csv
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

import curves

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from compare.allocators import Allocator, UsageError, find_peers, from_path  # noqa: E402
from compare.front import number_up_to, run_front, say_as  # noqa: E402
from compare.runner import clean_environment, last_line  # noqa: E402
from compare.table import figure, text_table  # noqa: E402

OURS = "brkmalloc"
LIMIT_SECONDS = 1800
MIB = 1024 * 1024
HEADER = ["allocator", "seconds", "peak resident", "peak live", "resident/live", "after free",
          "peak break"]
CSV_FIELDS = ["seconds", "peak_resident_bytes", "peak_live_bytes", "resident_over_live",
              "freed_resident_bytes", "end_resident_bytes", "end_live_bytes", "peak_break_bytes",
              "freed_break_bytes"]


@dataclass
class Replay:
    """What the rounds on one allocator gave."""

    allocator: Allocator
    figures: dict[str, float] = field(default_factory=dict)
    points: list[curves.Point] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    reason: str = ""  # why it failed; empty when it did not

    def value(self, name: str) -> float:
        if name == "seconds":
            return statistics.median(self.times)
        if name == "resident_over_live":
            live = self.figures["peak_live_bytes"]
            return self.figures["peak_resident_bytes"] / live if live else 0.0
        return self.figures[name]


say = say_as("brkmalloc replay")


# ---- Options ----

def name_outputs(arguments: list[str]) -> list[str]:
    """--csv and --plot may stand alone; a word after them is theirs when its ending says so."""
    endings = {"--csv": (".csv",), "--plot": (".svg", ".png")}
    named: list[str] = []
    for word in arguments:
        if named and named[-1] in endings and word.endswith(endings[named[-1]]):
            named[-1] += f"={word}"
        else:
            named.append(word)
    return [f"{word}=" if word in endings else word for word in named]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="brkmalloc replay", allow_abbrev=False,
                                     usage="brkmalloc replay [OPTIONS] FILE")
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--with", action="append", default=[], dest="others", metavar="LIB")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=number_up_to(100), default=3)
    parser.add_argument("--samples", type=number_up_to(1000000), default=1000)
    parser.add_argument("--order", choices=["near", "exact"], default="near")
    parser.add_argument("--touch", choices=["all", "first", "none"], default="all")
    parser.add_argument("--csv", metavar="OUT.csv")
    parser.add_argument("--plot", metavar="OUT.svg")
    parser.add_argument("--info", action="store_true")
    parser.add_argument("--dump", action="store_true")
    parser.add_argument("--library", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--replayer", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args(name_outputs(arguments))
    if not options.files:
        parser.error("no FILE given")
    if len(options.files) > 1 and not options.info:
        parser.error(f"one FILE at a time; unexpected argument '{options.files[1]}'")
    return options


def choose_allocators(options: argparse.Namespace) -> list[Allocator]:
    present, absent = find_peers()
    chosen = [Allocator(OURS, os.path.abspath(options.library)), *present]
    for path in options.others:
        chosen.append(from_path(path, [allocator.name for allocator in chosen]))
    names = [allocator.name for allocator in chosen]
    for name in options.only:
        if name in absent:
            raise UsageError(f"--only: {name} is not installed")
        if name not in names:
            raise UsageError(f"--only: there is no '{name}'; there are: {' '.join(names)}")
    if options.only:
        return [allocator for allocator in chosen if allocator.name in options.only]
    for name in absent:
        say(f"{name} is not installed and left out")
    return chosen


def output_path(given: str, trace: str, ending: str) -> str:
    """Next to the trace unless the user named a file."""
    path = os.path.abspath(given or trace.removesuffix(".zst") + ending)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UsageError(f"cannot write to the folder {folder}")
    return path


# ---- Replaying ----

def read_line(replay: Replay, line: str) -> None:
    words = line.split()
    if not words or words[0] == "columns":
        return
    if words[0] == "sample":
        replay.points.append(curves.Point(int(words[1]), float(words[2]), float(words[3]),
                                          *(int(word) for word in words[4:7])))
    elif words[0] == "malloc_from":
        library = line.split(" ", 1)[1]
        if not os.path.exists(library) or not os.path.samefile(library, replay.allocator.library):
            replay.reason = f"{replay.allocator.library} does not serve malloc: {library} does"
    else:
        replay.figures[words[0]] = float(words[1])


def replay_once(options: argparse.Namespace, replay: Replay,
                arguments: list[str]) -> subprocess.CompletedProcess | None:
    """None, and the replay's reason, when it failed."""
    command = [options.replayer, "--preload", replay.allocator.library, *arguments, options.files[0]]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False,
                             timeout=LIMIT_SECONDS, env=clean_environment())
    except subprocess.TimeoutExpired:
        replay.reason = f"did not end within {LIMIT_SECONDS} s"
        return None
    if run.returncode == 0:
        return run
    said = last_line(run.stderr).removeprefix("brkmalloc-replay: ")
    if run.returncode < 0:
        killed = f"killed by {signal.Signals(-run.returncode).name}"
        said = f"{killed}: {said}" if said else killed
    replay.reason = said
    return None


def run_once(options: argparse.Namespace, replay: Replay, number: int) -> None:
    """The memory is measured in round 0, the time in the others, undisturbed by it."""
    run = replay_once(options, replay, ["--order", options.order, "--touch", options.touch,
                                        "--samples", "0" if number else str(options.samples)])
    if run is None:
        return
    measured = replay if number == 0 else Replay(replay.allocator)
    for line in run.stdout.splitlines():
        read_line(measured, line)
    replay.reason = measured.reason
    if number > 0:
        replay.times.append(measured.figures["seconds"])


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def replay_all(options: argparse.Namespace, allocators: list[Allocator]) -> list[Replay]:
    """Round by round in turn."""
    replays = [Replay(allocator) for allocator in allocators]
    for number in range(options.rounds + 1):
        for replay in replays:
            if not replay.reason:
                progress(f"round {number} of {options.rounds}: {replay.allocator.name}")
                run_once(options, replay, number)
    progress("")
    return replays


# ---- Results ----

def mib(value: float) -> str:
    return f"{figure(value / MIB)} MiB"


def row_of(replay: Replay) -> list[str]:
    name = replay.allocator.name
    if replay.reason:
        return [name, "failed", *["-"] * (len(HEADER) - 2)]
    return [name, figure(replay.value("seconds")), mib(replay.value("peak_resident_bytes")),
            mib(replay.value("peak_live_bytes")), figure(replay.value("resident_over_live")),
            mib(replay.value("freed_resident_bytes")), mib(replay.value("peak_break_bytes"))]


def describe(replays: list[Replay]) -> None:
    known = [replay.figures for replay in replays if not replay.reason]
    if not known:
        return
    trace = known[0]
    print(f"{trace['events']:.0f} events of {trace['threads']:.0f} threads in "
          f"{trace['recorded_seconds']:.3f} s: {trace['allocations']:.0f} allocations, "
          f"{trace['reallocations']:.0f} reallocations, {trace['frees']:.0f} frees; "
          f"{mib(trace['end_live_bytes'])} live at the end")
    if trace["unknown_frees"]:
        print(f"left out: {trace['unknown_frees']:.0f} frees of blocks from before the recording")
    if trace["lost_frees"]:
        print(f"added: {trace['lost_frees']:.0f} frees that the recorder did not see")


def write_csv(path: str, replays: list[Replay]) -> list[str]:
    """The table, and the curves in a file beside it."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["allocator", *CSV_FIELDS, "failure"])
        for replay in replays:
            cells = ["" if replay.reason else f"{replay.value(name):.6f}".rstrip("0").rstrip(".")
                     for name in CSV_FIELDS]
            writer.writerow([replay.allocator.name, *cells, replay.reason])
    beside = f"{path.removesuffix('.csv')}-curves.csv"
    with open(beside, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["allocator", "events", "recorded_seconds", "seconds", "live_bytes",
                         "resident_bytes", "break_bytes"])
        for replay in replays:
            for point in replay.points:
                writer.writerow([replay.allocator.name, point.events, point.recorded_seconds,
                                 point.seconds, point.live, point.resident, point.heap_break])
    return [path, beside]


def draw(path: str, replays: list[Replay], title: str) -> list[str]:
    drawn = [(replay.allocator.name, replay.points) for replay in replays if not replay.reason]
    if not drawn:
        return []
    return curves.draw(path, drawn, title)


def tell(run: subprocess.CompletedProcess) -> None:
    for line in run.stderr.splitlines():
        say(line.removeprefix("brkmalloc-replay: "))


def show_trace(options: argparse.Namespace) -> int:
    """--info and --dump, and what is replayed."""
    mode = "--dump" if options.dump else "--info"
    run = subprocess.run([options.replayer, mode, *options.files], check=False,
                         stdout=None if options.dump else subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    if not options.dump:
        print(run.stdout, end="", flush=True)
    tell(run)
    return run.returncode


def can_be_replayed(options: argparse.Namespace) -> bool:
    run = subprocess.run([options.replayer, "--check", *options.files], check=False,
                         stderr=subprocess.PIPE, text=True)
    tell(run)
    return run.returncode == 0


def run(arguments: list[str]) -> int:
    options = parse(arguments)
    trace = options.files[0]
    outputs = [] if options.csv is None else [output_path(options.csv, trace, ".csv")]
    plots = [] if options.plot is None else [output_path(options.plot, trace, ".svg")]
    allocators = choose_allocators(options)
    status = show_trace(options)
    if status != 0 or options.info or options.dump:
        return 1 if status else 0
    if not can_be_replayed(options):
        return 1
    replays = replay_all(options, allocators)
    describe(replays)
    print()
    print(text_table(HEADER, [row_of(replay) for replay in replays]), end="")
    for replay in replays:
        if replay.reason:
            print(f"failed: {replay.allocator.name}: {replay.reason}")
    written = [name for path in outputs for name in write_csv(path, replays)]
    written += [name for path in plots for name in draw(path, replays, os.path.basename(trace))]
    if written:
        print(f"written: {', '.join(written)}")
    return 1 if any(replay.reason for replay in replays) else 0


def main() -> int:
    return run_front(run, say)


if __name__ == "__main__":
    sys.exit(main())
