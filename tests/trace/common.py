# SPDX-License-Identifier: MIT
"""What the tests of record and replay share."""
from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
from dataclasses import dataclass

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from scratch_test import ScratchTest  # noqa: E402


@dataclass(frozen=True)
class Event:
    """One line of brkmalloc-replay --dump."""

    thread: int
    operation: str
    size: int | None
    alignment: int | None
    frees: int | None
    gives: int | None
    loses: int | None


def read_event(line: str) -> Event:
    words = line.split()
    values = {name: int(value) for name, value in zip(words[3::2], words[4::2])}
    return Event(int(words[1]), words[2], *(values.get(name) for name in
                                            ("size", "alignment", "frees", "gives", "loses")))


class Test(ScratchTest):
    """Of the recorder and the replayer."""

    def __init__(self, recorder: str, library: str, replayer: str) -> None:
        super().__init__("trace")
        self.preload = f"{os.path.abspath(recorder)}:{os.path.abspath(library)}"
        self.library = os.path.abspath(library)
        self.replayer = os.path.abspath(replayer)

    def record(self, name: str, command: list[str],
               **settings: str) -> subprocess.CompletedProcess:
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              cwd=self.scratch, timeout=60,
                              env={**os.environ, "LD_PRELOAD": self.preload,
                                   "BRKMALLOC_RECORD": self.path(name), **settings})

    def traces(self, name: str) -> list[str]:
        return sorted(glob.glob(f"{self.path(name)}*"))

    def run_replayer(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.replayer, *arguments], capture_output=True, text=True,
                              check=False, timeout=120)

    def dump(self, path: str) -> list[Event]:
        run = self.run_replayer("--dump", path)
        self.expect(f"{path} is sound", run.returncode == 0, run.stderr)
        return [read_event(line) for line in run.stdout.splitlines()]

    def replay(self, path: str, *options: str, library: str = "") -> dict[str, str]:
        """The figures; nothing on failure, which is noted."""
        run = self.run_replayer("--preload", library or self.library, *options, path)
        self.expect(f"replay of {path} {options}", run.returncode == 0,
                    f"status {run.returncode}: {run.stderr}")
        lines = [line.split(" ", 1) for line in run.stdout.splitlines()
                 if not re.match("sample|columns", line)]
        return {words[0]: words[1] for words in lines} if run.returncode == 0 else {}
