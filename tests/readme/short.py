# SPDX-License-Identifier: MIT
"""short.py: README.md has at most 200 lines, and each link in it and in the other pages leads to a file
or folder, and where it names a heading to that."""
from __future__ import annotations

import glob
import os
import re
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
LINES_MAX = 200
LINKS_MIN = 100


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def prose(text: str) -> str:
    """Without what is code."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchors(path: str) -> set[str]:
    """The headings of a page as GitHub calls them."""
    text = re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def problem_of(page: str, link: str) -> str:
    """Empty when the link leads somewhere."""
    target, _, anchor = link.partition("#")
    path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
    if not os.path.exists(os.path.join(ROOT, path)):
        return "leads nowhere"
    return f"{path} has no such heading" if anchor and anchor not in anchors(path) else ""


def main() -> int:
    problems = []
    lines = read("README.md").count("\n")
    if lines > LINES_MAX:
        problems.append(f"README.md has {lines} lines, {LINES_MAX} at most")
    links = 0
    for page in ["README.md", "CONTRIBUTING.md", "BENCHMARKS.md",
                 *glob.glob("docs/*.md", root_dir=ROOT)]:
        for link in re.findall(r"\]\(([^)\s]+)\)", prose(read(page))):
            if not link.startswith("http"):
                links += 1
                problem = problem_of(page, link)
                if problem:
                    problems.append(f"{page}: {link}: {problem}")
    if links < LINKS_MIN:
        problems.append(f"found {links} links only")
    print("\n".join([*problems, f"{links} links, {len(problems)} problems"]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
