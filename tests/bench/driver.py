# SPDX-License-Identifier: MIT
"""Usage: driver.py LIBRARY FOLDER SCRIPT

The benchmark's driver, and the option parser of SCRIPT, which starts it: bad usage ends with
status 2 and a message; a run writes every file that it promises; a run that fails is named, keeps
its row and gives status 1.
"""
import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from unittest import mock

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BENCH = os.path.join(ROOT, "bench")
sys.path[:0] = [BENCH, ROOT]

from compare.allocators import Allocator  # noqa: E402
from compare.runner import Result, Runner  # noqa: E402
from driver import instructions, scaling, timeline  # noqa: E402
from driver.comparison import Options  # noqa: E402

# An allocator of 1 MiB that never frees: programs with more fail.
SMALL = """
#include <errno.h>
#include <stddef.h>
#include <string.h>
static char store[1 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t size) {
    size = (size + 31) & ~(size_t)15;
    if (size > sizeof(store) - used) { errno = ENOMEM; return NULL; }
    char *block = store + used + 16;
    used += size;
    return block;
}
void *calloc(size_t count, size_t size) { return malloc(count * size); }
void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    if (block != NULL && old != NULL) memmove(block, old, size);
    return block;
}
void free(void *block) { (void)block; }
"""


class Test:
    def __init__(self, library: str, folder: str, scratch: str) -> None:
        self.library, self.folder, self.scratch = library, folder, scratch
        self.failed = 0

    def bench(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, os.path.join(BENCH, "bench.py"), f"--library={self.library}",
             f"--workloads={self.folder}", "-o", os.path.join(self.scratch, "out"), *arguments],
            capture_output=True, text=True, check=False)

    def expect(self, what: str, truth: bool, run: subprocess.CompletedProcess) -> None:
        if not truth:
            self.failed += 1
            print(f"FAILED: {what}\n{run.stdout}{run.stderr}")

    def usage(self) -> None:
        for arguments, message in [
                (["--only", "nothing"], "there is no 'nothing'"),
                (["--rounds", "0"], "no number from 1 to 100"),
                (["--rounds", "x"], "no number from 1 to 100"),
                (["--with", "/nonexistent.so"], "there is no file"),
                (["--with", os.path.abspath(__file__)], "no shared library"),
                (["--instructions", "--scaling"], "--instructions and --scaling are 2 runs"),
                (["--memory", "--scaling", "--instructions"], "are 3 runs"),
                (["--timeline", "--only", "live"], "there is no 'live'; there are: redis"),
                (["--memory", "--only", "live"], "there is no 'live'; there are: phases"),
                (["--instructions", "--only", "live"], "there is no 'live'"),
                (["-o", "/proc/1/none"], "-o: /proc/1/none"),
                (["--unknown"], "unrecognized")]:
            run = self.bench(*arguments)
            self.expect(f"{arguments}: status {run.returncode}, '{message}' expected",
                        run.returncode == 2 and message in run.stderr, run)

    def interrupted(self) -> None:
        """What is done is summed up and written; the status is the one of an interrupt."""
        for mode, first, file in [([], "--only=pairs", "results.csv"),
                                  (["--memory"], "--only=vectors", "memory.csv")]:
            others = ["--only=burst"] if not mode else ["--only=holes"]
            path = os.path.join(self.scratch, "out", file)
            if os.path.exists(path):
                os.unlink(path)
            process = subprocess.Popen(
                [sys.executable, os.path.join(BENCH, "bench.py"), f"--library={self.library}",
                 f"--workloads={self.folder}", "-o", os.path.join(self.scratch, "out"), "--quick",
                 "--rounds=1", *mode, first, *others],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            output = ""
            for line in process.stdout:
                output += line
                if "[1/" in line:
                    process.send_signal(signal.SIGINT)
            run = subprocess.CompletedProcess(mode, process.wait(), output, "")
            self.expect(f"{mode}: status {run.returncode} after an interrupt", run.returncode == 130, run)
            self.expect(f"{mode}: what is done is said", "interrupted: 1 of " in output, run)
            self.expect(f"{mode}: {file} is written", os.path.exists(path), run)

    def interrupted_rows(self) -> None:
        """The same of the modes whose single runs take long: these are made up."""
        ours = [Allocator("brkmalloc", self.library)]
        out = os.path.join(self.scratch, "out")
        lines: list = []
        options = Options(self.folder, BENCH, out, "bench", 1, True, lines.append)

        def count(_runner: object, _folder: str, _allocator: object, part: str) -> float:
            if part != "pair":
                raise KeyboardInterrupt
            return 12.3

        class Interrupted(scaling.Scaling):
            def run_once(self, command: list, operations: int, allocator: object,
                         extra: object = None) -> Result:
                if "far=1" in command:
                    raise KeyboardInterrupt
                return Result(output=f"operations {operations}\nseconds 0.5\n")

        class Begun(timeline.Timeline):
            def measure(self, allocator: Allocator) -> timeline.Life:
                if self.lives:
                    raise KeyboardInterrupt
                return timeline.Life(allocator.name, [timeline.Point(1, 2, 3)] * (self.steps + 6))

        for name, run, file in [
                ("--timeline", lambda: Begun(options, ours * 2, Runner(self.folder)).run_all(),
                 "timeline.csv"),
                ("--instructions", lambda: instructions.Instructions(options, ours, None).run_all(
                    ["pair", "updown"]), "instructions.csv"),
                ("--scaling", lambda: Interrupted(options, ours, None).run_all(
                    ["live", "idle"]), "scaling-live.csv")]:
            lines.clear()
            was_interrupted = False
            with mock.patch.object(instructions, "per_operation", count):
                try:
                    run()
                except KeyboardInterrupt:
                    was_interrupted = True
            said = subprocess.CompletedProcess(name, 0, "\n".join(lines), "")
            self.expect(f"{name}: the interrupt goes on", was_interrupted, said)
            self.expect(f"{name}: what is done is said", re.search(
                r"^interrupted: rows that are done: 1$", said.stdout, re.M) is not None, said)
            with open(os.path.join(out, file), encoding="utf-8") as rows:
                self.expect(f"{name}: {file} has the row", len(rows.readlines()) >= 2, said)

    def timeline(self) -> None:
        """A server that serves and is emptied, small enough for a test."""
        if shutil.which("redis-server") is None:
            print("no redis-server: bench --timeline is not tried")
            return
        lines: list = []
        out = os.path.join(self.scratch, "out")
        options = Options(self.folder, BENCH, out, "bench", 1, True, lines.append)
        with Runner(self.folder) as runner, mock.patch.object(timeline, "QUICK", (3, 2)):
            life = timeline.Timeline(options, [Allocator("brkmalloc", self.library)], runner)
            succeeded = life.run_all()
        said = subprocess.CompletedProcess("timeline", 0, "\n".join(lines), "")
        self.expect("timeline: it succeeds", succeeded, said)
        rows = self.rows("timeline.csv")
        resident = [float(row["resident_mib"]) for row in rows]
        used = [float(row["used_mib"]) for row in rows]
        self.expect(f"timeline: {len(rows)} points", len(rows) == 3 + timeline.QUIET_SAMPLES, said)
        self.expect("timeline: the server fills", used[2] > used[0] + 1 and resident[2] > used[2], said)
        self.expect("timeline: it is emptied", used[-1] < used[0] < used[2], said)
        if shutil.which("gnuplot"):
            self.expect_files(["timeline.svg", "timeline.png"], said)

    def script(self, script: str) -> None:
        for arguments, status, message in [
                (["--frobnicate"], 2, "unknown option '--frobnicate'"),
                (["word"], 2, "unexpected argument 'word'"),
                (["--quick", "--only"], 2, "--only needs a value"),
                (["--only", "x", "-o"], 2, "-o needs a value"),
                (["--quick", "--help"], 0, "--instructions")]:
            run = subprocess.run(["sh", script, "bench", *arguments], capture_output=True,
                                 text=True, check=False)
            said = run.stderr if status else run.stdout
            self.expect(f"script, {arguments}: status {run.returncode}, '{message}' expected",
                        run.returncode == status and message in said and "usage:" in said, run)

    def rows(self, name: str = "results.csv") -> list:
        with open(os.path.join(self.scratch, "out", name), encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def expect_files(self, names: list, run: subprocess.CompletedProcess) -> None:
        for name in names:
            path = os.path.join(self.scratch, "out", name)
            self.expect(f"{name} is written", os.path.exists(path) and os.path.getsize(path) > 500,
                        run)

    def success(self) -> None:
        run = self.bench("--quick", "--rounds", "2", "--only", "interp*", "--only", "aligned")
        self.expect("a run of two cases succeeds", run.returncode == 0, run)
        rows = [row for row in self.rows() if row["allocator"] in ("brkmalloc", "glibc")]
        self.expect("two cases, two allocators, two rounds", len(rows) == 8, run)
        self.expect("all rows have figures",
                    all(0.001 < float(row["user_s"]) + float(row["system_s"])
                        <= float(row["wall_s"]) + 0.05 and 500 < int(row["peak_kib"]) < 1 << 20
                        and not row["failure"] for row in rows), run)
        self.expect("a mean is printed", "mean of workloads (2)" in run.stdout, run)
        charts = ["chart.svg", "chart.png"] if shutil.which("gnuplot") else []
        self.expect_files(["results.md", *charts], run)

    def memory(self, small: str) -> None:
        """Two scenarios and a trace, on an allocator that cannot hold them, too."""
        run = self.bench("--memory", "--quick", "--rounds", "2", "--only", "holes", "--only",
                         "pow*", "--only", "trace-sqlite", "--with", small)
        self.expect("a failed scenario gives status 1", run.returncode == 1, run)
        self.expect("it is named with its reason",
                    "powers on small: exit status 1: out of memory" in run.stdout, run)
        rows = [row for row in self.rows("memory.csv") if row["allocator"] == "brkmalloc"]
        points = ["peak", "freed"] * 2 + ["peak", "rest", "freed"] * 2
        if "built without libzstd" not in run.stderr:
            points += ["peak", "freed"] * 2
            self.expect("a failed replay is named with its reason",
                        "trace-sqlite on small: exit status 1: brkmalloc-replay: the allocator has "
                        "no block" in run.stdout, run)
        self.expect("each round has a row for each point",
                    [row["point"] for row in rows] == points, run)
        self.expect("all that is live is resident, and not much more",
                    all(0 < float(row["seconds"]) < 60 and not row["failure"] for row in rows)
                    and all(1 <= int(row["resident_bytes"]) / int(row["live_bytes"]) < 1.5
                            for row in rows if row["point"] == "peak"), run)
        self.expect("a mean is printed", "\ngeometric mean" in run.stdout, run)
        charts = ["memory.svg", "memory.png"] if shutil.which("gnuplot") else []
        self.expect_files(["memory.md", *charts], run)

    def small_allocator(self) -> str:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        library = os.path.join(self.scratch, "libsmall.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-fno-builtin", "-x", "c", "-",
                        "-o", library], input=SMALL, text=True, check=True)
        return library

    def failure(self, small: str) -> None:
        run = self.bench("--quick", "--rounds", "1", "--only", "burst-deep", "--with", small)
        self.expect("a failed run gives status 1", run.returncode == 1, run)
        self.expect("it is named with its reason",
                    "burst-deep on small: exit status 1: out of memory" in run.stdout, run)
        self.expect("it keeps its row", any(row["allocator"] == "small" and
                                            "out of memory" in row["failure"]
                                            for row in self.rows()), run)


def main() -> int:
    library, folder, script = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        test = Test(os.path.abspath(library), os.path.abspath(folder), scratch)
        test.usage()
        test.interrupted()
        test.interrupted_rows()
        test.timeline()
        test.script(script)
        test.success()
        small = test.small_allocator()
        test.failure(small)
        test.memory(small)
        print("passed" if not test.failed else f"{test.failed} failed")
        return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main())
