# SPDX-License-Identifier: MIT
"""Usage: memory.py LIBRARY FOLDER SCENARIO | --complete | --record [SCENARIO...]

Runs a memory scenario of the benchmark at a small size on brkmalloc and compares what the allocator
itself knows of its heap with the bounds in bench/memory-bounds.txt; looks whether every scenario
has bounds there; or records new ones, for all scenarios or those named.
A bound far above its figure fails, too: it would let what was won be lost again. Resident memory, which
the whole process and the kernel have a part in, decides nothing here.
"""
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BENCH = os.path.join(ROOT, "bench")
sys.path[:0] = [BENCH, ROOT]

from compare.allocators import Allocator, verify  # noqa: E402
from compare.runner import Runner  # noqa: E402
from driver import scenarios  # noqa: E402

BOUNDS = os.path.join(BENCH, "memory-bounds.txt")
HEADER = """\
# What each memory scenario may need at most, as a multiple of the bytes that are live in it at most:
# the heap up to its top with mapped blocks (heap) and the part of these whose pages are there
# (pages), at the peak and at the scenario's points; pages_freed, which by itself depends on how fast
# the program was, in a second run with the background thread. As measured with the release preset
# and the size that bench/driver/scenarios.py has for tests, the highest of three runs, plus a margin:
# 3 % and 0.01; where threads make the runs differ 15 % and 0.05; and for pages behind the peak 25 %
# and 0.15. The tests bench.memory.* fail above them; after a change that lowers them, or raises them
# for a good reason, record them again:
#   python3 tests/bench/memory.py build/release/libbrkmalloc.so build/release/bench --record
"""

THREADED = ["producers", "threads"]

# Pages that go back some time after the last free do so by the background thread.
LATE = "pages_freed"
BACKGROUND = {"BRKMALLOC": "background:true"}

# Robson's theorem knows no thread caches; ours keep some blocks from the heap.
CACHES_SHARE = 0.01

# A figure that is as many margins below its bound shows that the bound has become useless.
STALE_MARGINS = 4

SKIPPED = 77

# Runs of each scenario when bounds are recorded.
RECORDED_RUNS = 3


def margin(scenario: str, key: str, figure: float) -> float:
    if key.startswith("pages_") and key != "pages_peak":
        return 0.25 * figure + 0.15
    return 0.15 * figure + 0.05 if scenario in THREADED else 0.03 * figure + 0.01


class Test:
    def __init__(self, runner: Runner, folder: str, allocator: Allocator) -> None:
        self.runner, self.folder, self.allocator = runner, folder, allocator

    def run_once(self, name: str, environment: dict[str, str]) -> scenarios.Run:
        before = self.runner.environment
        self.runner.environment = {**before, **environment}
        run = scenarios.PARTS[name].run(self.runner, self.folder, self.allocator, scenarios.TEST,
                                        watched=True)
        self.runner.environment = before
        if run.reason:
            sys.exit(f"{name}: {run.reason}")
        return run

    def measure(self, name: str) -> scenarios.Run:
        run = self.run_once(name, {})
        run.figures[LATE] = self.run_once(name, BACKGROUND).figures[LATE]
        return run

    def figures(self, run: scenarios.Run) -> dict[str, float]:
        """What is compared, over the peak of live bytes."""
        found = {key: value / run.figures["live_peak"] for key, value in run.figures.items()
                 if key.startswith(("heap_", "pages_"))}
        if not {"heap_peak", "pages_peak", "heap_freed", "pages_freed"} <= found.keys():
            sys.exit("the figures of the heap are missing")
        return found


def read_bounds() -> dict[str, dict[str, float]]:
    """By scenario and figure; for a scenario of the table without bounds there are none."""
    bounds: dict[str, dict[str, float]] = {name: {} for name in scenarios.PARTS}
    with open(BOUNDS, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, figure, bound = line.split()
                bounds.setdefault(name, {})[figure] = float(bound)
    return bounds


def record(test: Test, names: list[str]) -> int:
    """The bounds of the scenarios named, or all; the others stay."""
    bounds = read_bounds()
    for name in names or scenarios.PARTS:
        runs = [test.figures(test.measure(name)) for _ in range(RECORDED_RUNS)]
        highest = {key: max(run[key] for run in runs) for key in runs[0]}
        bounds[name] = {key: figure + margin(name, key, figure)
                        for key, figure in highest.items()}
        print(name, *(f"{key} {bound:.3f}" for key, bound in bounds[name].items()), flush=True)
    with open(BOUNDS, "w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(f"{name} {key} {bound:.3f}\n" for name, figures in bounds.items()
                        for key, bound in figures.items())
    return 0


def within_theory(run: scenarios.Run) -> bool:
    """Robson's bound, which the adversary prints."""
    if "bound" not in run.figures:
        return True
    heap, bound = run.figures["heap_peak"], run.figures["bound"]
    print(f"heap_peak: {heap:.0f} bytes, in theory at most {bound:.0f} and {CACHES_SHARE:.0%}")
    return heap <= bound * (1 + CACHES_SHARE)


def without_bounds() -> list[str]:
    return [name for name, figures in read_bounds().items() if not figures]


def compare(test: Test, name: str) -> int:
    run = test.measure(name)
    figures, bounds = test.figures(run), read_bounds()[name]
    failed = not within_theory(run)
    if figures.keys() != bounds.keys():
        print(f"{name}: the bounds are for {', '.join(bounds) or 'nothing'}, not for "
              f"{', '.join(figures)}: record them again")
        return 1
    for key, figure in figures.items():
        verdict = "FAILED, " if figure > bounds[key] else ""
        if figure < bounds[key] - STALE_MARGINS * margin(name, key, figure):
            verdict = "FAILED, far below, record it again, "
        print(f"{name} {key}: {figure:.3f} of what is live, {verdict}at most {bounds[key]}")
        failed |= verdict != ""
    return 1 if failed else 0


def main() -> int:
    library, folder, scenario, *names = sys.argv[1:]
    if scenario == "--complete":
        missing = without_bounds()
        print(f"without bounds: {', '.join(missing) or 'none'}")
        return 1 if missing else 0
    allocator = Allocator("brkmalloc", os.path.abspath(library))
    with Runner(folder) as runner:
        verify(allocator, os.path.join(folder, "which"), runner.environment)
        test = Test(runner, folder, allocator)
        if scenario.startswith("trace-") and not scenarios.can_replay(runner, folder):
            print("skipped: the replayer was built without libzstd")
            return SKIPPED
        return record(test, names) if scenario == "--record" else compare(test, scenario)


if __name__ == "__main__":
    sys.exit(main())
