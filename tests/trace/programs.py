# SPDX-License-Identifier: MIT
"""Usage: programs.py RECORDER LIBRARY REPLAYER SCRIPT

Records the program that a script of bench/programs runs, at a small size: its output is the same as
without, each of its processes has a sound trace, and the largest replays on two allocators. Status
77 when the program is not installed.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from common import Test

SIZE = "2"
SKIPPED = 77

# Fewer events than any of the programs has.
EVENTS_MIN = 5000


class Programs(Test):
    def __init__(self, recorder: str, library: str, replayer: str, script: str) -> None:
        super().__init__(recorder, library, replayer)
        self.script = os.path.abspath(script)

    def is_missing(self) -> bool:
        with open(self.script, encoding="utf-8") as file:
            needs = re.search(r"^# Needs: (.*)$", file.read(), re.MULTILINE)
        commands = [need.split(":")[0] for need in needs[1].split()] if needs else []
        return any(shutil.which(command) is None for command in commands)

    def run_script(self, *arguments: str, environment: dict[str, str]) -> str:
        run = subprocess.run(["sh", self.script, *arguments], cwd=self.scratch, text=True,
                             capture_output=True, check=False, timeout=120,
                             env={**os.environ, "LC_ALL": "C",
                                  "BENCH_FIGURES": self.path("figures"), **environment})
        self.expect(f"{arguments}: status", run.returncode == 0, run.stderr[-500:])
        return run.stdout

    def largest(self) -> tuple[str, int]:
        best, most = "", 0
        for path in self.traces("trace"):
            run = self.run_replayer("--info", path)
            found = re.search(r" (\d+) events", run.stdout)
            self.expect(f"{path} is sound", run.returncode == 0 and found is not None, run.stderr)
            if found and int(found[1]) > most:
                best, most = path, int(found[1])
        return best, most

    def run(self) -> None:
        self.run_script("prepare", SIZE, environment={})
        plain = self.run_script("run", environment={"BENCH_PRELOAD": self.library})
        recorded = self.run_script("run", environment={"BENCH_PRELOAD": self.preload,
                                                       "BRKMALLOC_RECORD": self.path("trace")})
        self.expect("the output is the same", plain == recorded, (plain[:200], recorded[:200]))
        path, events = self.largest()
        self.expect("there are events", events >= EVENTS_MIN, events)
        if not path:
            return
        for library in (self.library, "libc.so.6"):
            figures = self.replay(path, library=library)
            live = int(figures.get("peak_live_bytes", 0))
            resident = int(figures.get("peak_resident_bytes", 0))
            self.expect("all events are replayed", figures.get("events") == str(events), figures)
            self.expect("resident covers live", 0.8 * live <= resident <= 3 * live + (8 << 20),
                        figures)
            self.expect("no free was lost", figures.get("lost_frees") == "0", figures)


def main() -> int:
    with Programs(*sys.argv[1:]) as test:
        if test.is_missing():
            print("skipped: the program is not installed")
            return SKIPPED
        test.run()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
