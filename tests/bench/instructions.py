# SPDX-License-Identifier: MIT
"""Usage: instructions.py LIBRARY FOLDER TOOLCHAIN MODE | --record

Counts the instructions of one malloc and free in the loop MODE and compares them with the bound in
bench/instruction-bounds.txt, or records new bounds there: what is measured now, plus one, or plus a
share where the heap's pages come and go with time. A bound that lies far above the count fails, too:
it would let what was won be lost again. The counts depend on the compiler: with another
TOOLCHAIN than the recorded one the test is skipped.
"""
import os
import shutil
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BENCH = os.path.join(ROOT, "bench")
sys.path[:0] = [BENCH, ROOT]

from compare.allocators import Allocator, verify  # noqa: E402
from compare.runner import Runner  # noqa: E402
from driver import instructions  # noqa: E402

BOUNDS = os.path.join(BENCH, "instruction-bounds.txt")
HEADER = """\
# Instructions of one malloc and free at most, loop and PLT included, as measured with the release
# preset plus one, medium plus 5 %. The test bench.instructions fails above them; after a change that
# lowers them, or raises them for a good reason, record them again:
#   python3 tests/bench/instructions.py build/release/libbrkmalloc.so build/release/bench \\
#       TOOLCHAIN --record
"""

# Of the count. Page return looks at a clock, so that this one is not quite the same on every run.
SHARES = {"medium": 0.05}

# A count that is as many margins below its bound shows that the bound has become useless.
STALE_MARGINS = 3


def read_bounds() -> dict:
    with open(BOUNDS, encoding="utf-8") as file:
        return dict(line.split() for line in file if not line.startswith("#"))


def margin(mode: str, counted: float) -> float:
    return max(1, counted * SHARES.get(mode, 0))


def record(count, toolchain: str) -> int:
    lines = [f"toolchain {toolchain}"]
    for mode in instructions.PARTS:
        counted = count(mode)
        lines.append(f"{mode} {counted + margin(mode, counted):.1f}")
        print(lines[-1], flush=True)
    with open(BOUNDS, "w", encoding="utf-8") as file:
        file.write(HEADER + "\n".join(lines) + "\n")
    return 0


def compare(count, toolchain: str, mode: str) -> int:
    bounds = read_bounds()
    if bounds["toolchain"] != toolchain:
        print(f"skipped: the bounds are those of {bounds['toolchain']}, this is {toolchain}")
        return 77
    measured, bound = count(mode), float(bounds[mode])
    print(f"{mode}: {measured:.1f} instructions, at most {bound}")
    if measured < bound - STALE_MARGINS * margin(mode, measured):
        print("the bound is far too high: record it again")
        return 1
    return 0 if measured <= bound else 1


def main() -> int:
    library, folder, toolchain, mode = sys.argv[1:]
    if shutil.which("valgrind") is None:
        print("skipped: no valgrind here")
        return 77
    allocator = Allocator("brkmalloc", os.path.abspath(library))
    with Runner(folder) as runner:
        verify(allocator, os.path.join(folder, "which"), runner.environment)

        def count(name: str) -> float:
            return instructions.per_operation(runner, folder, allocator, name)
        if mode == "--record":
            return record(count, toolchain)
        return compare(count, toolchain, mode)


if __name__ == "__main__":
    sys.exit(main())
