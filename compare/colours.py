# SPDX-License-Identifier: MIT
"""The colours of charts: the first is brkmalloc's."""
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
