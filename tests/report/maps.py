# SPDX-License-Identifier: MIT
"""Usage: maps.py MAP

The heap map outside of pages: what lies where in a snapshot and in a trace is seen in the letters of a plain
terminal, in the pixels of a PNG and in the elements of SVG; keys on a terminal zoom and end it; what is wrong
is told with the offset.
"""
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
import zlib

import heaps
import trace_file
from common import PATIENCE, Test
from pages import snapshot

ROWS = 75
ROW_PIXELS = 8
PAPER, HOLE, USED, PURGED = (255, 255, 255), (228, 232, 238), (30, 120, 200), (200, 206, 214)
MAPPED, PAGES = (20, 150, 120), (120, 90, 30)


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
        test.keys()
        test.wrong()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
