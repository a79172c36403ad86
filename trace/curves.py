# SPDX-License-Identifier: MIT
"""Live, resident and break over the recorded program's time, drawn by gnuplot."""
from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass

sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from compare.allocators import UsageError  # noqa: E402
from compare.colours import COLOURS  # noqa: E402
from compare.gnuplot import run_gnuplot  # noqa: E402

WIDTH = 1250
HEIGHT = 900
MIB = 1024 * 1024
TERMINALS = {".svg": "svg", ".png": "pngcairo"}


@dataclass(frozen=True)
class Point:
    """One sample of a replay."""

    events: int
    recorded_seconds: float
    seconds: float
    live: int
    resident: int
    heap_break: int


def data_of(points: list[Point]) -> str:
    """Columns: recorded seconds, then live, resident and break in MiB."""
    return "".join(f"{point.recorded_seconds:.9f} {point.live / MIB:.6f} "
                   f"{point.resident / MIB:.6f} {point.heap_break / MIB:.6f}\n"
                   for point in points)


def panel(title: str, column: int, files: list[str], names: list[str]) -> str:
    plots = [f'"{files[0]}" using 1:2 with filledcurves y1=0 linecolor rgb "#e0e0e0" '
             f'title "live"']
    plots += [f'"{file}" using 1:{column} with lines linewidth 1.5 '
              f'linecolor rgb "{COLOURS[i % len(COLOURS)]}" title "{name}"'
              for i, (file, name) in enumerate(zip(files, names))]
    return f'set ylabel "{title}, MiB"\nplot {", ".join(plots)}\n'


def script(files: list[str], names: list[str], title: str, terminal: str, output: str) -> str:
    return f"""
set terminal {terminal} noenhanced size {WIDTH},{HEIGHT} font "sans,11" background rgb "white"
set output "{output}"
set grid linecolor rgb "#dddddd" linetype 1
set border 3
set xtics nomirror
set ytics nomirror
set yrange [0:*]
set key outside right top
set lmargin 12
set rmargin 18
set multiplot layout 2,1 title "{title}"
{panel("resident", 3, files, names)}
set xlabel "seconds of the recorded program"
{panel("break", 4, files, names)}
unset multiplot
"""


def quoted(text: str) -> str:
    """For a string of gnuplot's in double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def draw(path: str, replays: list[tuple[str, list[Point]]], title: str) -> list[str]:
    """Writes the picture as SVG and as PNG; gives the names of the files."""
    stem = os.path.splitext(path)[0]
    written = []
    with tempfile.TemporaryDirectory(prefix="brkmalloc-replay.") as scratch:
        files = []
        for number, (_, points) in enumerate(replays):
            files.append(os.path.join(scratch, f"data{number}"))
            with open(files[-1], "w", encoding="utf-8") as file:
                file.write(data_of(points))
        names = [quoted(name) for name, _ in replays]
        for ending, terminal in TERMINALS.items():
            output = stem + ending
            text = script(files, names, quoted(title), terminal, quoted(output))
            problem = run_gnuplot(text)
            if problem:
                raise UsageError(f"--plot: {problem}")
            written.append(output)
    return written
