#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""testing.py [--check]

Writes the tables of misuse into docs/testing.md, between its lines "misuse: begin" and "misuse: end",
from the first comments of the files in tests/misuse. With --check: the page has these tables."""
import glob
import os
import re
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
PAGE = os.path.join(ROOT, "docs", "testing.md")
FOLDER = os.path.join(ROOT, "tests", "misuse")
BEGIN, END = "<!-- misuse: begin -->\n", "<!-- misuse: end -->\n"
KINDS = {
    "double_free": "A block is freed twice",
    "wild_pointer": "A pointer that is not the start of a block",
    "overflow": "Writes past the end",
    "underflow": "Writes before the start",
    "use_after_free": "Freed blocks are used",
    "forged": "Headers, links and tags are made up",
    "wrong_size": "The sized functions are given another size",
    "hardened": "In the hardened mode",
    "guarded": "With options: blocks beside inaccessible pages",
}
KEY = re.compile(r"(Sizes|Ways|Options|Stacks|Found|Says(?: [a-z]+)?|Not caught): ")


def fields_of(path):
    """What the first comment says: by key, and under "" the description."""
    with open(path, encoding="utf-8") as file:
        comment = file.read().split("*/")[0]
    fields, key = {}, ""
    for line in comment.splitlines():
        text = re.sub(r"^(/\*| \*) ?", "", line).strip()
        if text.startswith("SPDX"):
            continue
        found = KEY.match(text)
        if found:
            key, text = found.group(1), text[found.end():]
        fields[key] = (fields.get(key, "") + " " + text).strip()
    return fields


def words_of(says):
    """A message without what differs from run to run."""
    return says.split(" at ADDRESS")[0]


def outcome(fields):
    """What comes of a misuse, with the sizes for which it is something else."""
    said = words_of(fields.get("Says", ""))
    others = [(key[len("Says "):], words_of(text)) for key, text in fields.items()
              if key.startswith("Says ")]
    return "; ".join([said] * bool(said) +
                     [f"{size}: {text}" for size, text in others if text != said])


def description(fields):
    options = fields.get("Options")
    return fields[""] + (f" (`{options}`)" if options else "")


def row(*cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def table(*lines):
    return row(*lines[0]) + "|" + " --- |" * len(lines[0]) + "\n" + \
        "".join(row(*line) for line in lines[1:])


def tables():
    cases = {kind: [] for kind in KINDS}
    for path in sorted(glob.glob(os.path.join(FOLDER, "*", "*.c"))):
        kind = os.path.basename(os.path.dirname(path))
        if kind not in KINDS:
            sys.exit(f"testing.py: the folder {kind} has no title in KINDS")
        name = os.path.splitext(os.path.basename(path))[0]
        cases[kind].append((f"[{name}](../tests/misuse/{kind}/{name}.c)", fields_of(path)))
    text, count = "", 0
    for kind, title in KINDS.items():
        caught = [(link, description(fields), fields.get("Sizes", "small"), outcome(fields))
                  for link, fields in cases[kind] if outcome(fields)]
        text += f"\n### {title}\n\n"
        text += table(("misuse", "what it does", "blocks", "comes to"), *caught)
        count += len(caught)
    missed = [(link, description(fields), fields.get("Sizes", "small"), fields["Not caught"])
              for kind in KINDS for link, fields in cases[kind] if "Not caught" in fields]
    text += "\n### What cannot be caught by default, and why\n\n"
    text += table(("misuse", "what it does", "blocks", "why"), *missed)
    return f"\n{count} kinds of misuse are caught, {len(missed)} are not.\n{text}\n"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{PAGE}: no lines {BEGIN.strip()} and {END.strip()}")
    written = before + BEGIN + tables() + END + after
    if sys.argv[1:] == ["--check"]:
        if written != page:
            sys.exit("docs/testing.md differs from tests/misuse; write it: "
                     "python3 tests/tools/testing.py")
        return
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(written)


main()
