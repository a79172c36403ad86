# SPDX-License-Identifier: MIT
"""How the exporter serves: paths and methods, wrong requests, profiles, its port and its end."""
from __future__ import annotations

import contextlib
import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from common import Exporter, Test, main, skip

HEAP = "/debug/pprof/heap"


def raw(exporter: Exporter, request: bytes) -> bytes:
    """All that the server says to these bytes."""
    with socket.create_connection((exporter.host, exporter.port), timeout=60) as client:
        with contextlib.suppress(OSError):  # who has answered a wrong request may have closed
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(65536):
                parts.append(part)
        return b"".join(parts)


def says(test: Test, exporter: Exporter, path: str, status: int, words: str, method: str = "GET") -> None:
    answer = exporter.ask(path, method)
    test.same(f"status of {method} {path[:80]}", status, answer.status)
    test.expect(f"words of {method} {path[:80]}", words in answer.text, answer.text)
    test.same(f"type of {path[:80]}", "text/plain; charset=utf-8", answer.headers["Content-Type"])


def paths(test: Test) -> None:
    with test.running() as process, test.running(options="background:true") as other, \
            test.exporter() as exporter:
        says(test, exporter, "/", 200, "/debug/pprof/heap?pid=N")
        for path in ("/metric", "/metrics/", "/debug/pprof/", "/index.html", "/../../etc/passwd",
                     "/%2e%2e/etc/passwd", "//metrics/x", "/%C3%A9"):
            says(test, exporter, path, 404, "there are /metrics and")
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            says(test, exporter, "/metrics", 405, "only GET and HEAD", method)
        says(test, exporter, "/debug/pprof/symbol", 200, "num_symbols: 0", "POST")
        test.same("Allow", "GET, HEAD", exporter.ask(method="POST").headers["Allow"])
        says(test, exporter, HEAP, 400, "pid=N is missing")
        for number in ("", "0", "-1", "1x", "99999999999", "%31", "1%00"):
            says(test, exporter, f"{HEAP}?pid={number}", 400, "pid takes the number of a process")
        for seconds in ("0", "61", "x", "1.5", ""):
            says(test, exporter, f"{HEAP}?pid={process.pid}&seconds={seconds}", 400, "seconds takes 1 to 60")
        says(test, exporter, f"{HEAP}?pid={process.pid}&debug=1", 400, "but not debug=1")
        if test.pprof:
            says(test, exporter, f"{HEAP}?pid=4194304", 404, "there is no process 4194304")
            says(test, exporter, f"{HEAP}?pid={other.pid}", 404, "without the option control")
        if test.user and test.pprof:
            says(test, exporter, f"{HEAP}?pid={os.getpid()}", 403, "belongs to user 0")
            test.same("another user's process", None, exporter.page().up(os.getpid()))


def wrong(test: Test) -> None:
    """What is no request gets 4xx or nothing, and harms nobody."""
    requests = {
        "nothing": b"", "no words": b"\r\n\r\n", "one word": b"GARBAGE\r\n\r\n",
        "binary": bytes(range(256)) * 4, "another version": b"GET /metrics HTTP/9.9\r\n\r\n",
        "an unknown method": b"FROB /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        "a long path": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "long headers": b"GET /metrics HTTP/1.1\r\n" + b"X-Y: " + b"z" * 9000 + b"\r\n\r\n",
        "many headers": b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
        "no end": b"GET /metrics HTTP/1.1\r\nHost: a\r\n",
        "a zero byte": b"GET /met\0rics HTTP/1.1\r\nHost: a\r\n\r\n",
    }
    with test.running() as process, test.exporter() as exporter:
        for what, request in requests.items():
            answer = raw(exporter, request)
            status = answer.split(b" ", 2)[1:2]
            test.expect(what, answer == b"" or (answer.startswith(b"HTTP/")
                                                and status[0][:1] in (b"4", b"5")), answer[:200])
            test.same(f"after {what}", 200, exporter.ask("/").status)
        body = raw(exporter, b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
        test.expect("GET with a body", body.startswith(b"HTTP/1.1 200 OK\r\n"), body[:200])
        test.same("the process afterwards", 1, exporter.page().up(process.pid))


def profiles(test: Test) -> int | None:
    """One that is on is given at once; one that is off is begun, and ended."""
    if not test.pprof:
        return skip("what reads heap profiles is not built")
    with test.running("cat", options="control:true,profile:true,profile_interval:1,profile_at_exit:false") \
            as on, test.running("cat") as off, test.exporter() as exporter:
        answer = exporter.ask(f"{HEAP}?pid={on.pid}")
        test.same("status", 200, answer.status)
        test.same("type", "application/octet-stream", answer.headers["Content-Type"])
        profile = gzip.decompress(answer.body)
        for word in (b"inuse_space", b"alloc_objects", b"bytes"):
            test.expect(f"{word} in the profile", word in profile)
        test.expect("its size", len(profile) > 500, len(profile))
        others = []
        taker = threading.Thread(target=lambda: others.append(exporter.ask(f"{HEAP}?pid={off.pid}&seconds=3")))
        taker.start()
        test.wait_until("the profile is on", lambda: test.has_profile(off.pid))
        busy = exporter.ask(f"{HEAP}?pid={off.pid}")
        test.same("a second client", (503, "10"), (busy.status, busy.headers["Retry-After"]))
        test.same("metrics meanwhile", 1, exporter.page().up(off.pid))
        taker.join()
        test.same("the first client", 200, others[0].status)
        test.expect("its profile", b"inuse_space" in gzip.decompress(others[0].body))
    return None


def profile_of_stopped(test: Test) -> int | None:
    if not test.pprof:
        return skip("what reads heap profiles is not built")
    with test.running() as process, test.exporter() as exporter:
        test.stop(process.pid)
        says(test, exporter, f"{HEAP}?pid={process.pid}&seconds=1", 504, "no answer")
    return None


def slow(test: Test) -> None:
    """Clients that send nothing, or a byte now and then, do not keep others out for long."""
    with test.exporter() as exporter, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((exporter.host, exporter.port)))
                  for _ in range(40)]
        ended = threading.Event()

        def drip() -> None:
            while not ended.wait(1):
                for client in silent[:20]:
                    with contextlib.suppress(OSError):
                        client.sendall(b"G")
        dripper = threading.Thread(target=drip)
        dripper.start()
        start = time.monotonic()
        test.same("another client", 200, exporter.ask("/").status)
        test.expect("it waits", time.monotonic() - start < 60, time.monotonic() - start)
        ended.set()
        dripper.join()


def port(test: Test) -> None:
    with test.exporter() as exporter:
        programs = [test.exporter_path, "--asker", test.ctl]

        def fails(status: int, words: str, *arguments: str) -> None:
            run = subprocess.run([*programs, *arguments], capture_output=True, text=True, timeout=60,
                                 check=False)
            test.same(f"status of {arguments}", status, run.returncode)
            test.expect(f"words of {arguments}", words in run.stderr, run.stderr)
            test.same(f"output of {arguments}", "", run.stdout)
        fails(1, f"cannot listen at 127.0.0.1:{exporter.port}: Address already in use; --port takes another",
              "--port", str(exporter.port))
        fails(1, "cannot listen at 192.0.2.1:0: Cannot assign requested address", "--port", "0",
              "--address", "192.0.2.1")
        for number in ("65536", "-1", "x", ""):
            fails(2, "--port takes 0 to 65535", "--port", number)
        fails(2, "--address takes a number", "--address", "localhost")
        fails(2, "unknown option", "--prot", "1")
        fails(2, "without its value", "--port")
        fails(2, "unknown option", "7000")
    with test.exporter("--address=127.0.0.2") as exporter:
        test.same("at another address", ("127.0.0.2", 200), (exporter.host, exporter.ask("/").status))


def ends(test: Test) -> None:
    """At once, although a process does not answer and a profile is being taken, which ends, too."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with test.running() as hung, test.running("cat") as profiled, test.exporter() as exporter:
            asked = [f"{HEAP}?pid={profiled.pid}&seconds=60"] if test.pprof else []
            test.stop(hung.pid)

            def ask(path: str) -> None:
                with contextlib.suppress(OSError):
                    exporter.ask(path)
            threads = [threading.Thread(target=ask, args=(path,)) for path in asked + ["/metrics"]]
            for thread in threads:
                thread.start()
            if test.pprof:
                test.wait_until("the profile is on", lambda: test.has_profile(profiled.pid))
            exporter.process.send_signal(number)
            start = time.monotonic()
            test.same(f"status after {number}", 0, exporter.process.wait(60))
            test.expect("it ends at once", time.monotonic() - start < 20, time.monotonic() - start)
            for thread in threads:
                thread.join()
            with socket.socket() as client:
                test.expect("nobody listens", client.connect_ex((exporter.host, exporter.port)) != 0)
            test.same("children of it", "", subprocess.run(
                ["pgrep", "-f", test.ctl], capture_output=True, text=True, check=False).stdout)


if __name__ == "__main__":
    sys.exit(main({case.__name__: case for case in (paths, wrong, profiles, profile_of_stopped, slow, port,
                                                    ends)}))
