# SPDX-License-Identifier: MIT
"""The front of `./brkmalloc compare TRACE`, whose --help describes it to users: replays of one trace on
several allocators, as a table and as a page.

Beside the user's options it takes from that script where the library (--library), the replayer
(--replayer) and what makes pages (--pager) are. Exit status: 0 all replays succeeded, 1 some failed or the
trace is damaged, 2 bad usage.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile

import replay as replaying
from replay import Replay, mib

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from compare.allocators import Allocator, UsageError  # noqa: E402
from compare.front import number_up_to, run_front, say_as  # noqa: E402
from compare.table import figure, text_table  # noqa: E402

HEADER = ["allocator", "seconds", "peak resident", "resident/live", "resident at the end",
          "after free", "peak break"]
FIGURES = ["seconds", "peak_resident_bytes", "peak_live_bytes", "end_resident_bytes",
           "freed_resident_bytes", "peak_break_bytes"]

say = say_as("brkmalloc compare")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="brkmalloc compare", allow_abbrev=False,
                                     usage="brkmalloc compare [OPTIONS] TRACE [-o OUT.html]")
    parser.add_argument("files", nargs=1, metavar="TRACE")
    parser.add_argument("--with", action="append", default=[], dest="others", metavar="LIB")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=number_up_to(100), default=3)
    parser.add_argument("-o", dest="output", metavar="OUT.html")
    for name in ("--library", "--replayer", "--pager"):
        parser.add_argument(name, required=True, help=argparse.SUPPRESS)
    parser.set_defaults(samples=1000, order="near", touch="all", info=False, dump=False)
    return parser.parse_args(arguments)


def check_output(path: str | None) -> None:
    """Before the replays, which may take long."""
    if path is None:
        return
    folder = os.path.dirname(os.path.abspath(path))
    if path in ("", "-") or os.path.isdir(path):
        raise UsageError("-o needs the name of a file for the page")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise UsageError(f"-o: cannot write to the folder {folder}")


def row_of(replay: Replay) -> list[str]:
    if replay.reason:
        return [replay.allocator.name, "failed", *["-"] * (len(HEADER) - 2)]
    return [replay.allocator.name, figure(replay.value("seconds")),
            mib(replay.value("peak_resident_bytes")), figure(replay.value("resident_over_live")),
            mib(replay.value("end_resident_bytes")), mib(replay.value("freed_resident_bytes")),
            mib(replay.value("peak_break_bytes"))]


def lines_of(replay: Replay, addresses: str) -> list[str]:
    """As report/replayed.c reads them."""
    lines = [f"allocator {replay.allocator.name}"]
    if addresses:
        lines.append(f"addresses {addresses}")
    if replay.reason:
        return [*lines, f"failed {' '.join(replay.reason.split())}"]
    lines += [f"{name} {replay.value(name):.9g}" if name == "seconds" else
              f"{name} {replay.value(name):.0f}" for name in FIGURES]
    return lines + [f"sample {point.events} {point.recorded_seconds} {point.seconds} {point.live} "
                    f"{point.resident} {point.heap_break}" for point in replay.points]


def is_ours(allocator: Allocator) -> bool:
    with open(allocator.library, "rb") as file:
        return b"\0brkm_malloc\0" in file.read()


def has_map(replay: Replay) -> bool:
    """The replay for it goes one event at a time, which takes long where threads take turns: ten
    microseconds an event."""
    return not replay.reason and (replay.figures["threads"] <= 1 or is_ours(replay.allocator))


def write_addresses(options: argparse.Namespace, replay: Replay, path: str) -> str:
    """Where one more replay had the blocks, for the heap map: the path, or nothing when it failed."""
    if not has_map(replay):
        return ""
    replaying.progress(f"heap map: {replay.allocator.name}")
    again = Replay(replay.allocator)
    if replaying.replay_once(options, again, ["--touch", "none", "--samples", "0",
                                              "--addresses", path]) is None:
        say(f"no heap map of {replay.allocator.name}: {again.reason}")
        return ""
    return path


def make_page(options: argparse.Namespace, replays: list[Replay]) -> int:
    with tempfile.TemporaryDirectory(prefix="brkmalloc-compare.") as folder:
        samples = os.path.join(folder, "samples")
        with open(samples, "w", encoding="utf-8", errors="surrogateescape") as file:
            for number, replay in enumerate(replays):
                addresses = write_addresses(options, replay, os.path.join(folder, str(number)))
                file.writelines(f"{line}\n" for line in lines_of(replay, addresses))
        replaying.progress("")
        sys.stdout.flush()
        return subprocess.run([options.pager, "--samples", samples, "-o", options.output, "--",
                               options.files[0]], check=False).returncode


def run(arguments: list[str]) -> int:
    options = parse(arguments)
    check_output(options.output)
    allocators = replaying.choose_allocators(options)
    if replaying.show_trace(options) != 0 or not replaying.can_be_replayed(options):
        return 1
    replays = replaying.replay_all(options, allocators)
    replaying.describe(replays)
    print()
    print(text_table(HEADER, [row_of(replay) for replay in replays]), end="")
    for replay in replays:
        if replay.reason:
            print(f"failed: {replay.allocator.name}: {replay.reason}")
    failed = any(replay.reason for replay in replays)
    if options.output is not None and make_page(options, replays) != 0:
        failed = True
    return 1 if failed else 0


def main() -> int:
    replaying.say = say  # its messages are ours
    return run_front(run, say)


if __name__ == "__main__":
    sys.exit(main())
