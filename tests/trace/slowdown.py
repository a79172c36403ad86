# SPDX-License-Identifier: MIT
"""Usage: slowdown.py RECORDER LIBRARY WORKLOADS PROGRAMS [ROUNDS]

Prints what recording costs: programs of bench/programs and workloads of bench/workloads, on
brkmalloc with and without the recorder, in turn; the smallest times of each. Decides nothing.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time

PROGRAMS = {"python": "6", "gcc": "20", "z3": "20", "sqlite": "20", "lua": "5", "perl": "5",
            "ruby": "6", "ghostscript": "10", "redis": "20"}
WORKLOADS = {
    "interpreter": ["operations=2000000", "variables=4096"],
    "replace": ["operations=4000000", "slots=4096", "least=16", "most=515"],
    "burst": ["operations=4000000", "height=100", "least=64", "most=64"],
    "pairs": ["operations=5000000", "size=64"],
    "server": ["operations=2000000", "slots=1000", "least=16", "most=1000", "threads=2"],
}


class Slowdown:
    def __init__(self, recorder: str, library: str, workloads: str, programs: str) -> None:
        self.preloads = [os.path.abspath(library),
                         f"{os.path.abspath(recorder)}:{os.path.abspath(library)}"]
        self.workloads, self.programs = os.path.abspath(workloads), os.path.abspath(programs)

    def environment(self, folder: str, preload: str, name: str) -> dict[str, str]:
        return {**os.environ, "BRKMALLOC_RECORD": os.path.join(folder, "trace"),
                "BENCH_FIGURES": os.path.join(folder, "figures"), name: preload}

    def time_program(self, name: str, folder: str, preload: str) -> float:
        start = time.monotonic()
        subprocess.run(["sh", os.path.join(self.programs, f"{name}.sh"), "run"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL,
                       env=self.environment(folder, preload, "BENCH_PRELOAD"))
        seconds = time.monotonic() - start
        figures = os.path.join(folder, "figures")
        if os.path.exists(figures):  # what the program says of its own time
            with open(figures, encoding="ascii") as file:
                seconds = float(re.search(r"wall ([\d.]+)", file.read())[1])
        return seconds

    def time_workload(self, name: str, folder: str, preload: str) -> float:
        run = subprocess.run([os.path.join(self.workloads, name), *WORKLOADS[name]], check=True,
                             capture_output=True, text=True,
                             env=self.environment(folder, preload, "LD_PRELOAD"))
        return float(re.search(r"seconds ([\d.]+)", run.stdout)[1])

    def row(self, name: str, rounds: int) -> None:
        times: list[list[float]] = [[], []]
        written = 0
        with tempfile.TemporaryDirectory() as folder:
            if name in PROGRAMS:
                subprocess.run(["sh", os.path.join(self.programs, f"{name}.sh"), "prepare",
                                PROGRAMS[name]], cwd=folder, check=True)
            for _ in range(rounds):
                for which, preload in enumerate(self.preloads):
                    measure = self.time_program if name in PROGRAMS else self.time_workload
                    times[which].append(measure(name, folder, preload))
                traces = [entry for entry in os.scandir(folder) if entry.name.startswith("trace")]
                written = sum(entry.stat().st_size for entry in traces)
                for entry in traces:
                    os.unlink(entry.path)
        plain, recorded = min(times[0]), min(times[1])
        print(f"| {name} | {plain:.3f} | {recorded:.3f} | {recorded / plain:.2f} | "
              f"{written / 2**20:.1f} |", flush=True)


def main() -> int:
    slowdown = Slowdown(*sys.argv[1:5])
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 5
    print("| program | seconds | recorded | ratio | MiB written |\n|---|--:|--:|--:|--:|")
    for name in [*PROGRAMS, *WORKLOADS]:
        slowdown.row(name, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
