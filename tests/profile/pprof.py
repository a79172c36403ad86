# SPDX-License-Identifier: MIT
"""Usage: pprof.py READER KNOWN

pprof itself (go tool pprof) reads what is made for it and shows the known numbers.
"""
import re
import shutil
import subprocess
import sys

from common import (KNOWN, LIVE_BYTES, PEAK_BYTES, SKIPPED, TOTAL_BLOCKS, Test, known_lines,
                    known_total)


class Pprof(Test):
    def pprof(self, *arguments: str) -> str:
        environment = {**self.environment, "HOME": self.scratch, "PPROF_TMPDIR": self.scratch}
        run = subprocess.run(["go", "tool", "pprof", *arguments], capture_output=True, text=True,
                             check=False, timeout=120, env=environment, cwd=self.scratch)
        self.same(f"status of pprof {arguments}", 0, run.returncode)
        self.same(f"what pprof {arguments} says", "", run.stderr)
        return run.stdout

    def flat(self, number: int, *arguments: str) -> None:
        """-top has each function's own amount."""
        text = self.pprof("-top", "-unit=B", "-nodefraction=0", *arguments)
        found = {row[2].replace(" (inline)", ""): int(row[1]) for row in
                 re.finditer(r"^ *(\d+)(?:B)? +[\d.]+% +[\d.]+% +\S+ +[\d.]+%  (.*)$", text, re.M)}
        for stack, numbers in KNOWN.items():
            self.same(f"flat {stack[-1]} {arguments}", numbers[number], found.get(stack[-1], 0))
        self.expect("total", re.search(rf"of {known_total(number)}B? total", text) is not None, text)


def main() -> int:
    reader, known = sys.argv[1:]
    if shutil.which("go") is None or subprocess.run(["go", "tool", "pprof", "-h"],
                                                    capture_output=True, check=False).returncode > 2:
        print("skipped: no go tool pprof here")
        return SKIPPED
    with Pprof(reader) as test:
        profile = test.profile_of(known)
        test.read(profile, "-o", test.path("known.pb.gz"))
        test.read("--peak", profile, "-o", test.path("peak.pb.gz"))
        test.flat(LIVE_BYTES, "known.pb.gz")
        test.flat(TOTAL_BLOCKS, "-sample_index=alloc_objects", "known.pb.gz")
        test.flat(PEAK_BYTES, "peak.pb.gz")
        raw = test.pprof("-raw", "known.pb.gz")
        test.expect("types", "inuse_objects/count inuse_space/bytes[dflt] alloc_objects/count "
                    "alloc_space/bytes" in raw, raw)
        for name in ("make_table", "inlined_inner", "insert", "library_step"):
            test.expect(f"line of {name}", known_lines()[name] in raw, raw)
        listed = test.pprof("-list", "known_make_table", "known.pb.gz")
        test.expect("source lines", "LINE make_table" in listed, listed)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
