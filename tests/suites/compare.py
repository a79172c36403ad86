# SPDX-License-Identifier: MIT
"""One test on both sides, on libc's malloc and with the library preloaded, and what the two outcomes
together mean."""
import collections
import ctypes
import fnmatch
import os
import shutil
import signal
import subprocess
import tempfile
import time

SKIPPED = 77
PR_SET_CHILD_SUBREAPER = 36
TURN = 0.05    # seconds between looks at a test that runs
REPEATS = 3    # runs of each side before a difference is told: tests that wait for a time fail now and then
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOBODY = 65534  # the tests of others run without root's rights

BOTH_PASS = "passed"
NOT_SERVED = "not served"
NOT_COUNTED = "not counted"
KNOWN = "known"
DIFFERS = "FAILS ONLY HERE"

Test = collections.namedtuple("Test", "name limit command")
Run = collections.namedtuple("Run", "outcome providers output")
Verdict = collections.namedtuple("Verdict", "kind reason output")


def read_tests(path):
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [Test(name, int(limit), command) for name, limit, command in rows]


def become_reaper():
    """Processes that a test leaves behind become children of this one."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_children():
    """Ends what the last test left running."""
    while True:
        with open("/proc/thread-self/children", encoding="ascii") as file:
            children = file.read().split()
        if not children:
            return
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)


def wait_turns(process, limit):
    """The process's status, or None when it has not ended within so many seconds. What counts are this
    process's own turns: time in which it was stopped or had no processor, as its tests, does not."""
    for _ in range(int(limit / TURN)):
        status = process.poll()
        if status is not None:
            return status
        time.sleep(TURN)
    return process.poll()


class Runner:
    """Runs tests in a new folder within `folder`, which everybody may enter, with copies of the library and
    of the witness, which tells who served the malloc of which executable."""

    def __init__(self, folder, library, witness, serves="*"):
        self.folder = tempfile.mkdtemp(dir=folder)
        os.chmod(self.folder, 0o755)
        self.library = os.path.join(self.folder, "lib", os.path.basename(library))
        self.witness = os.path.join(self.folder, "lib", os.path.basename(witness))
        self.serves = serves.split()
        self.shell = os.path.realpath("/bin/sh")
        os.makedirs(os.path.dirname(self.library), exist_ok=True)
        shutil.copy(library, self.library)
        shutil.copy(witness, self.witness)
        become_reaper()

    def environment(self, home, log):
        variables = {"PATH": PATH, "HOME": home, "TMPDIR": home, "LC_ALL": "C.UTF-8",
                     "TZ": "UTC"}
        if log:
            variables.update(LD_PRELOAD=f"{self.library} {self.witness}", PROGRAMS_WITNESS=log)
        return variables

    def run(self, test, preloaded):
        home = tempfile.mkdtemp(dir=self.folder)
        log = os.path.join(self.folder, "witness") if preloaded else None
        if log:
            with open(log, "w", encoding="utf-8"):
                os.chmod(log, 0o666)
        rights = {}
        if os.getuid() == 0:
            os.chown(home, NOBODY, NOBODY)
            rights = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", test.command], cwd=home, env=self.environment(home, log),
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, **rights)
            outcome = self.wait(process, test.limit)
            end_children()
            output.seek(0)
            text = output.read().decode(errors="replace")
        shutil.rmtree(home, ignore_errors=True)
        return Run(outcome, self.providers(log), text)

    @staticmethod
    def wait(process, limit):
        try:
            status = wait_turns(process, limit)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        if status is None:
            return f"no end within {limit} seconds"
        if status == 0:
            return "passed"
        if status == SKIPPED:
            return "skipped"
        return f"signal {-status}" if status < 0 else f"status {status}"

    def providers(self, log):
        """What served the executables that the suite is about; the shell is none of them."""
        if log is None:
            return set()
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").partition("\t") for line in file]
        return {provider for executable, _, provider in lines
                if executable != self.shell and any(
                    fnmatch.fnmatch(os.path.basename(executable), name) for name in self.serves)}

    def compare(self, test, known=None):
        plain = self.run(test, False)
        if plain.outcome != "passed":
            return Verdict(NOT_COUNTED, f"on libc's malloc: {plain.outcome}", plain.output)
        ours = self.run(test, True)
        if ours.outcome == "passed":
            if self.library in ours.providers:
                return Verdict(BOTH_PASS, "", "")
            return Verdict(NOT_SERVED, "no process was served by the library", "")
        if known:
            return Verdict(KNOWN, known, ours.output)
        return self.repeat(test, ours)

    def repeat(self, test, ours):
        """How often a test fails on either side, as some fail by chance."""
        plain = [self.run(test, False).outcome for _ in range(REPEATS - 1)]
        again = [self.run(test, True).outcome for _ in range(REPEATS - 1)]
        plain_failures = sum(outcome != "passed" for outcome in plain)
        failures = 1 + sum(outcome != "passed" for outcome in again)
        counts = f"{failures} of {REPEATS} runs fail, on libc's malloc {plain_failures}"
        if plain_failures:
            return Verdict(NOT_COUNTED, f"unsteady: {counts}", ours.output)
        return Verdict(DIFFERS, f"{ours.outcome}; {counts}", ours.output)
