# SPDX-License-Identifier: MIT
"""Usage: recorded.py RECORDER LIBRARY REPLAYER WORKLOAD

Records a workload of tests/programs for a second, or for BRKM_RECORD_SECONDS, and then ends all of
its processes, whatever they are doing: each trace that was begun is sound, and the largest replays
on the library. Status 77 when the program is not installed.
"""
from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from common import Test

SECONDS = float(os.environ.get("BRKM_RECORD_SECONDS", "1"))
SKIPPED = 77

# Between SIGTERM, upon which workloads stop their servers, and SIGKILL.
GRACE_SECONDS = 1.0

# The shell that runs the workload, and a program that it starts.
TRACES_MIN = 2

PR_SET_CHILD_SUBREAPER = 36


def descendants(process: int) -> list[int]:
    """Of a process, youngest generation first."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{process}/task"):
            with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    found += [*descendants(int(child)), int(child)]
    except OSError:  # it has ended meanwhile
        pass
    return found


def send(number: int) -> None:
    for process in descendants(os.getpid()):
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass


def reap() -> bool:
    """Takes the status of what has ended; whether nothing is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
        return False
    except ChildProcessError:
        return True


def wait(seconds: float) -> bool:
    """Until nothing runs any more; False when time is up."""
    end = time.monotonic() + seconds
    while not reap():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Recorded(Test):
    def __init__(self, recorder: str, library: str, replayer: str, workload: str) -> None:
        super().__init__(recorder, library, replayer)
        self.workload = os.path.abspath(workload)

    def is_missing(self) -> bool:
        with open(self.workload, encoding="utf-8") as file:
            needs = re.search(r"^# Needs: (.*)$", file.read(), re.MULTILINE)
        commands = [need.split(":")[0] for need in needs[1].split()] if needs else []
        return any(shutil.which(command) is None for command in commands)

    def prepare(self) -> dict[str, str]:
        """Servers that give up root must be able to read the libraries and to write a trace."""
        os.chmod(self.scratch, 0o711)
        for folder, mode in (("lib", 0o755), ("run", 0o755), ("traces", 0o1777)):
            os.mkdir(self.path(folder))
            os.chmod(self.path(folder), mode)
        libraries = [shutil.copy(library, self.path("lib")) for library in self.preload.split(":")]
        run = self.path("run")
        return {**os.environ, "HOME": run, "TMPDIR": run, "LC_ALL": "C", "TZ": "UTC",
                "PROGRAMS_LIBRARY": libraries[1], "LD_PRELOAD": ":".join(libraries),
                "BRKMALLOC_RECORD": self.path("traces/trace")}

    def run_workload(self) -> str:
        """What it says of a library that is not preloaded, or of the recorder."""
        environment = self.prepare()
        # What a server leaves behind comes to us when its parent has ended.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with open(self.path("errors"), "w+b") as errors:
            # pylint: disable-next=consider-using-with
            subprocess.Popen(["sh", self.workload], cwd=self.path("run"), env=environment,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                             start_new_session=True)
            if not wait(SECONDS):
                send(signal.SIGTERM)
            while not wait(GRACE_SECONDS):
                send(signal.SIGKILL)
            errors.seek(0)
            said = errors.read().decode(errors="replace").splitlines()
        return "\n".join(line for line in said if "cannot be preloaded" in line or
                         line.startswith(("brkmalloc:", "brkmalloc record:")))

    def begun(self) -> list[str]:
        """The traces but for those whose process was ended before the header was complete."""
        paths = []
        for path in self.traces("traces/trace"):
            with open(path, "rb") as file:
                if file.read(8).strip(b"\0"):
                    paths.append(path)
        return paths

    def events_by_trace(self) -> dict[str, int]:
        paths = self.begun()
        run = self.run_replayer("--info", *paths)
        self.expect("every trace is sound", run.returncode == 0, run.stderr[-2000:])
        found = re.findall(r"^(.*?): process \d+, (\d+) events", run.stdout, re.MULTILINE)
        self.expect("every trace is described", len(found) == len(paths), run.stdout[-500:])
        return {path: int(events) for path, events in found}

    def run(self) -> None:
        said = self.run_workload()
        self.expect("nothing is complained of", not said, said[-2000:])
        events = self.events_by_trace()
        self.expect("the shell and a program have traces", len(events) >= TRACES_MIN, events)
        if not events:
            return
        largest = max(events, key=lambda path: events[path])
        figures = self.replay(largest, "--samples", "0", "--touch", "first")
        self.expect("all events are replayed", figures.get("events") == str(events[largest]),
                    figures)
        print(f"{len(events)} traces, {sum(events.values())} events")


def main() -> int:
    with Recorded(*sys.argv[1:]) as test:
        if test.is_missing():
            print("skipped: the program is not installed")
            return SKIPPED
        test.run()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
