# SPDX-License-Identifier: MIT
"""What the tests of the exporter share: SCRIPT EXPORTER CTL LIBRARY CASE [PPROF]."""
from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Callable, Iterator

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

from scratch_test import ScratchTest  # noqa: E402

SKIPPED = 77
PATIENCE = 30.0
SAMPLE = re.compile(r'([a-z0-9_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Page:
    """A text of metrics taken apart; whatever is no such text raises an error."""

    def __init__(self, text: str, is_openmetrics: bool) -> None:
        self.text, self.types, self.values = text, {}, {}
        lines = text.split("\n")
        assert lines[-2:] == ["# EOF", ""], f"the end: {lines[-3:]}"
        family = ""
        for line in lines[:-2]:
            if line.startswith("# "):
                family = self.about(*line[2:].split(" ", 2), family, is_openmetrics)
            else:
                self.sample(line, family, is_openmetrics)

    def about(self, word: str, name: str, text: str, family: str, is_openmetrics: bool) -> str:
        if word == "TYPE":
            assert name not in self.types, f"{name} comes twice"
            assert text in ("gauge", "counter"), text
            self.types[name] = text
            return name
        assert name == family and text, f"{word} {name} within {family}"
        assert word == "HELP" or (word == "UNIT" and is_openmetrics), word
        assert word != "UNIT" or name.endswith("_" + text), f"the unit of {name}: {text}"
        return family

    def sample(self, line: str, family: str, is_openmetrics: bool) -> None:
        found = SAMPLE.fullmatch(line)
        assert found, f"no sample: {line}"
        is_counter = self.types[family] == "counter"
        assert found[1] == family + "_total" * (is_counter and is_openmetrics), line
        assert found[1].endswith("_total") == is_counter, line
        labels = frozenset((name, re.sub(r"\\(.)", lambda at: "\n" if at[1] == "n" else at[1], value))
                           for name, value in LABEL.findall(found[2] or ""))
        assert (found[1], labels) not in self.values, f"it comes twice: {line}"
        self.values[found[1], labels] = float(found[3])

    def of(self, process: int) -> dict[tuple, float]:
        """The values of a process, by name and the other labels."""
        return {(name, labels - self.own(labels)): value for (name, labels), value in
                self.values.items() if ("pid", str(process)) in labels}

    @staticmethod
    def own(labels: frozenset) -> frozenset:
        return frozenset(label for label in labels if label[0] in ("pid", "command", "cgroup"))

    def labels_of(self, process: int) -> dict[str, str]:
        found = {self.own(labels) for _, labels in self.values if ("pid", str(process)) in labels}
        assert len(found) == 1, f"labels of {process}: {found}"
        return dict(found.pop())

    def up(self, process: int) -> float | None:
        return self.of(process).get(("brkmalloc_up", frozenset()))

    def own_value(self, name: str) -> float:
        return self.values["brkmalloc_exporter_" + name, frozenset()]


class Answer:
    """What the server said to a request."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()
        self.headers = answer.headers

    @property
    def text(self) -> str:
        return self.body.decode()

    def page(self) -> Page:
        assert self.status == 200, self.text
        return Page(self.text, self.headers["Content-Type"].startswith("application/openmetrics"))


class Exporter:
    """One that runs, at a port that was free."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        line = process.stdout.readline()
        found = re.fullmatch(r"brkmalloc exporter: http://(.*):(\d+)/metrics\n", line)
        assert found, f"what it says at first: {line!r}"
        self.host, self.port = found[1].strip("[]"), int(found[2])

    def ask(self, path: str = "/metrics", method: str = "GET", timeout: float = 120,
            **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers)
            return Answer(connection.getresponse())

    def page(self) -> Page:
        return self.ask().page()


class Test(ScratchTest):
    """With root's rights the programs run as a user whom nobody else is, who has no other processes."""

    def __init__(self, exporter: str, ctl: str, library: str, pprof: str = "") -> None:
        super().__init__("exporter")
        self.user = {"user": 2_000_000 + os.getpid(), "extra_groups": []} if os.geteuid() == 0 else {}
        os.chmod(self.scratch, 0o755)
        self.exporter_path, self.ctl, self.library = (
            shutil.copy(path, self.scratch) for path in (exporter, ctl, library))
        self.pprof = shutil.copy(pprof, self.scratch) if pprof else ""

    @contextlib.contextmanager
    def started(self, words: list[str], user: dict | None = None,
                **more) -> Iterator[subprocess.Popen]:
        process = subprocess.Popen(words, **(self.user if user is None else user), **more)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def environment(self, options: str) -> dict[str, str]:
        return {**os.environ, "LD_PRELOAD": self.library, "BRKMALLOC": options}

    @contextlib.contextmanager
    def running(self, *words: str, options: str = "control:true",
                user: dict | None = None) -> Iterator[subprocess.Popen]:
        """A program on the library, that listens already if it does so."""
        with self.started(list(words) or ["sleep", "1000"], user, env=self.environment(options),
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            if "control:true" in options:
                self.wait_until("a process listens", lambda: self.socket_name(process.pid))
            yield process

    def socket_name(self, process: int) -> str:
        with open("/proc/net/unix", encoding="utf-8", errors="replace") as table:
            found = re.search(rf" @(brkmalloc/{process}/\d+)$", table.read(), re.M)
        return found[1] if found else ""

    def has_profile(self, process: int) -> bool:
        """Whether there is one; asking does not begin it."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("\0" + self.socket_name(process))
            client.sendall(b"profile\n")
            return client.recv(3, socket.MSG_WAITALL) == b"ok "

    def asked(self, process: int, *words: str) -> str:
        """The answer of ctl, "" without one."""
        return subprocess.run([self.ctl, "ctl", str(process), *words], capture_output=True, text=True,
                              check=False).stdout

    @contextlib.contextmanager
    def exporter(self, *words: str, user: dict | None = None) -> Iterator[Exporter]:
        programs = [f"--asker={self.ctl}"] + [f"--reader={self.pprof}"] * bool(self.pprof)
        with self.started([self.exporter_path, *programs, "--port=0", *words], user,
                          stdout=subprocess.PIPE, text=True) as process:
            yield Exporter(process)

    def wait_until(self, what: str, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE} seconds: {what}")
            time.sleep(0.02)

    def is_stopped(self, process: int) -> bool:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def stop(self, process: int) -> None:
        os.kill(process, signal.SIGSTOP)
        self.wait_until("it stops", lambda: self.is_stopped(process))


def main(cases: dict[str, Callable[[Test], None]]) -> int:
    exporter, ctl, library, case, *pprof = sys.argv[1:]
    with Test(exporter, ctl, library, *(path for path in pprof if path)) as test:
        result = cases[case](test)
        return SKIPPED if result == SKIPPED else test.finish()


def skip(why: str) -> int:
    print("skipped:", why)
    return SKIPPED
