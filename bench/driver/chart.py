# SPDX-License-Identifier: MIT
"""Two panels of dots on log scales side by side, one row of dots per case, drawn by gnuplot."""
from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

from compare.colours import COLOURS
from compare.gnuplot import run_gnuplot

SHAPES = [7, 5, 9, 13, 11, 15, 3]
ROW_HEIGHT = 22
MARGIN = 175
WIDTH = 1250


@dataclass
class Panel:
    title: str
    axis: str  # what the scale shows
    values: list[list[float | None]]  # per row one of each series; None where there is none


@dataclass
class Chart:
    file: str  # without .svg and .png
    title: str
    series: list[str]
    rows: list[str]
    panels: tuple[Panel, Panel]
    first_colour: int = 0


def data_of(chart: Chart) -> str:
    """Columns: place from below, name, then the values of the left and of the right panel."""
    lines = []
    for i, name in enumerate(chart.rows):
        values = [value for panel in chart.panels for value in panel.values[i]]
        cells = ["?" if value is None else f"{value:.4f}" for value in values]
        lines.append(f'{len(chart.rows) - i} "{name}" {" ".join(cells)}')
    return "\n".join(reversed(lines)) + "\n"


def tics(values: list[float]) -> str:
    """Round factors that lie in the range of the values."""
    factors = [0.1, 0.2, 0.5, 0.7, 1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500]
    kept = [factor for factor in factors if min(values) / 1.2 <= factor <= max(values) * 1.2]
    if len(kept) > 10:
        kept.remove(1.2)
    return ", ".join(f'"{factor:g}" {factor:g}' for factor in sorted({*kept, 1}))


def style(chart: Chart, number: int) -> str:
    kind = (number + chart.first_colour) % len(COLOURS)
    return f'pointtype {SHAPES[kind]} pointsize 1.1 linecolor rgb "{COLOURS[kind]}"'


def panel_script(chart: Chart, panel: Panel, data: str, first: int, names: bool) -> str:
    values = [value for row in panel.values for value in row if value is not None] or [1.0]
    low, high = min([*values, 0.9]) / 1.08, max([*values, 1.1]) * 1.08
    labels = ":ytic(2)" if names else ""
    # Without a title the SVG would tell of the file instead.
    plots = [f'"{data}" using {first + i}:1{labels} with points {style(chart, i)} title "{name}"'
             for i, name in enumerate(chart.series)]
    return f"""
set title "{panel.title}"
set xlabel "{panel.axis}"
set xrange [{low:.4f}:{high:.4f}]
set xtics ({tics([low, high])})
plot {", ".join(plots)}
"""


def legend_of(chart: Chart, height: float) -> str:
    """One row across both panels; gnuplot's own key is as narrow as one of them."""
    step = min(0.12, 0.8 / len(chart.series))
    return "\n".join(
        f'set label "{name}" at screen {0.5 + step * (i - len(chart.series) / 2):.3f},{height:.4f} '
        f'point {style(chart, i)} offset character 1,0' for i, name in enumerate(chart.series))


def script(chart: Chart, data: str, terminal: str, output: str) -> str:
    height = MARGIN + ROW_HEIGHT * len(chart.rows)
    top, bottom, legend = 1 - 95 / height, 60 / height, 1 - 52 / height
    left, right = chart.panels
    return f"""
set terminal {terminal} noenhanced size {WIDTH},{height} font "sans,11" background rgb "white"
set output "{output}"
set datafile missing "?"
set logscale x
set yrange [0.3:{len(chart.rows) + 0.7}]
set grid xtics ytics linecolor rgb "#dddddd" linetype 1
set border 3
set ytics nomirror scale 0
set xtics nomirror
set arrow 1 from 1, graph 0 to 1, graph 1 nohead linewidth 2 linecolor rgb "#333333" back
unset key
{legend_of(chart, legend)}
set multiplot title "{chart.title}"
set tmargin at screen {top:.4f}
set bmargin at screen {bottom:.4f}
set lmargin at screen 0.15
set rmargin at screen 0.56
{panel_script(chart, left, data, 3, True)}
set lmargin at screen 0.59
set rmargin at screen 0.98
set format y ""
set ytics 1
unset label
{panel_script(chart, right, data, 3 + len(chart.series), False)}
unset multiplot
"""


def draw(folder: str, chart: Chart) -> str:
    """Writes the chart as .svg and .png; gives the reason if it cannot."""
    with tempfile.TemporaryDirectory(prefix="brkmalloc-chart.") as scratch:
        data = os.path.join(scratch, "data")
        with open(data, "w", encoding="utf-8") as file:
            file.write(data_of(chart))
        for terminal, extension in (("svg", "svg"), ("pngcairo", "png")):
            output = os.path.join(folder, f"{chart.file}.{extension}")
            problem = run_gnuplot(script(chart, data, terminal, output))
            if problem:
                return problem
    return ""
