#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""profile.py CASE LIBRARY DOOR PROGRAM: runs PROGRAM (profile.c), or another, with the heap profile
on, reads what is written strictly by the format of src/profile/write.h, and compares it with what the
program knows of its own allocations."""
import glob
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SKIPPED = 77
INTERVAL = 32768
SIGUSR2 = int(signal.SIGUSR2)
failures = []


def same(what, expected, found):
    if expected != found:
        failures.append(f"{what}: expected {expected!r}, found {found!r}")


def holds(what, condition):
    if not condition:
        failures.append(what)


class Profile:
    """A file of the profile. Every line must be as the format says."""
    HEAD = ["brkmalloc heap profile 2", r"pid \d+", "program /.*", r"interval \d+", r"started \d+",
            r"seconds \d+\.\d{3}", "reason (?:exit|peak|request|signal)"]

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        same(f"longest line of {path}", True,
             all(len(line) < 4096 for line in data.split(b"\n")))
        lines = data.decode().split("\n")
        same(f"end of {path}", ["end", ""], lines[-2:])
        for pattern, line in zip(self.HEAD, lines):
            holds(f"{path}: '{line}' is not '{pattern}'", re.fullmatch(pattern, line))
        self.head = dict(line.split(" ", 1) for line in lines[1:len(self.HEAD)])
        self.pid = int(self.head["pid"])
        self.mode = os.stat(path).st_mode & 0o777
        objects = lines.index("objects")
        self.samples = [self.sample(line) for line in lines[len(self.HEAD):objects]]
        self.objects = lines[objects + 1:-2]
        for number, line in enumerate(self.objects, 1):
            holds(f"{path}: '{line}' is no object",
                  re.fullmatch(rf"{number} [0-9a-f]+-[0-9a-f]+ [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+ \d+ "
                               r"\d+\.\d{9} \d+\.\d{3} \d+\.\d{3} (?:-|[0-9a-f]+) .*", line))

    @staticmethod
    def sample(line):
        holds(f"'{line}' is no sample",
              re.fullmatch(r"sample(?: \d+){6}(?: 0x[0-9a-f]+(?:@\d+)?)+", line))
        words = line.split()
        return ([int(word) for word in words[1:7]],
                [int(word.split("@")[0], 16) for word in words[7:]])

    def sums(self, low=0, high=1 << 64):
        """The six numbers of all stacks that lead through the addresses."""
        sums = [0] * 6
        for numbers, addresses in self.samples:
            if any(low < address <= high for address in addresses):
                sums = [a + b for a, b in zip(sums, numbers)]
        return sums


class Run:
    """A run of a program in an empty folder, and the profiles that it left there."""

    def __init__(self, case, command, options="", name="%p.%n", status=0, **environment):
        self.folder = tempfile.mkdtemp()
        env = {**os.environ, "BRKMALLOC": f"profile_interval:{INTERVAL},{options}", **environment}
        if case.door == "preload":
            env["LD_PRELOAD"] = case.library
        if name is not None:
            env["BRKMALLOC_PROFILE"] = os.path.join(self.folder, name)
        self.result = subprocess.run(command, env=env, cwd=self.folder, capture_output=True,
                                     text=True, check=False)
        self.errors = self.result.stderr
        same(f"exit status of {command} ({self.errors})", status, self.result.returncode)
        self.files = sorted(glob.glob(os.path.join(self.folder, "*")))
        self.profiles = [Profile(path) for path in self.files if os.path.isfile(path)]

    def sites(self):
        """{pid: {name: (low, high, [live blocks, live bytes, total blocks, total bytes])}}"""
        found = {}
        for line in self.result.stdout.splitlines():
            pid, _, name, low, high, *numbers = line.split()
            found.setdefault(int(pid), {})[name] = (int(low, 16), int(high, 16),
                                                    [int(number) for number in numbers])
        return found

    def end(self):
        shutil.rmtree(self.folder)


def close(what, expected, found, interval=INTERVAL):
    """Five deviations of the estimate, whose variance is interval times bytes, are passed in one of
    two million."""
    bound = 5 * math.sqrt(interval * expected) + 1
    holds(f"{what}: {expected} bytes, the profile says {found}, which is not within {bound:.0f}",
          abs(expected - found) <= bound)


def expect_sites(run, profile, exact=False):
    sites = run.sites()[profile.pid]
    same("sites", 3, len(sites))
    for name, (low, high, numbers) in sites.items():
        found = profile.sums(low, high)
        if exact:
            same(f"exact numbers of {name}", numbers, found[:4])
            continue
        close(f"{name}, live", numbers[1], found[1])
        close(f"{name}, in all", numbers[3], found[3])
        holds(f"{name}: more was live, {found[5]}, than was asked for, {found[3]}",
              0 < found[5] <= found[3])
    sums = profile.sums()
    holds(f"the peak of all, {sums[5]}, is below what is live, {sums[1]}", sums[5] >= sums[1])
    holds(f"more is live, {sums[5]}, than was asked for, {sums[3]}", sums[5] <= sums[3])


class Case:
    def __init__(self, library, door, program):
        self.library, self.door = library, door
        self.program = program

    def run(self, mode, *arguments, **environment):
        return Run(self, [self.program, self.door, mode], *arguments, **environment)

    def one(self, mode, *arguments, **environment):
        run = self.run(mode, *arguments, **environment)
        same("profiles", 1, len(run.profiles))
        return run, run.profiles[0]


def case_sites(case):
    for options in ("", "hardened:true", "profile_frame_pointers:true", "perturb:85",
                    "canary:true", "quarantine:1m"):
        run, profile = case.one("sites", options)
        same("reason", "exit", profile.head["reason"])
        same("interval", str(INTERVAL), profile.head["interval"])
        same("program", os.path.realpath(case.program), profile.head["program"])
        same("rights of the file", 0o600, profile.mode)
        same("messages", "", run.errors)
        holds("the program is among the objects",
              any(line.endswith(os.path.realpath(case.program)) for line in profile.objects))
        expect_sites(run, profile)
        run.end()


def case_exact(case):
    run, profile = case.one("sites", "profile_interval:1")
    expect_sites(run, profile, exact=True)
    # The allocator's own frames are left out: the first is where the program asks.
    for low, high, _ in run.sites()[profile.pid].values():
        holds("no stack begins at the site",
              any(low < addresses[0] <= high for _, addresses in profile.samples))
    run.end()


def case_threads(case):
    for options in ("", "hardened:true"):
        run, profile = case.one("threads", options)
        expect_sites(run, profile)
        run.end()


def case_fork(case):
    run = case.run("fork")
    same("profiles", 2, len(run.profiles))
    same("processes", sorted(run.sites()), sorted(profile.pid for profile in run.profiles))
    for profile in run.profiles:
        expect_sites(run, profile)
    run.end()


def case_fork_one_name(case):
    """Without the process's number in the name, one of the two files is refused, none overwritten."""
    run = case.run("fork", "", "one")
    same("profiles", 1, len(run.profiles))
    same("messages", 1, run.errors.count(": File exists; BRKMALLOC_PROFILE names another file\n"))
    expect_sites(run, run.profiles[0])
    run.end()
    run = case.run("fork", "", "%n")
    same("profiles by number", 2, len(run.profiles))
    run.end()


def case_exec(case):
    run, profile = case.one("exec")
    expect_sites(run, profile)
    run.end()


def case_signal(case):
    run = case.run("signal", f"profile_signal:{SIGUSR2}")
    reasons = [profile.head["reason"] for profile in run.profiles]
    same("profiles at exit", 1, reasons.count("exit"))
    # One that comes while another is to be written is one with it.
    holds(f"{len(reasons)} profiles", 2 < len(reasons) <= 42)
    same("other reasons", {"exit", "signal"}, set(reasons))
    last = [profile for profile in run.profiles if profile.head["reason"] == "exit"][0]
    expect_sites(run, last)
    same("the largest total", last.sums()[3], max(p.sums()[3] for p in run.profiles))
    run.end()


def case_growth(case):
    run = case.run("threads", "profile_growth:4m")
    reasons = [profile.head["reason"] for profile in run.profiles]
    holds(f"reasons {reasons}", reasons.count("peak") >= 3 and reasons.count("exit") == 1)
    for profile in run.profiles:
        if profile.head["reason"] == "peak":
            holds("what is live", profile.sums()[1] >= 4 << 20)
    run.end()


def case_leaks(case):
    sites = "profile_leaks:true,profile_leaks_exit_status:23,"
    run = case.run("sites", sites + "profile_interval:1", None, status=23)
    same("profiles", 0, len(run.profiles))
    numbers = list(run.sites().values())[0]
    live_bytes = sum(site[2][1] for site in numbers.values())
    live_blocks = sum(site[2][0] for site in numbers.values())
    total = re.search(r"in use at exit of process \d+: (\d+) bytes in (\d+) blocks, from (\d+) call "
                      r"stacks:", run.errors)
    holds(f"no total in: {run.errors}", total)
    if total and case.door != "static":
        # In a static program the buffer of standard output is not told from the program's.
        same("leaked bytes and blocks", (live_bytes, live_blocks), (int(total[1]), int(total[2])))
    stacks = [int(number) for number in re.findall(r"^brkmalloc: (\d+) bytes in", run.errors, re.M)]
    same("order", sorted(stacks, reverse=True), stacks)
    run.end()
    run = case.run("quiet", "profile_leaks:true,profile_leaks_exit_status:23", None)
    same("messages without a leak", "", run.errors)
    run.end()
    run = case.run("quiet", "profile_leaks:true,profile_interval:1", None)
    same("messages without a leak, of all blocks", "", run.errors)
    run.end()


def case_unwritable(case):
    run = case.run("sites", "", "nowhere/%p")
    same("profiles", 0, len(run.profiles))
    pid = list(run.sites())[0]
    same("message", f'brkmalloc: the heap profile cannot be written to "{run.folder}/nowhere/{pid}": '
         'No such file or directory; BRKMALLOC_PROFILE names another file\n', run.errors)
    run.end()
    run = case.run("sites", "", "/dev/full")
    same("message of what exists", 'brkmalloc: the heap profile cannot be written to "/dev/full": '
         'File exists; BRKMALLOC_PROFILE names another file\n', run.errors)
    run.end()
    folder = tempfile.mkdtemp()
    target, link = os.path.join(folder, "target"), os.path.join(folder, "link")
    os.symlink(target, link)
    run = case.run("sites", "", link)
    holds("a link is not followed", not os.path.exists(target) and "File exists" in run.errors)
    run.end()
    shutil.rmtree(folder)


def case_no_at_exit(case):
    run = case.run("sites", "profile_at_exit:false")
    same("profiles", 0, len(run.profiles))
    run.end()
    run = case.run("sites", "profile:false")
    same("profiles", 0, len(run.profiles))
    run.end()


PYTHON = """
import json
class Node:
    def __init__(self, key): self.key = key; self.label = f'node {key}' * 5
keep = []
for turn in range(40):
    records = [{'id': i, 'name': 'x' * (i % 300), 'tags': [str(j) for j in range(i % 9)]}
               for i in range(3000)]
    keep[turn % 5:] = []; keep.append(json.loads(json.dumps(records)) if turn % 2 else [Node(i) for i in range(5000)])
print(sum(map(len, keep)))
"""


def case_python(case):
    """The same program with every block a sample, and with one in 32 KiB."""
    python = shutil.which("python3")
    if python is None:
        print("skipped: there is no python3 here")
        sys.exit(SKIPPED)
    environment = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    runs = [Run(case, [python, "-S", "-E", "-c", PYTHON], options, **environment)
            for options in ("profile_interval:1", "", "profile_frame_pointers:true")]
    same("what the program prints", 1, len({run.result.stdout for run in runs}))
    exact, *estimates = [run.profiles[0].sums() for run in runs]
    holds("the program asks for tens of megabytes", exact[3] > 30 << 20)
    for sums in estimates:
        close("python, in all", exact[3], sums[3])
        close("python, at the peak", exact[5], sums[5] * 1.005)
    depth = max(len(addresses) for _, addresses in runs[1].profiles[0].samples)
    holds(f"the deepest stack has {depth} frames", depth > 10)
    for run in runs:
        run.end()


def main():
    name, library, door, program = sys.argv[1:]
    globals()[f"case_{name}"](Case(library, door, os.path.realpath(program)))
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
