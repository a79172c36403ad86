# SPDX-License-Identifier: MIT
"""Usage: maps.py MAP

The heap map outside of pages: what lies where in a snapshot and in a trace is seen in the letters of a plain
terminal, in the pixels of a PNG and in the elements of SVG; keys on a terminal zoom and end it; what is wrong
is told with the offset.
"""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree as xml
import zlib

import heaps
import trace_file
from common import EVIL_OBJECT, OBJECT_START, PATIENCE, Test
from pages import snapshot

ROWS = 75
ROW_PIXELS = 8
PAPER, HOLE, USED, PURGED = (255, 255, 255), (228, 232, 238), (30, 120, 200), (200, 206, 214)
MAPPED, PAGES = (20, 150, 120), (120, 90, 30)
SITE_COLOURS = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233),
                (153, 102, 51), (128, 128, 128)]
NOT_KNOWN = PURGED


class Maps(Test):
    def half_used(self) -> str:
        """Of 75 pages the first 25 in use, the next 50 given back."""
        runs = [("used", 25 * 4096, 25), ("purged", 50 * 4096, 0)]
        return self.write("half.json", json.dumps(snapshot(runs)).encode())

    def letters(self) -> None:
        run = self.run("--title", "a heap", self.half_used())
        lines = run.stdout.splitlines()
        self.same("heading", "a heap: 100.0 KiB used", lines[0])
        picture = "".join(lines[1:-1])
        self.same("letters", {"#", ".", " "}, set(picture) | {" "})
        self.expect("a third is full", 0.30 < picture.count("#") / len(picture.rstrip()) < 0.37,
                    picture)
        self.expect("in front", picture.strip("#").strip(". ") == "", picture)
        self.expect("the range", lines[-1].startswith("0x1000 to 0x"), lines[-1])

    def pixels(self, path: str) -> list[list[tuple[int, int, int]]]:
        with open(path, "rb") as file:
            content = file.read()
        self.same("the signature", b"\x89PNG\r\n\x1a\n", content[:8])
        at, data, width, height = 8, b"", 0, 0
        while at < len(content):
            length, kind = struct.unpack_from(">I4s", content, at)
            part = content[at + 8:at + 8 + length]
            self.same(f"checksum of {kind}", zlib.crc32(kind + part),
                      struct.unpack_from(">I", content, at + 8 + length)[0])
            if kind == b"IHDR":
                width, height = struct.unpack_from(">II", part)
            data += part if kind == b"IDAT" else b""
            at += 12 + length
        lines = zlib.decompress(data)
        step = 1 + 3 * width
        self.same("bytes of the lines", step * height, len(lines))
        return [[tuple(lines[y * step + 1 + 3 * x:y * step + 4 + 3 * x]) for x in range(width)]
                for y in range(height)]

    def png(self) -> None:
        self.same("status", 0, self.run("--width", "64", "-o", self.path("map.png"),
                                        self.half_used()).returncode)
        pixels = self.pixels(self.path("map.png"))
        self.same("size", (64, ROWS * ROW_PIXELS), (len(pixels[0]), len(pixels)))
        for row in (0, 24):
            self.same(f"row {row}", {USED}, set(pixels[row * ROW_PIXELS]))
        for row in (25, 74):
            self.same(f"row {row}", {PURGED}, set(pixels[row * ROW_PIXELS]))
        self.same("between rows", {PAPER}, set(pixels[ROW_PIXELS - 1]))

    def outside(self) -> None:
        """Areas beside the heap have rows of their own: of 75 pages 25 used, an unused one, 24 mapped, one unused, and
        24 of a section's."""
        content = {"regions": snapshot([("used", 25 * 4096, 25)])["regions"], "areas": [
            heaps.block_area("mapped", 1 << 30, 24), heaps.section_area(1 << 40, [("pages", 4096, 1)] * 24)]}
        file = self.write("outside.json", json.dumps(content).encode())
        self.same("status", 0, self.run("--width", "64", "-o", self.path("map.png"), file).returncode)
        pixels = self.pixels(self.path("map.png"))
        seen = [pixels[row * ROW_PIXELS][5] for row in range(ROWS)]
        wanted = [USED] * 25 + [PAPER] + [MAPPED] * 24 + [PAPER] + [PAGES] * 24
        self.same("rows", wanted, seen)
        run = self.run(file)
        self.expect("in letters", run.stdout.startswith(f"{file}: 292.0 KiB used"), run.stdout[:100])
        self.run("-o", self.path("map.svg"), file)
        with open(self.path("map.svg"), encoding="utf-8") as svg:
            self.expect("in words", "by state: used, pages, mapped<" in svg.read())

    def svg(self) -> None:
        title = "<b> & others"
        self.same("status", 0, self.run("--title", title, "-o", self.path("map.svg"),
                                        self.half_used()).returncode)
        root = xml.parse(self.path("map.svg")).getroot()
        fills = [element.get("fill") for element in root if element.get("x") == "16"
                 and element.tag.endswith("rect")]
        self.same("rows", [f"#{'%02x%02x%02x' % USED}"] * 25 + [f"#{'%02x%02x%02x' % PURGED}"] * 50,
                  fills)
        texts = [element.text for element in root if element.tag.endswith("text")]
        self.same("words", [title, "by state: used, purged"], texts)

    def trace(self) -> None:
        """Two blocks with a hole between them, of which the first goes."""
        blocks = [trace_file.Event(10, 1, trace_file.MALLOC, 0x10000, 25 * 4096),
                  trace_file.Event(20, 1, trace_file.MALLOC, 0x10000 + 50 * 4096, 25 * 4096),
                  trace_file.Event(30, 1, trace_file.FREE, 0x10000)]
        trace_file.write(self.path("made"), blocks)
        for moment, wanted in [("2", "#.#"), ("3", "..#")]:
            self.run("--by", "thread", "--moment", moment, "--width", "64", "-o",
                     self.path("map.png"), self.path("made"))
            pixels = self.pixels(self.path("map.png"))
            seen = "".join("." if pixels[row * ROW_PIXELS][5] == HOLE else "#" for row in range(75))
            self.same(f"moment {moment}", "".join(letter * 25 for letter in wanted), seen)
        run = self.run("--moment", "4", "-o", self.path("map.png"), self.path("made"))
        self.expect("no such moment", run.returncode == 2 and "has moments 1 to 3" in run.stderr,
                    run.stderr)

    def by_site(self) -> None:
        """Nine call sites with 9 to 1 pages, one block without, and room: the largest seven have colours of their own,
        and the legend their names and bytes."""
        stacks = trace_file.Stacks([(OBJECT_START, OBJECT_START + 0x100000, 0x1000, b"\x12\x34", EVIL_OBJECT)])
        events, address = [], 0x100000
        for pages in range(9, -1, -1):
            stack = 10 - pages if pages > 0 else 0
            if stack:
                stacks.stacks.append([(1, OBJECT_START + 0x100 * stack + 1)])
            size = max(pages, 1) * 4096
            events.append(trace_file.Event(10 * len(events) + 10, 1, trace_file.MALLOC, address, size, stack=stack))
            address += size
        trace_file.write(self.path("sites"), events, stacks=stacks)
        wanted = [colour for rank, pages in enumerate(range(9, 0, -1))
                  for colour in [SITE_COLOURS[min(rank, 7)]] * pages] + [NOT_KNOWN]
        run = self.run("--by", "site", "--width", "64", "-o", self.path("map.png"), self.path("sites"))
        self.same("status", 0, run.returncode)
        pixels = self.pixels(self.path("map.png"))
        shown = [pixels[row * ROW_PIXELS][5] for row in range(ROWS)]
        self.same("colours in order", list(dict.fromkeys(wanted)), list(dict.fromkeys(shown))[:-1])
        rows = [(f"{pages * 4}.0 KiB", f"+0x{0x1000 + 0x100 * (10 - pages):x}") for pages in range(9, 2, -1)]
        self.legend("printed", run.stdout.splitlines()[1:], rows)
        self.run("--by=site", "-o", self.path("map.svg"), self.path("sites"))
        root = xml.parse(self.path("map.svg")).getroot()
        texts = [element.text for element in root if element.tag.endswith("text")]
        self.legend("in SVG", texts[2:], rows)
        fills = [element.get("fill") for element in root if element.get("width") == "12" and element.get("height") == "12"]
        self.same("colours in SVG", [f"#{'%02x%02x%02x' % colour}" for colour in [*SITE_COLOURS, NOT_KNOWN]], fills)
        run = self.run("--by", "site", self.path("sites"))
        self.legend("in letters", run.stdout.splitlines()[-10:-1], rows)
        self.by_site_on_terminal(rows)
        run = self.run("--by", "site", self.half_used())
        self.expect("no call sites", run.returncode == 1 and "no call sites are known" in run.stderr, run.stderr)

    def legend(self, what: str, lines: list[str], rows: list[tuple[str, str]]) -> None:
        self.same(f"{what}: rows", 9, len(lines))
        for line, (size, place) in zip(lines, rows):
            self.expect(f"{what}: {place}", size in line and line.endswith(place), line)
        for line, (size, name) in zip(lines[7:], [("12.0 KiB", "other call sites"), ("4.0 KiB", "not known")]):
            self.expect(f"{what}: {name}", size in line and line.endswith(name), line)

    def by_site_on_terminal(self, rows: list[tuple[str, str]]) -> None:
        """In 40 rows there is room for the legend; the key c comes to it, too."""
        terminal, child = self.on_terminal(40, self.path("sites"))
        shown = self.read_until(terminal, b"q end")
        for _ in range(3):
            os.write(terminal, b"c")
            shown = self.read_until(terminal, b"q end")
        self.expect("a row with its colour", re.search(rb"\x1b\[48;2;0;114;178m  \x1b\[0m +36.0 KiB  [^\r]*\+0x1100", shown),
                    shown[-1500:])
        self.same("rows in order", [place for _, place in rows], [
            found.decode() for found in re.findall(rb"\x1b\[0m +[\d.]+ KiB  [^\r]*(\+0x\w+)", shown)])
        self.same("lines", 39, shown.count(b"\r\n"))
        self.end(terminal, child)

    def on_terminal(self, height: int, *arguments: str) -> tuple[int, int]:
        child, terminal = pty.fork()
        if child == 0:
            os.environ["COLORTERM"] = "truecolor"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, 100, 0, 0))
            os.execv(self.program, [self.program, *arguments])
        return terminal, child

    def end(self, terminal: int, child: int) -> None:
        os.write(terminal, b"q")
        self.read_until(terminal, b"\x1b[?1049l")
        self.same("status", 0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    def asker(self) -> str:
        """What takes the place of brkmalloc-ctl: it answers with the snapshot "next", or says what is in "wrong"."""
        script = f"""#!/bin/sh
[ "$*" = "ctl 12 snapshot --blocks" ] || exit 9
[ ! -e "{self.path('wrong')}" ] || {{ cat "{self.path('wrong')}" >&2; exit 6; }}
cat "{self.path('next')}"
"""
        path = self.write("asker", script.encode())
        os.chmod(path, 0o755)
        return path

    def renewed(self) -> None:
        """The key r, and time, bring the next snapshot; what is seen stays; where there is none, the last one does."""
        for every in ([], ["--every", "1"]):
            self.write("next", json.dumps(snapshot([("used", 60 * 4096, 60), ("purged", 15 * 4096, 0)])).encode())
            terminal, child = self.on_terminal(24, "--asker", self.asker(), "--process", "12", *every, "--title", "it",
                                               self.half_used())
            shown = self.read_until(terminal, b"r renew  q end")
            self.expect("at first", b"it: 100.0 KiB used, " in shown, shown[:200])
            before = b""
            if not every:
                os.write(terminal, b"+")
                before = self.read_until(terminal, b"q end")
                os.write(terminal, b"r")
            shown = self.read_until(terminal, b"it: 240.0 KiB used, ") + self.read_until(terminal, b"q end")
            self.expect("the next", b"it: 240.0 KiB used, " in shown, shown[-300:])
            if not every:
                zoomed = re.findall(rb"0x[^\r]* a row", before + shown)
                self.expect("what is seen stays", len(zoomed) == 2 and zoomed[0] == zoomed[1], zoomed)
            self.write("wrong", b"brkmalloc ctl: process 12 has ended\nmore\n")
            os.write(terminal, b"r")
            shown = self.read_until(terminal, b"no newer one: ") + self.read_until(terminal, b"q end")
            self.expect("why there is none", b"brkmalloc ctl: process 12 has ended" in shown and b"more\r" not in shown,
                        shown[-300:])
            os.remove(self.path("wrong"))
            self.write("next", b'{"regions":7}')
            os.write(terminal, b"r")
            shown = self.read_until(terminal, b"at offset 11: ") + self.read_until(terminal, b"q end")
            self.expect("a damaged one", b"no newer one: at offset 11: " in shown, shown[-300:])
            self.end(terminal, child)

    def renewed_without_terminal(self) -> None:
        """Each is printed, until there is no other one."""
        self.write("next", json.dumps(snapshot([("used", 8192, 2)])).encode())
        with subprocess.Popen([self.program, "--asker", self.asker(), "--process", "12", "--every", "1", "--title", "it",
                               self.half_used()], stdout=subprocess.PIPE, text=True) as run:
            headings = []
            for line in run.stdout:
                if line.startswith("it: "):
                    headings.append(line)
                if len(headings) == 2:
                    self.write("wrong", b"gone")
        os.remove(self.path("wrong"))
        self.expect("headings", len(headings) >= 3 and "100.0 KiB" in headings[0] and "8.0 KiB" in headings[1] and
                    headings[-1].endswith("; no newer one: gone\n"), headings)

    def keys(self) -> None:
        """On a terminal: zooms in, moves, ends at q, and leaves the terminal as it was."""
        path = self.half_used()
        child, terminal = pty.fork()
        if child == 0:
            os.environ["COLORTERM"] = "truecolor"
            os.execv(self.program, [self.program, path])
        shown = self.read_until(terminal, b"q end")
        self.expect("colours", b"\x1b[38;2;30;120;200m" in shown, shown[-300:])
        ranges = []
        for keys in (b"+", b"j", b"0"):
            os.write(terminal, keys)
            shown = self.read_until(terminal, b"q end")
            ranges.append(re.findall(rb"0x[0-9a-f]+ to 0x[0-9a-f]+, [\d.]+ \w+ a row", shown)[-1])
        self.expect("zoomed, moved and back", len(set(ranges)) == 3, ranges)
        os.write(terminal, b"q")
        shown = self.read_until(terminal, b"\x1b[?1049l")
        self.expect("the page is left", b"\x1b[?1049l" in shown, shown[-100:])
        self.same("status", 0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    @staticmethod
    def read_until(terminal: int, mark: bytes) -> bytes:
        shown, end = b"", time.monotonic() + PATIENCE
        while mark not in shown and time.monotonic() < end:
            if select.select([terminal], [], [], 1)[0]:
                try:
                    shown += os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    break
        return shown

    def wrong(self) -> None:
        text = json.dumps(snapshot([("used", 64, 1)])).encode()
        for what, content, message in [
                ("empty", b"", "at offset 0: the file is empty"), ("cut", text[:50], "at offset 50"),
                ("foreign", b"text", "at offset 0: this is neither"),
                ("no blocks", json.dumps(snapshot([])).encode(), "there are no blocks to show")]:
            run = self.run(self.write("wrong", content))
            self.expect(what, run.returncode == 1 and message in run.stderr, run.stderr)
        for arguments, message in [([], "no FILE given"), (["--by", "taste", "x"], "--by takes"),
                                   (["-o", "x.gif", "x"], "ends in .png or .svg"),
                                   (["--width", "1", "x"], "from 64 to 8192"),
                                   (["--every", "0", "x"], "from 1 to 86400"),
                                   (["--every", "1", "x"], "--every is for the map of a process"),
                                   (["x", "y"], "one FILE at a time")]:
            run = self.run(*arguments)
            self.expect(f"{arguments}", run.returncode == 2 and message in run.stderr, run.stderr)
        huge = {"regions": [{"start": 16, "used": 2**64 - 17, "runs": [["used", 2**64 - 17, 1]]}]}
        run = self.run("-o", self.path("map.png"), self.write("huge", json.dumps(huge).encode()))
        self.same("all addresses there are", 0, run.returncode)


def main() -> int:
    with Maps(sys.argv[1]) as test:
        test.letters()
        test.png()
        test.outside()
        test.svg()
        test.trace()
        test.by_site()
        test.renewed()
        test.renewed_without_terminal()
        test.keys()
        test.wrong()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
