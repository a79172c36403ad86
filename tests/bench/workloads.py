# SPDX-License-Identifier: MIT
"""Usage: workloads.py LIBRARY FOLDER

Runs every workload of the benchmark, those of the scaling report too, with few operations on
LIBRARY and on libc's malloc: each must end well and have done as many operations as asked for.
"""
import os
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "bench"), ROOT]

from compare.allocators import Allocator, verify  # noqa: E402
from compare.runner import Runner, check_operations  # noqa: E402
from driver import cases, scaling  # noqa: E402

DIVISOR = 200


def all_cases() -> list:
    reports = [cases.Case(f"scaling: {title}", loop[0], 300000, (*loop[1:], "threads=8"))
               for title, loop in scaling.THREAD_LOOPS.items()]
    reports += [cases.Case(f"scaling: {title}", loop[0], 300000, (*loop[1:], "threads=4"))
                for title, (_, loop) in scaling.APART_LOOPS.items()]
    reports += [cases.Case("live", "live", 300000, ("live=4194304", "far=1")),
                cases.Case("idle", "idle", 300000, ("threads=5",)),
                cases.Case("idle, in turns", "idle", 300000, ("threads=5", "turns=1"))]
    reports += [cases.Case(f"instructions: {mode}", "instructions", 2000000, (f"mode={mode}",))
                for mode in ("pair", "updown", "small", "medium")]
    return cases.workloads() + reports


def main() -> int:
    library, folder = sys.argv[1:]
    allocators = [Allocator("brkmalloc", os.path.abspath(library)), None]
    failed = 0
    with Runner(folder) as runner:
        verify(allocators[0], os.path.join(folder, "which"), runner.environment)
        for case in all_cases():
            command, operations = cases.workload_command(folder, case, DIVISOR)
            for allocator in allocators:
                result = runner.run(command, allocator)
                check_operations(result, operations)
                if result.reason:
                    name = allocator.name if allocator else "libc"
                    print(f"FAILED: {case.name} on {name}: {result.reason}")
                    failed += 1
    print(f"{len(all_cases())} workloads, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
