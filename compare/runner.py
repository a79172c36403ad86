# SPDX-License-Identifier: MIT
"""Runs one command on one allocator and says what it used or why it failed."""
from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from .allocators import Allocator

LIMIT_SECONDS = 120


@dataclass
class Result:
    wall: float = 0.0
    user: float = 0.0
    system: float = 0.0
    peak_kib: int = 0
    output: str = ""
    errors: str = ""
    reason: str = ""  # why the run failed; empty when it did not

    @property
    def processor(self) -> float:
        return self.user + self.system


def clean_environment() -> dict[str, str]:
    """The user's environment without what would tune or replace an allocator."""
    tuning = re.compile(r"LD_PRELOAD|BRKMALLOC.*|GLIBC_TUNABLES|MALLOC_.*|_?MIMALLOC_.*|"
                        r"TCMALLOC_.*|HEAP.*|PYTHON.*|RUBY.*|PERL.*|LUA_.*|LANG|LANGUAGE|LC_.*")
    kept = {key: value for key, value in os.environ.items() if not tuning.fullmatch(key)}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


class Runner:
    """Keeps a scratch folder for the figures; use it in a with statement."""

    def __init__(self, folder: str) -> None:
        self.launch = os.path.join(folder, "launch")
        self.environment = clean_environment()
        self.scratch = tempfile.TemporaryDirectory(prefix="brkmalloc-bench.")

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.scratch.cleanup()

    def folder(self, name: str) -> str:
        path = os.path.join(self.scratch.name, name)
        os.makedirs(path, exist_ok=True)
        return path

    def run(self, command: list[str], allocator: Allocator | None, *, preload_all: bool = True,
            cwd: str | None = None, extra: dict[str, str] | None = None) -> Result:
        """With preload_all False the command gets the library's path in BENCH_PRELOAD and
        preloads it where it sees fit."""
        environment = {**self.environment, **(extra or {})}
        report = os.path.join(self.scratch.name, "report")
        figures = os.path.join(self.scratch.name, "figures")
        environment["BENCH_FIGURES"] = figures
        if allocator is not None:
            environment["LD_PRELOAD" if preload_all else "BENCH_PRELOAD"] = allocator.library
        for path in (report, figures):
            if os.path.exists(path):
                os.unlink(path)
        result = Result()
        self._wait([self.launch, str(LIMIT_SECONDS), report, *command], environment, cwd, result)
        read_report(report, result)
        read_figures(figures, result)
        return result

    def _wait(self, command: list[str], environment: dict[str, str], cwd: str | None,
              result: Result) -> None:
        with tempfile.TemporaryFile(dir=self.scratch.name) as output, \
                tempfile.TemporaryFile(dir=self.scratch.name) as errors:
            # pylint: disable-next=consider-using-with
            process = subprocess.Popen(command, env=environment, cwd=cwd, stdout=output,
                                       stderr=errors, stdin=subprocess.DEVNULL)
            try:
                process.wait()
            finally:
                # Without effect on a process that has ended; launch passes it on to the command.
                process.terminate()
                process.wait()
            output.seek(0)
            errors.seek(0)
            result.output = output.read().decode(errors="replace")
            result.errors = errors.read().decode(errors="replace")


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def read_report(path: str, result: Result) -> None:
    try:
        with open(path, encoding="ascii") as file:
            status, wall, user, system, peak = file.read().split()
    except (OSError, ValueError):
        result.reason = f"could not be run: {last_line(result.errors)}"
        return
    result.wall, result.user, result.system = float(wall), float(user), float(system)
    result.peak_kib = int(peak)
    result.reason = reason_of(int(status), result)


def reason_of(status: int, result: Result) -> str:
    if status == 0:
        return ""
    said = last_line(result.errors) or last_line(result.output)
    said = f": {said}" if said else ""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL and result.wall >= LIMIT_SECONDS:
            return f"did not end within {LIMIT_SECONDS} s{said}"
        return f"killed by {signal.Signals(number).name}{said}"
    return f"exit status {os.WEXITSTATUS(status)}{said}"


def read_figures(path: str, result: Result) -> None:
    """What a program measured by itself replaces what launch saw."""
    if not os.path.exists(path):
        return
    with open(path, encoding="ascii") as file:
        values = dict(line.split() for line in file)
    result.wall = float(values.get("wall", result.wall))
    result.user = float(values.get("user", result.user))
    result.system = float(values.get("system", result.system))
    result.peak_kib = int(values.get("peak_kib", result.peak_kib))


def number_in(output: str, name: str) -> float | None:
    """The number on the line "name NUMBER" of a workload's output."""
    match = re.search(rf"^{name} ([\d.]+)$", output, re.MULTILINE)
    return float(match[1]) if match else None


def check_operations(result: Result, expected: int) -> None:
    if not result.reason:
        done = number_in(result.output, "operations")
        if done is None:
            result.reason = "printed no number of operations"
        elif done != expected:
            result.reason = f"did {done:.0f} operations, not {expected}"
