# SPDX-License-Identifier: MIT
"""What /metrics has: of processes that are well, stopped, dead, too many, or none of brkmalloc's."""
from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time
from typing import Iterator

from common import Page, Test, main, skip

OPENMETRICS = "application/openmetrics-text; version=1.0.0, text/plain; q=0.5"
PR_SET_NAME = 15
TARGETS_MAX = 256


def format(test: Test) -> None:
    """Both forms have the same values, those that the process says itself."""
    with test.running() as one, test.running() as other, test.exporter() as exporter:
        pages = exporter.page(), exporter.ask(Accept=OPENMETRICS).page()
        head = exporter.ask(method="HEAD")
        said = Page(test.asked(one.pid, "metrics"), True)
        test.same("type of the older text", "text/plain; version=0.0.4; charset=utf-8",
                  exporter.ask().headers["Content-Type"])
        test.same("type of OpenMetrics", "application/openmetrics-text; version=1.0.0; charset=utf-8",
                  exporter.ask(Accept=OPENMETRICS).headers["Content-Type"])
    test.same("HEAD", (200, b""), (head.status, head.body))
    test.expect("length by HEAD", int(head.headers["Content-Length"]) > 5000)
    for page in pages:
        test.same("processes that are up", [1, 1], [page.up(one.pid), page.up(other.pid)])
        found = {key: value for key, value in page.of(one.pid).items()
                 if key[0] not in ("brkmalloc_up", "brkmalloc_resident_bytes")}
        expected = {key: value for key, value in said.values.items()
                    if key[0] != "brkmalloc_resident_bytes"}
        test.same("values of a process at rest", expected, found)
        test.same("processes", 2 if test.user else page.own_value("processes"),
                  page.own_value("processes"))
        test.same("processes left out", 0, page.own_value("processes_left_out"))
        test.same("the maximum", TARGETS_MAX, page.own_value("processes_max"))
    test.same("names in both", {name for name, _ in pages[0].values},
              {name for name, _ in pages[1].values})
    test.expect("resident", 500_000 < pages[0].of(one.pid)["brkmalloc_resident_bytes", frozenset()] < 1e9)


def labels(test: Test) -> None:
    """Names are UTF-8 and end neither a value nor a line."""
    names = {b'qu"ote': 'qu"ote', b"back\\slash\\": "back\\slash\\", b"new\nline": "new?line",
             b"comma,eq=\"}": 'comma,eq="}', "ü∑".encode(): "ü∑", b"\xff\xfebad": "??bad",
             b"a name of more than fifteen": "a name of more "}
    with contextlib.ExitStack() as stack:
        numbers = {}
        for name, shown in names.items():
            path = os.path.join(os.fsencode(test.scratch), name)
            shutil.copy(shutil.which("sleep"), path)
            numbers[stack.enter_context(test.running(os.fsdecode(path), "1000")).pid] = shown
        exporter = stack.enter_context(test.exporter())
        pages = exporter.page(), exporter.ask(Accept=OPENMETRICS).page()
        for number, shown in numbers.items():
            with open(f"/proc/{number}/cgroup", encoding="utf-8") as file:
                paths = dict(re.findall(r"^(.*?:.*?):(.*)$", file.read(), re.M))
            memory = [path for key, path in paths.items() if key.endswith(":memory")]
            expected = {"pid": str(number), "command": shown,
                        "cgroup": memory[0] if memory else paths.get("0:", "")}
            for page in pages:
                test.same("labels", expected, page.labels_of(number))
                test.same(f"{shown} is up", 1, page.up(number))


def stopped(test: Test) -> None:
    """It costs one timeout, and has no values; the others have theirs; it comes back."""
    with test.running() as one, test.running() as other, test.exporter() as exporter:
        test.stop(one.pid)
        start = time.monotonic()
        page = exporter.page()
        test.same("what is known of it", {("brkmalloc_up", frozenset()): 0}, page.of(one.pid))
        test.expect("it is waited for", 1.9 < time.monotonic() - start)
        test.same("the other one", 1, page.up(other.pid))
        test.expect("values of the other one", len(page.of(other.pid)) > 30, page.of(other.pid))
        os.kill(one.pid, signal.SIGCONT)
        test.wait_until("it comes back", lambda: exporter.page().up(one.pid) == 1)


def dies(test: Test) -> None:
    """While it is asked, and then it is forgotten."""
    with test.running() as one, test.running() as other, test.exporter() as exporter:
        test.stop(one.pid)
        killer = threading.Timer(0.3, one.kill)
        killer.start()
        page = exporter.page()
        killer.join()
        test.expect("what is known of it", page.of(one.pid) in ({}, {("brkmalloc_up", frozenset()): 0}),
                    page.of(one.pid))
        one.wait()
        page = exporter.page()
        test.same("afterwards", {}, page.of(one.pid))
        test.same("the other one", 1, page.up(other.pid))


GOOD = b"""# TYPE brkmalloc_blocks gauge
# HELP brkmalloc_blocks Words.
brkmalloc_blocks{place="heap"} 7
# TYPE brkmalloc_frees counter
# HELP brkmalloc_frees Words.
brkmalloc_frees_total 5
# TYPE brkmalloc_times histogram
# HELP brkmalloc_times A type that is unknown here.
brkmalloc_times_bucket{le="1"} 3
# EOF
"""

BAD = {
    "nothing": b"",
    "no end": GOOD.replace(b"# EOF\n", b""),
    "something behind the end": GOOD + b"brkmalloc_blocks 1\n",
    "another's process number": GOOD.replace(b'place="heap"', b'pid="1"'),
    "another's command": GOOD.replace(b'place="heap"', b'place="heap",command="x"'),
    "a line within a value": GOOD.replace(b'"heap"', b'"he\nap"'),
    "a value that does not end": GOOD.replace(b'"heap"', b'"heap'),
    "a backslash at the end": GOOD.replace(b'"heap"', b'"heap\\"'),
    "an unknown escape": GOOD.replace(b'"heap"', b'"he\\ap"'),
    "text behind labels": GOOD.replace(b'"}', b'"}{a="b"}'),
    "empty labels": GOOD.replace(b'place="heap"', b''),
    "no UTF-8": GOOD.replace(b'"heap"', b'"\xff"'),
    "a control character": GOOD.replace(b'"heap"', b'"a\rb"'),
    "no number": GOOD.replace(b"} 7", b"} seven"),
    "a number and more": GOOD.replace(b"} 7", b"} 7 8 9x"),
    "infinity": GOOD.replace(b"} 7", b"} inf"),
    "the same twice": GOOD.replace(b"# TYPE brkmalloc_frees", b'brkmalloc_blocks{place="heap"} 8\n# TYPE brkmalloc_frees'),
    "a family twice": GOOD.replace(b"# EOF", b"# TYPE brkmalloc_blocks gauge\n# EOF"),
    "a sample without family": GOOD.replace(b"brkmalloc_frees_total", b"brkmalloc_other_total"),
    "a sample before all families": b"brkmalloc_blocks 1\n" + GOOD,
    "a counter's sample without _total": GOOD.replace(b"brkmalloc_frees_total", b"brkmalloc_frees"),
    "the exporter's family": GOOD.replace(b"brkmalloc_blocks", b"brkmalloc_up"),
    "the exporter's own": GOOD.replace(b"brkmalloc_blocks", b"brkmalloc_exporter_processes"),
    "a name that is a counter's sample": GOOD.replace(b"brkmalloc_blocks", b"brkmalloc_frees_total"),
    "a stranger's family": GOOD.replace(b"brkmalloc_blocks", b"node_load1"),
    "another type than others say": GOOD.replace(b"brkmalloc_blocks gauge", b"brkmalloc_blocks counter")
                                        .replace(b"brkmalloc_blocks{", b"brkmalloc_blocks_total{"),
    "a long line": GOOD.replace(b"Words", b"Words" * 200),
    "many samples": GOOD.replace(b"# TYPE brkmalloc_frees", b"".join(
        b'brkmalloc_blocks{place="%d"} 1\n' % i for i in range(200)) + b"# TYPE brkmalloc_frees"),
    "many families": b"".join(b"# TYPE brkmalloc_x%d gauge\nbrkmalloc_x%d 1\n" % (i, i)
                              for i in range(100)) + b"# EOF\n",
    "a text of megabytes": b"#" * 3_000_000,
}


class Impostor:
    """This process, which listens as one on brkmalloc does and says what it likes."""

    def __init__(self) -> None:
        # The process's name is that of its first thread.
        self.comm = open(f"/proc/self/task/{os.getpid()}/comm", "wb", buffering=0)
        self.name(b"brkmalloc")
        self.answer, self.name_at_answer = GOOD, b"brkmalloc"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(f"\0brkmalloc/{os.getpid()}/1")
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def name(self, name: bytes) -> None:
        self.comm.write(name)

    def serve(self) -> None:
        while True:
            client, _ = self.listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(1000)
                self.name(self.name_at_answer)
                client.sendall(b"ok %d\n" % len(self.answer) + self.answer)


@contextlib.contextmanager
def as_user(test: Test) -> Iterator[None]:
    """This process counts as one of the test's user."""
    before = os.geteuid()
    os.seteuid(test.user.get("user", before))
    try:
        yield
    finally:
        os.seteuid(before)


def garbage(test: Test) -> None:
    """A process that answers something else than metrics has none, and the text stays well."""
    impostor = Impostor()
    me = os.getpid()
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(test.running())
        exporter = stack.enter_context(test.exporter())
        # Python loads what a request needs, from where the other user may not read.
        exporter.page()
        stack.enter_context(as_user(test))
        page = exporter.page()
        place = frozenset({("place", "heap")})
        test.same("a good answer", {("brkmalloc_up", frozenset()): 1, ("brkmalloc_blocks", place): 7,
                                    ("brkmalloc_frees_total", frozenset()): 5}, page.of(me))
        # The other process must come first, so that its types count.
        for what, answer in BAD.items():
            if what == "another type than others say" and me < other.pid:
                continue
            impostor.answer = answer
            page = exporter.page()
            test.same(what, {("brkmalloc_up", frozenset()): 0}, page.of(me))
            test.same(f"{what}: the other one", 1, page.up(other.pid))
        impostor.answer, impostor.name_at_answer = GOOD, b"other"
        test.same("one that becomes another meanwhile", 0, exporter.page().up(me))
        impostor.name(b"brkmalloc")
        impostor.name_at_answer = b"brkmalloc"
        test.same("a good answer again", 1, exporter.page().up(me))


def many(test: Test) -> int | None:
    """Above the maximum the last ones are left out, which is told."""
    if not test.user:
        return skip("needs root for a user without other processes")
    count = TARGETS_MAX + 4
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(test.started(["sleep", "1000"], env=test.environment("control:true")))
                     for _ in range(count)]
        exporter = stack.enter_context(test.exporter())
        test.wait_until("all are found", lambda: exporter.page().own_value("processes") == count)
        page = exporter.page()
        test.same("left out", 4, page.own_value("processes_left_out"))
        shown = [process.pid for process in processes if page.up(process.pid) is not None]
        test.same("who is shown", sorted(process.pid for process in processes)[:TARGETS_MAX], sorted(shown))
        test.expect("lines", page.text.count("\n") < 13_000, page.text.count("\n"))
    return None


def clients(test: Test) -> None:
    """Some at once, while a process does not answer: all get all, and share the looks."""
    with test.running() as one, test.running() as other, test.exporter() as exporter:
        test.stop(one.pid)
        pages = []
        threads = [threading.Thread(target=lambda: pages.append(exporter.page())) for _ in range(8)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        test.same("another path meanwhile", 200, exporter.ask("/").status)
        for thread in threads:
            thread.join()
        test.expect("looks are shared", time.monotonic() - start < 8 * 2 - 1, time.monotonic() - start)
        test.same("pages", [(0, 1)] * 8, [(page.up(one.pid), page.up(other.pid)) for page in pages])


if __name__ == "__main__":
    sys.exit(main({case.__name__: case for case in (format, labels, stopped, dies, garbage, many, clients)}))
