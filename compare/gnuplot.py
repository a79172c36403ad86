# SPDX-License-Identifier: MIT
"""Charts are drawn by gnuplot."""
from __future__ import annotations

import shutil
import subprocess


def run_gnuplot(script: str) -> str:
    """Gives the reason if it cannot."""
    if shutil.which("gnuplot") is None:
        return "gnuplot is not installed"
    result = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    return f"gnuplot: {result.stderr.strip()[:300]}" if result.returncode != 0 else ""
