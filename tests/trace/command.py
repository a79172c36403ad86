# SPDX-License-Identifier: MIT
"""Usage: command.py RECORDER LIBRARY REPLAYER KNOWN SCRIPT

The driver of `./brkmalloc replay` and the option parsers of SCRIPT, which starts it: bad usage ends
with status 2 and a message; a comparison has a row per allocator and writes what it promises; a
damaged trace and an allocator that fails are told.
"""
from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys

from common import Test

FRONT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "trace", "replay.py")

# Every second block begins inside the first one.
OVERLAPPING = """
#include <stddef.h>
#include <string.h>
static char store[1 << 26] __attribute__((aligned(4096)));
static size_t used, count;
void *memalign(size_t alignment, size_t size) {
    used = (used + alignment - 1) & ~(alignment - 1);
    char *block = store + used;
    used += ++count % 2 ? size / 4 + 16 : size + 16;
    return used < sizeof(store) ? block : NULL;
}
void *malloc(size_t size) { return memalign(16, size); }
void *calloc(size_t count, size_t size) {
    void *block = malloc(count * size);
    return block == NULL ? NULL : memset(block, 0, count * size);
}
void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    return old == NULL || block == NULL ? block : memmove(block, old, size);
}
void free(void *block) { (void)block; }
"""


class Command(Test):
    def __init__(self, recorder: str, library: str, replayer: str, known: str,
                 script: str) -> None:
        super().__init__(recorder, library, replayer)
        self.known, self.script = os.path.abspath(known), os.path.abspath(script)

    def compare(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, FRONT, f"--library={self.library}", f"--replayer={self.replayer}",
             *arguments], capture_output=True, text=True, check=False, timeout=120)

    def expect_run(self, what: str, run: subprocess.CompletedProcess, status: int,
                   message: str) -> None:
        self.expect(f"{what}: status {status} with '{message}'",
                    run.returncode == status and message in run.stderr + run.stdout,
                    f"{run.returncode} {run.stderr}{run.stdout}")

    def usage(self, trace: str) -> None:
        for arguments, message in [
                ([], "no FILE given"), ([trace, "other"], "unexpected argument 'other'"),
                (["--rounds", "0", trace], "no number from 1 to 100"),
                (["--samples", "x", trace], "no number from 1 to 1000000"),
                (["--with", "/nonexistent.so", trace], "there is no file"),
                (["--only", "nothing", trace], "there is no 'nothing'"),
                (["--order", "odd", trace], "invalid choice"),
                (["--csv=/nonexistent/a.csv", trace], "cannot write to the folder")]:
            self.expect_run(str(arguments), self.compare(*arguments), 2, message)

    def scripts(self) -> None:
        for arguments, status, message in [
                (["record"], 2, "-o FILE is missing"), (["record", "-o"], 2, "-o needs a FILE"),
                (["record", "-o", "x"], 2, "no PROGRAM given"),
                (["record", "--sample"], 2, "--sample needs 1/N"),
                (["record", "--sample", "64"], 2, "takes 1/N with N from 1 to 1048576, not '64'"),
                (["record", "--sample=1/0", "true"], 2, "not '1/0'"),
                (["record", "--sample=1/1048577", "true"], 2, "not '1/1048577'"),
                (["record", "--sample=1/6x", "true"], 2, "not '1/6x'"),
                (["record", "--limit"], 2, "--limit needs a SIZE"),
                *((["record", f"--limit={size}", "true"], 2,
                   f"--limit takes a size from 1m to 1t, such as 500m or 2g, not '{size}'")
                  for size in ("", "0", "1023k", "2t", "1025g", "5x", "-1m", "9999999999999g")),
                *((["record", "--limit", size], 2, "-o FILE is missing")
                  for size in ("1m", "1024K", "1048576", "1t", "1024g")),
                (["record", "--frob"], 2, "unknown option '--frob'"),
                (["record", "--help"], 0, "usage: brkmalloc record"),
                (["replay"], 2, "no FILE given"),
                (["replay", "--frob", "x"], 2, "unknown option '--frob'"),
                (["replay", "--help"], 0, "usage: brkmalloc replay")]:
            run = subprocess.run(["sh", self.script, *arguments], capture_output=True, text=True,
                                 check=False, cwd=self.scratch)
            self.expect_run(str(arguments), run, status, message)

    def comparison(self, trace: str) -> None:
        output = self.path("out.csv")
        run = self.compare("--rounds", "2", "--csv", output, "--plot", trace)
        self.expect_run("a comparison", run, 0, "peak resident")
        with open(output, encoding="utf-8") as file:
            rows = {row["allocator"]: row for row in csv.DictReader(file)}
        self.expect("rows", {"brkmalloc", "glibc"} <= set(rows), rows)
        self.expect("no row has a failure", not any(row["failure"] for row in rows.values()), rows)
        live = {int(row["peak_live_bytes"]) for row in rows.values()}
        self.expect("the same is live on each allocator", len(live) == 1 and min(live) > 0, rows)
        self.expect("all that is live is resident, and the ratio is that of the two", all(
            int(row["peak_resident_bytes"]) >= int(row["peak_live_bytes"]) and
            abs(float(row["resident_over_live"]) * int(row["peak_live_bytes"]) /
                int(row["peak_resident_bytes"]) - 1) < 0.01 for row in rows.values()), rows)
        self.expect("a replay takes a moment", all(0 < float(row["seconds"]) < 60
                                                   for row in rows.values()), rows)
        with open(self.path("out-curves.csv"), encoding="utf-8") as file:
            points = list(csv.DictReader(file))
        self.expect("curves of all", {point["allocator"] for point in points} == set(rows))
        brks = [int(point["break_bytes"]) for point in points if point["allocator"] == "brkmalloc"]
        self.expect("the break moved", max(brks, default=0) > 0, brks)
        if shutil.which("gnuplot"):
            for ending in (".svg", ".png"):
                self.expect(f"{ending} is drawn", os.path.getsize(trace + ending) > 1000)

    def sample(self) -> None:
        trace = self.path("sample")
        self.record("sample", [self.known, "kinds"], BRKMALLOC_RECORD_SAMPLE="2")
        run = self.compare(trace)
        self.expect_run("a sample", run, 1, "it is a sample, of one address in 2")
        self.expect("there is no table", "peak resident" not in run.stdout, run.stdout)

    def failures(self, trace: str) -> None:
        damaged = self.path("damaged")
        with open(trace, "rb") as file:
            content = file.read(5000)
        with open(damaged, "wb") as file:
            file.write(content[:4170])
        self.expect_run("a damaged trace", self.compare(damaged), 1, "at offset 4170")
        self.expect_run("no such file", self.compare(self.path("none")), 1, "No such file")
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        library = self.path("liboverlapping.so")
        subprocess.run([compiler, "-shared", "-fPIC", "-fno-builtin", "-x", "c", "-", "-o",
                        library], input=OVERLAPPING, text=True, check=True)
        self.record("crowd", [self.known, "crowd"])
        run = self.compare("--rounds", "1", "--only", "overlapping", "--with", library,
                           self.path("crowd"))
        self.expect_run("overlapping blocks", run, 1, "blocks overlap")
        self.expect_run("overlapping blocks", run, 1, "failed: overlapping")

    def texts(self, trace: str) -> None:
        self.expect_run("info", self.compare("--info", trace, trace), 0, "known kinds")
        run = self.compare("--dump", trace)
        self.expect_run("dump", run, 0, "realloc size 30011 frees")

    def run(self) -> None:
        self.record("trace", [self.known, "kinds"])
        trace = self.path("trace")
        self.usage(trace)
        self.scripts()
        self.comparison(trace)
        self.sample()
        self.failures(trace)
        self.texts(trace)


def main() -> int:
    with Command(*sys.argv[1:]) as test:
        test.run()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
