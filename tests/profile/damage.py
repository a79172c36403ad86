# SPDX-License-Identifier: MIT
"""Usage: damage.py READER KNOWN [SECONDS]

Damaged and cut profiles: each ends with a message that names the line, or is read as far as it goes. The
reader neither crashes nor hangs. With SECONDS: random damage for so long, from a fresh seed.
"""
import random
import re
import subprocess
import sys
import time

from common import Test

RUNS = 300

FIRST = "brkmalloc heap profile 2\n"
OBJECT = "1 1000-2000 0 08:01 7 8 9.000000000 0.000 1.000 - /program\n"

# What is wrong, in which line, and what the message says.
FAULTS = [
    ("", 1, "is empty"),
    ("brkmalloc", 1, "no heap profile"),
    ("\x00\x01\x02", 1, "no heap profile"),
    ("x" * 5000, 1, "no heap profile"),
    ("\x1f\u008b", 1, "no heap profile"),
    ("brkmalloc heap profile 2", 1, "cut short"),
    ("brkmalloc heap profile 1\nend\n", 1, "version '1'"),
    (FIRST + "pid x\n", 2, "whole number"),
    (FIRST + "pid 99999999999999999999\n", 2, "whole number"),
    (FIRST + "pid 1\ninterval -1\n", 3, "whole number"),
    (FIRST + "started 1.5\n", 2, "whole number"),
    (FIRST + "seconds 1.\n", 2, "12.345"),
    (FIRST + "seconds x\n", 2, "12.345"),
    (FIRST + "seconds 99999999999999\n", 2, "12.345"),
    (FIRST + "colour " + "x" * 4096 + "\n", 2, "longer than 4096"),
    (FIRST + "reason \x00\n", 2, "NUL"),
    (FIRST + "end\n", 2, "should be 'sample' or 'objects'"),
    (FIRST + "sample\n", 2, "LIVE_BLOCKS is missing"),
    (FIRST + "sample 1 2 3 4 5\n", 2, "PEAK_BYTES is missing"),
    (FIRST + "sample 1 2 3 4 5 0x6\n", 2, "PEAK_BYTES is '0x6'"),
    (FIRST + "sample 1 -2 3 4 5 6 0x1\n", 2, "LIVE_BYTES is '-2'"),
    (FIRST + "sample 1 2 3 9223372036854775808 5 6 0x1\n", 2, "TOTAL_BYTES is '9223"),
    (FIRST + "sample 1 2 3 4 5 6 7\n", 2, "address 1 is '7'"),
    (FIRST + "sample 1 2 3 4 5 6 0x1 0x\n", 2, "address 2 is '0x'"),
    (FIRST + "sample 1 2 3 4 5 6 0x5 0x0\n", 2, "address 2 is '0x0'"),
    (FIRST + "sample 1 2 3 4 5 6 0x10000000000000000\n", 2, "address 1 is"),
    (FIRST + "sample 1 2 3 4 5 6 0x1 \n", 2, "address 2 is ''"),
    (FIRST + "sample 1 2 3 4 5 6 0x1\nsimple\n", 3, "'simple': here should be"),
    (FIRST + "sample 1 2 3 4 5 6 0x1@0\n", 2, "address 1 is '0x1@0'"),
    (FIRST + "sample 1 2 3 4 5 6 0x1@x\n", 2, "address 1 is '0x1@x'"),
    (FIRST + "sample 1 2 3 4 5 6 0x1@4294967295\n", 2, "address 1 is '0x1@4294967295'"),
    (FIRST + "objects\n" + OBJECT + "sample 1 2 3 4 5 6 0x1\n", 4, "neither 'end' nor"),
    (FIRST + "objects\n1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 -/a\n", 3, "neither 'end' nor"),
    (FIRST + "objects\n1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 abc /a\n", 3, "neither 'end' nor"),
    (FIRST + "objects\n1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 AB /a\n", 3, "neither 'end' nor"),
    (FIRST + "objects\n1 1000-2000 0 0:0 0 0 0 0.0 0.0 - /a\n", 3, "neither 'end' nor"),
    (FIRST + "objects\n1 1000-2000\n", 3, "neither 'end' nor"),
    (FIRST + "objects\n" + OBJECT.replace("1000-2000", "2000-1000"), 3, "before it begins"),
    (FIRST + "objects\n" + OBJECT + OBJECT, 4, "nor object 2"),
    (FIRST + "objects\nend\nend\n", 4, "behind 'end'"),
    (FIRST + "objects\nend\nx", 4, "behind 'end'"),
]

# Strange, but no fault: what is folded from it.
ODD = [
    (FIRST + "objects\nend\n", ""),
    (FIRST + "objects\nend", ""),
    (FIRST + "sample 1 2 3 4 5 6\nobjects\nend\n", "[no stack] 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x0\nobjects\nend\n", "[no stack] 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x1\nobjects\nend\n", "[no stack] 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0xffffffffffffffff\nobjects\nend\n", "0xfffffffffffffffe 2\n"),
    (FIRST + "sample 1 9223372036854775807 3 4 5 6 0x8\n"
     "sample 1 9223372036854775807 3 4 5 6 0x8\nsample 1 9 3 4 5 6 0x8\nobjects\nend\n",
     "0x7 18446744073709551615\n"),
    (FIRST + "pid\ncolour blue\nsample 1 2 3 4 5 6 0x9 0x5\nobjects\n"
     "1 1-7 0 0:0 0 0 0.0 0.0 0.0 - [vdso]\nend\n", "0x4;0x8 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x9 0x5@1\nobjects\n"
     "1 1-7 0 0:0 0 0 0.0 0.0 0.0 - [vdso]\nend\n", "[vdso]+0x3;0x8 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x9@2 0x5@9\nobjects\n"
     "1 1-7 0 0:0 0 0 0.0 0.0 0.0 - [vdso]\n2 1-7 0 0:0 0 0 0.0 0.0 0.0 - [vdso]\nend\n",
     "0x4;0x8 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x1801@1\nobjects\n"
     "1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 ab /dev/zero\nend\n", "zero+0x800 2\n"),
    (FIRST + "sample 1 2 3 4 5 6 0x1801@1\nobjects\n"
     "1 1000-2000 400000 0:0 0 0 0.0 0.0 0.0 - /a;\x1bb\u00e9\nend\n",
     "a:?b\u00e9+0x400800 2\n"),
    # Two libraries that lay at one place after each other.
    (FIRST + "sample 1 2 3 4 5 6 0x1801@1\nsample 1 3 3 4 5 6 0x1801@2\nobjects\n"
     "1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 - /first\n2 1000-3000 0 0:0 0 0 0.0 0.0 0.0 - /second\n"
     "end\n", "first+0x800 2\nsecond+0x800 3\n"),
]

VIEWS = [["--folded"], ["--text"], ["--leaks"], ["--svg", "-o", "-"], ["-o", "-"],
         ["--text", "--peak", "--value", "alloc_objects", "--keep-allocator"]]


class Damage(Test):
    def told_faults(self) -> None:
        for content, line, message in FAULTS:
            path = self.write("fault.heap", content)
            run = self.run("--text", path)
            what = repr(content[-60:])
            self.same(f"status of {what}", 1, run.returncode)
            self.same(f"standard output of {what}", "", run.stdout)
            self.expect(f"message for {what}", f"{path}: line {line}: " in run.stderr and
                        message in run.stderr and run.stderr.count("\n") == 1, run.stderr)

    def told_odds(self) -> None:
        for content, expected in ODD:
            run = self.run("--folded", self.write("odd.heap", content))
            self.same(f"status of {content[-60:]!r}", 0, run.returncode)
            self.same(f"folded {content[-60:]!r}", expected, run.stdout)
            self.views_of("odd.heap")

    def views_of(self, name: str) -> None:
        """Every view of it succeeds."""
        for words in [*VIEWS, ["--diff", self.path(name)]]:
            self.run_bytes(words, name, allowed=[0])

    def run_bytes(self, words: list[str], name: str, allowed: list[int]) -> str:
        run = self.run_raw(*words, self.path(name))
        said = run.stderr.decode(errors="replace")
        self.expect(f"status of {words} {name}", run.returncode in allowed,
                    f"{run.returncode} {said}")
        if run.returncode == 1:
            self.expect("a line is named", re.search(r": line \d+: ", said) is not None, said)
        return said

    def run_raw(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([self.reader, *arguments], capture_output=True, check=False,
                              timeout=60, env=self.environment, cwd=self.scratch)

    def cut(self, content: bytes) -> None:
        """Cut anywhere: behind the first line there is a warning, and what is there is shown."""
        first_sample = content.index(b"\nsample ") + 1
        samples_end = content.index(b"\nobjects\n") + 1
        rng = random.Random(1)
        for length in [30, first_sample, samples_end, len(content) - 1, len(content) - 5,
                       *(rng.randrange(30, len(content)) for _ in range(30))]:
            self.write("cut.heap", content[:length])
            said = self.run_bytes(["--folded", "--value", "alloc_objects"], "cut.heap", [0])
            lines = content[:length].count(b"\n")
            is_whole = content[:length].endswith(b"\nend")
            self.expect(f"cut to {length}", is_whole or f"cut short behind line {lines};" in said,
                        said)
            whole_samples = content[:length].count(b"\nsample ")
            if length <= samples_end and not content[:length].endswith(b"\n"):
                whole_samples -= content[:length].rsplit(b"\n", 1)[-1].startswith(b"sample ")
            self.expect(f"samples of what was cut to {length}", is_whole or
                        f"has {whole_samples} samples" in said, said)

    def change(self, content: bytes, rng: random.Random) -> None:
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 1, 1, 2, 5, 40])):
            place = rng.randrange(len(damaged))
            kind = rng.randrange(6)
            if kind == 0:
                damaged[place] = rng.randrange(256)
            elif kind == 1:
                damaged[place] ^= 1 << rng.randrange(8)
            elif kind == 2:
                del damaged[place:place + rng.choice([1, 1, 4, 60, 300])]
            elif kind == 3:
                damaged[place:place] = damaged[place:place + rng.choice([1, 8, 80, 3000])]
            elif kind == 4:
                damaged[place:place] = rng.choice(
                    [b"9" * 19, b" ", b"\n", b"0x", b"end\n", b"objects\n", b"sample ",
                     b"\xff\xfe", b"\x00", b" 0x7f0000000000"])
            else:
                damaged[place] = rng.choice(b"0123456789abcdef- \n:")
            if not damaged:
                damaged = bytearray(b"x")
        self.write("damaged.heap", bytes(damaged))
        failed = self.failed
        self.run_bytes(rng.choice(VIEWS), "damaged.heap", [0, 1])
        if self.failed > failed:
            print(f"the file: {bytes(damaged)!r}")

    def changes(self, content: bytes, runs: int) -> None:
        rng = random.Random(2)
        for _ in range(runs):
            self.change(content, rng)

    def changes_for(self, content: bytes, seconds: float) -> None:
        seed = int(time.time())
        rng = random.Random(seed)
        end = time.monotonic() + seconds
        runs = 0
        while time.monotonic() < end:
            self.change(content, rng)
            runs += 1
        print(f"seed {seed}: {runs} runs")


def main() -> int:
    reader, known, *seconds = sys.argv[1:]
    with Damage(reader) as test:
        with open(test.profile_of(known), "rb") as file:
            content = file.read()
        # The debugging information of libc is large: its names are no matter here.
        content = re.sub(rb"/\S*/libc\.so\.6", b"/nowhere/libc.so.6", content)
        if seconds:
            test.changes_for(content, float(seconds[0]))
            return test.finish()
        test.told_faults()
        test.told_odds()
        test.cut(content)
        test.changes(content, RUNS)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
