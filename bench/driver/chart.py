# SPDX-License-Identifier: MIT
"""Time and memory relative to brkmalloc, one row of dots per case, drawn by gnuplot."""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
SHAPES = [7, 5, 9, 13, 11, 15, 3]
ROW_HEIGHT = 22
MARGIN = 175
WIDTH = 1250


@dataclass
class Row:
    """Figures of the peers over brkmalloc's; None where a run failed."""

    name: str
    times: list[float | None]
    peaks: list[float | None]


def data_of(rows: list[Row]) -> str:
    """Columns: place from below, name, then times and peaks of each peer."""
    lines = []
    for place, row in enumerate(reversed(rows), 1):
        cells = ["?" if value is None else f"{value:.4f}" for value in row.times + row.peaks]
        lines.append(f'{place} "{row.name}" {" ".join(cells)}')
    return "\n".join(lines) + "\n"


def tics(values: list[float]) -> str:
    """Round factors that lie in the range of the values."""
    factors = [0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 50, 100]
    kept = [factor for factor in factors if min(values) / 1.2 <= factor <= max(values) * 1.2]
    return ", ".join(f'"{factor:g}" {factor:g}' for factor in sorted({*kept, 1}))


def panel(title: str, values: list[float], data: str, peers: int, first: int,
          names: bool) -> str:
    low, high = min([*values, 0.9]) / 1.08, max([*values, 1.1]) * 1.08
    labels = ":ytic(2)" if names else ""
    plots = [f'"{data}" using {first + i}:1{labels} with points pointtype {SHAPES[i % 7]} '
             f'pointsize 1.1 linecolor rgb "{COLOURS[i % 7]}"'
             for i in range(peers)]
    return f"""
set title "{title}"
set xrange [{low:.4f}:{high:.4f}]
set xtics ({tics([low, high])})
plot {", ".join(plots)}
"""


def legend_of(peers: list[str], height: float) -> str:
    """One row across both panels; gnuplot's own key is as narrow as one of them."""
    step = min(0.12, 0.8 / len(peers))
    return "\n".join(
        f'set label "{peer}" at screen {0.5 + step * (i - len(peers) / 2):.3f},{height:.4f} '
        f'point pointtype {SHAPES[i % 7]} pointsize 1.1 linecolor rgb "{COLOURS[i % 7]}" '
        f'offset character 1,0' for i, peer in enumerate(peers))


def script(rows: list[Row], peers: list[str], data: str, terminal: str, output: str) -> str:
    times = [value for row in rows for value in row.times if value is not None] or [1.0]
    peaks = [value for row in rows for value in row.peaks if value is not None] or [1.0]
    height = MARGIN + ROW_HEIGHT * len(rows)
    top, bottom, legend = 1 - 95 / height, 60 / height, 1 - 52 / height
    return f"""
set terminal {terminal} noenhanced size {WIDTH},{height} font "sans,11" background rgb "white"
set output "{output}"
set datafile missing "?"
set logscale x
set yrange [0.3:{len(rows) + 0.7}]
set grid xtics ytics linecolor rgb "#dddddd" linetype 1
set border 3
set ytics nomirror scale 0
set xtics nomirror
set arrow 1 from 1, graph 0 to 1, graph 1 nohead linewidth 2 linecolor rgb "#333333" back
set xlabel "brkmalloc = 1; to the right: more than brkmalloc"
unset key
{legend_of(peers, legend)}
set multiplot title "The peers' figures over brkmalloc's (log scale)"
set tmargin at screen {top:.4f}
set bmargin at screen {bottom:.4f}
set lmargin at screen 0.15
set rmargin at screen 0.56
{panel("Time", times, data, len(peers), 3, True)}
set lmargin at screen 0.59
set rmargin at screen 0.98
set format y ""
set ytics 1
unset label
{panel("Peak resident memory", peaks, data, len(peers), 3 + len(peers), False)}
unset multiplot
"""


def draw(folder: str, rows: list[Row], peers: list[str]) -> str:
    """Writes chart.svg and chart.png; gives the reason if it cannot."""
    if shutil.which("gnuplot") is None:
        return "gnuplot is not installed"
    with tempfile.TemporaryDirectory(prefix="brkmalloc-chart.") as scratch:
        data = os.path.join(scratch, "data")
        with open(data, "w", encoding="utf-8") as file:
            file.write(data_of(rows))
        for terminal, name in (("svg", "chart.svg"), ("pngcairo", "chart.png")):
            output = os.path.join(folder, name)
            result = subprocess.run(["gnuplot"], input=script(rows, peers, data, terminal, output),
                                    capture_output=True, text=True, check=False)
            if result.returncode != 0:
                return f"gnuplot: {result.stderr.strip()[:300]}"
    return ""
