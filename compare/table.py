# SPDX-License-Identifier: MIT
"""Tables as text and as Markdown, and the figures in them."""
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def geometric_mean(values: Sequence[float]) -> float:
    """Of positive numbers; figures below a hundredth of a unit count as that."""
    return math.exp(sum(math.log(max(value, 0.01)) for value in values) / len(values))


def figure(value: float | None, digits: int = 3) -> str:
    """About `digits` significant digits, never in exponent form."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{min(max(decimals, 0), digits)}f}"


def text_row(cells: Iterable[str], widths: Sequence[int]) -> str:
    """The first column to the left, the others to the right."""
    padded = [cell.ljust(width) if i == 0 else cell.rjust(width)
              for i, (cell, width) in enumerate(zip(cells, widths))]
    return "  ".join(padded).rstrip()


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return "\n".join(text_row(row, widths) for row in [header, *rows]) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |",
             "|---" + "|--:" * (len(header) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
