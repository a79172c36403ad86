# SPDX-License-Identifier: MIT
"""The parts of docs/compatibility.md that are written by runs of their own, each between two marks at
the page's end: "suites" by tests/suites, "systems" by tests/systems, "clients" by tests/clients."""
import os

PAGE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "docs",
                                     "compatibility.md"))
NAMES = ("suites", "systems", "clients")


def marks(name):
    return f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"


def split(page, name):
    """What stands before the part's marks, between and after them; at the end where there are none."""
    begin, end = marks(name)
    before, found, rest = page.partition(begin)
    inside, closed, after = rest.partition(end)
    return (before, inside, after) if found and closed else (page.rstrip("\n") + "\n\n", "", "")


def read():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def write_part(name, make):
    """Puts what `make` makes of the part's present text in its place."""
    begin, end = marks(name)
    before, inside, after = split(read(), name)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + begin + make(inside) + end + after)


def kept_parts():
    """The parts as they are, for whoever writes the rest of the page anew."""
    page, text = read(), ""
    for name in NAMES:
        begin, end = marks(name)
        inside = split(page, name)[1]
        text += f"\n{begin}{inside}{end}" if inside else ""
    return text
