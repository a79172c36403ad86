# SPDX-License-Identifier: MIT
"""The memory of one long-running program over its life, on each allocator: a Redis server that is a
cache with a limit, whose values grow as programs that write them change, and which is emptied at last.
"""
from __future__ import annotations

import contextlib
import csv
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from compare import table
from compare.allocators import Allocator, UsageError
from compare.colours import COLOURS
from compare.gnuplot import run_gnuplot
from compare.runner import Runner

from . import machine
from .comparison import Options, progress

MIB = 1024 * 1024
SEED = 1
CACHE_MIB = 64
KEYS = 1000000

# Mean bytes of a value in the first and in the last step.
FIRST_BYTES, LAST_BYTES = 64, 4096

# Steps, and MiB that are written in each: of a full run, of a quick one.
FULL, QUICK = (40, 24), (16, 12)

# What a key and its entry take besides the value, about.
ENTRY_BYTES = 60

# Commands that are sent before their answers are read.
BATCH = 500

# How long the empty server is watched.
QUIET_SECONDS = 3
QUIET_SAMPLES = 6

START_SECONDS = 30
PORTS_TRIED = 20

SERVER = ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
          "--activerehashing", "no", "--maxmemory", f"{CACHE_MIB}mb",
          "--maxmemory-policy", "allkeys-lru"]

TITLE = "Memory of a Redis server with a limit of 64 MiB, whose values grow from 64 bytes to 4 KiB"
HEADER = ["", "peak MiB", "full MiB", "emptied MiB"]

PARTS = {"redis": "a Redis server as a cache whose values grow"}


@dataclass(frozen=True)
class Point:
    written_mib: float
    resident_mib: float
    used_mib: float  # as the server counts


@dataclass
class Life:
    """What was measured on one allocator."""

    name: str
    points: list[Point] = field(default_factory=list)
    failure: str = ""

    def figures(self, steps: int) -> list[float]:
        """The columns of HEADER."""
        resident = [point.resident_mib for point in self.points]
        return [max(resident), resident[steps - 1], resident[-1]]


class Connection:
    """As much of Redis's protocol as is needed."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.answers = self.socket.makefile("rb")

    def close(self) -> None:
        self.answers.close()
        self.socket.close()

    def send(self, commands: list[tuple[bytes, ...]]) -> None:
        self.socket.sendall(b"".join(
            b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word)
                                               for word in words) for words in commands))

    def answer(self) -> bytes:
        line = self.answers.readline()
        if not line or line[:1] == b"-":
            raise OSError(f"redis-server answers {line.decode(errors='replace').strip()!r}")
        return self.answers.read(int(line[1:]) + 2) if line[:1] == b"$" else line

    def ask(self, *words: bytes) -> bytes:
        self.send([words])
        return self.answer()

    def do_all(self, commands: list[tuple[bytes, ...]]) -> None:
        for i in range(0, len(commands), BATCH):
            batch = commands[i:i + BATCH]
            self.send(batch)
            for _ in batch:
                self.answer()

    def number(self, section: bytes, key: str) -> int:
        """Of what INFO tells."""
        lines = self.ask(b"INFO", section).decode().splitlines()
        return int(next(line for line in lines if line.startswith(f"{key}:")).split(":")[1])


def connect(port: int, process: subprocess.Popen[bytes]) -> Connection | None:
    """None when another server has the port."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            connection = Connection(port)
            if connection.number(b"server", "process_id") == process.pid:
                return connection
            connection.close()
        time.sleep(0.02)
    return None


@contextlib.contextmanager
def server(runner: Runner, allocator: Allocator) -> Iterator[tuple[Connection, int]]:
    """A running one, and its process."""
    environment = {**runner.environment, "LD_PRELOAD": allocator.library}
    for _ in range(PORTS_TRIED):
        port = random.randint(10000, 30000)
        with subprocess.Popen([*SERVER, "--port", str(port)], env=environment,
                              cwd=runner.folder("redis"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL) as process:
            try:
                connection = connect(port, process)
                if connection is not None:
                    with contextlib.closing(connection):
                        yield connection, process.pid
                    return
            finally:
                process.kill()
    raise OSError("redis-server does not start")


def resident_mib(process: int) -> float:
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def values(step: int, steps: int, mib: int, chance: random.Random) -> list[tuple[bytes, ...]]:
    """What is written in one step."""
    mean = FIRST_BYTES * (LAST_BYTES / FIRST_BYTES) ** (step / (steps - 1))
    commands: list[tuple[bytes, ...]] = []
    written = 0
    while written < mib * MIB:
        size = chance.randint(int(mean / 2), int(mean * 3 / 2))
        written += size + ENTRY_BYTES
        commands.append((b"SET", b"%d" % chance.randrange(KEYS), b"x" * size))
    return commands


class Timeline:
    def __init__(self, options: Options, allocators: list[Allocator], runner: Runner) -> None:
        self.options = options
        self.allocators = allocators
        self.runner = runner
        self.steps, self.step_mib = QUICK if options.quick else FULL
        self.lives: list[Life] = []

    # ---- Runs ----

    def live(self, life: Life, connection: Connection, process: int) -> None:
        def note() -> None:
            life.points.append(Point(written, resident_mib(process),
                                     connection.number(b"memory", "used_memory") / MIB))

        chance = random.Random(SEED)
        written = 0.0
        for step in range(self.steps):
            progress(f"{life.name}: {step + 1} of {self.steps}")
            connection.do_all(values(step, self.steps, self.step_mib, chance))
            written += self.step_mib
            note()
        connection.ask(b"FLUSHALL")
        for _ in range(QUIET_SAMPLES):
            time.sleep(QUIET_SECONDS / QUIET_SAMPLES)
            # Nothing is written any more: as far to the right as half a step each, for the eye.
            written += self.step_mib / 2
            note()

    def measure(self, allocator: Allocator) -> Life:
        life = Life(allocator.name)
        try:
            with server(self.runner, allocator) as (connection, process):
                self.live(life, connection, process)
        except OSError as error:
            life.failure = str(error)
        progress("")
        return life

    def run_all(self) -> bool:
        """Whether every run succeeded. Who interrupts it gets the allocators that are done."""
        widths = [max(len(allocator.name) for allocator in self.allocators),
                  *(len(cell) for cell in HEADER[1:])]
        self.options.log("\n" + table.text_row(HEADER, widths))
        try:
            for allocator in self.allocators:
                self.lives.append(self.measure(allocator))
                self.options.log(table.text_row(self.row(self.lives[-1]), widths))
        except KeyboardInterrupt:
            if self.lives:
                self.options.log(f"\ninterrupted: rows that are done: {len(self.lives)}")
                self.finish()
            raise
        self.finish()
        return not any(life.failure for life in self.lives)

    # ---- Results ----

    def row(self, life: Life) -> list[str]:
        if life.failure:
            return [life.name, *["failed"] * (len(HEADER) - 1)]
        return [life.name, *(table.figure(figure) for figure in life.figures(self.steps))]

    def finish(self) -> None:
        for life in self.lives:
            if life.failure:
                self.options.log(f"failed: {life.name}: {life.failure}")
        files = ["timeline.csv", "timeline.md"]
        self.write_csv(os.path.join(self.options.output, files[0]))
        self.write_markdown(os.path.join(self.options.output, files[1]))
        problem = self.draw()
        if problem:
            self.options.log(f"no chart: {problem}")
        else:
            files += ["timeline.svg", "timeline.png"]
        self.options.log(f"\nwritten to {self.options.output}: {', '.join(files)}")

    def write_csv(self, path: str) -> None:
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["allocator", "written_mib", "resident_mib", "used_mib", "failure"])
            for life in self.lives:
                writer.writerows([life.name, point.written_mib, f"{point.resident_mib:.3f}",
                                  f"{point.used_mib:.3f}", ""] for point in life.points)
                if life.failure:
                    writer.writerow([life.name, "", "", "", life.failure])

    def write_markdown(self, path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(machine.description(self.allocators, self.options.source,
                                           self.options.command))
            file.write(f"\n{TITLE}, and emptied at last:\n\n")
            file.write(table.markdown_table(HEADER, [self.row(life) for life in self.lives]))

    def draw(self) -> str:
        """Gives the reason if it cannot."""
        drawn = [life for life in self.lives if not life.failure]
        if not drawn:
            return "no run succeeded"
        folder = self.runner.folder("timeline")
        data = []
        for number, life in enumerate(drawn):
            data.append(os.path.join(folder, f"data{number}"))
            with open(data[-1], "w", encoding="ascii") as file:
                file.writelines(f"{point.written_mib} {point.resident_mib} {point.used_mib}\n"
                                for point in life.points)
        stem = os.path.join(self.options.output, "timeline")
        emptied = self.steps * self.step_mib
        reasons = [run_gnuplot(script(drawn, data, emptied, terminal, f"{stem}.{ending}"))
                   for ending, terminal in (("svg", "svg"), ("png", "pngcairo"))]
        return next((reason for reason in reasons if reason), "")


def script(lives: list[Life], data: list[str], emptied: int, terminal: str, output: str) -> str:
    plots = [f'"{data[0]}" using 1:3 with filledcurves y1=0 linecolor rgb "#e0e0e0" '
             'title "what Redis holds"']
    plots += [f'"{file}" using 1:2 with lines linewidth 2.5 '
              f'linecolor rgb "{COLOURS[i % len(COLOURS)]}" title "{life.name}"'
              for i, (life, file) in enumerate(zip(lives, data))]
    return f"""
set terminal {terminal} noenhanced size 1000,420 font "sans,12" background rgb "white"
set output "{output}"
set title "{TITLE}"
set xlabel "MiB written to the cache"
set ylabel "resident MiB"
set grid ytics linecolor rgb "#dddddd" linetype 1
set border 3
set xtics nomirror
set ytics nomirror
set yrange [0:*]
set xrange [0:*]
set key outside right top
set arrow from {emptied}, graph 0 to {emptied}, graph 1 nohead dashtype 2 linecolor rgb "#888888"
set label "emptied " at {emptied}, graph 0.97 right textcolor rgb "#555555"
plot {", ".join(plots)}
"""


def run(options: Options, allocators: list[Allocator], runner: Runner, _parts: list[str]) -> bool:
    if shutil.which("redis-server") is None:
        raise UsageError("--timeline needs redis-server")
    return Timeline(options, allocators, runner).run_all()
