# SPDX-License-Identifier: MIT
"""Usage: damage.py RECORDER LIBRARY REPLAYER KNOWN

Damaged and cut files, given to the replayer as a user would: it ends with a message that names the
offset, or replays what it can read; it neither crashes nor hangs.
"""
import os
import random
import re
import resource
import shutil
import subprocess
import sys

from common import Test

RUNS = 120
SECONDS = 20
MEMORY = 4 << 30


def limit() -> None:
    """A damaged size must not take the machine's memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class Damage(Test):
    def __init__(self, recorder: str, library: str, replayer: str, known: str) -> None:
        super().__init__(recorder, library, replayer)
        self.known = os.path.abspath(known)

    def replay_bytes(self, what: str, content: bytes, *, must_fail: bool) -> str:
        path = self.path("damaged")
        with open(path, "wb") as file:
            file.write(content)
        try:
            run = subprocess.run([self.replayer, "--preload", self.library, "--touch", "none",
                                  path], capture_output=True, text=True, check=False,
                                 timeout=SECONDS, preexec_fn=limit)
        except subprocess.TimeoutExpired:
            self.expect(f"{what}: ends", False)
            return ""
        allowed = [1] if must_fail else [0, 1]
        self.expect(f"{what}: status", run.returncode in allowed, f"{run.returncode} {run.stderr}")
        if run.returncode == 1:
            told = re.search(r"at offset \d+: |the allocator has no block", run.stderr)
            self.expect(f"{what}: names the offset", bool(told), run.stderr)
        return run.stderr

    def cut(self, content: bytes, used: int) -> None:
        rng = random.Random(1)
        for length in [1, 8, 12, 4095, 4096, 4159, 4160, *(rng.randrange(used) for _ in range(25))]:
            said = self.replay_bytes(f"cut to {length}", content[:length], must_fail=True)
            offset = re.search(r"at offset (\d+)", said)
            self.expect(f"cut to {length}: where", offset is not None and
                        int(offset[1]) in (0, length), said)
        self.replay_bytes("cut behind the last record", content[:used], must_fail=False)

    def change(self, content: bytes, used: int) -> None:
        rng = random.Random(2)
        for turn in range(RUNS):
            changed = bytearray(content)
            changed[4096 + 16:4096 + 20] = bytes(4)  # without a checksum
            for _ in range(rng.randrange(1, 5)):
                changed[rng.randrange(4096, used)] = rng.randrange(256)
            self.replay_bytes(f"change {turn}", bytes(changed), must_fail=False)
        changed = bytearray(content)
        changed[used - 1] ^= 1
        said = self.replay_bytes("change under the checksum", bytes(changed), must_fail=True)
        self.expect("the checksum is named", "checksum" in said, said)

    def packed(self, path: str) -> None:
        if shutil.which("zstd") is None:
            return
        subprocess.run(["zstd", "-q", path], check=True)
        run = self.run_replayer("--info", f"{path}.zst")
        if "without libzstd" in run.stderr:
            return
        self.expect("packed: sound", run.returncode == 0 and "kinds" in run.stdout, run)
        with open(f"{path}.zst", "rb") as file:
            content = file.read()
        for length in (5, 20, len(content) // 2, len(content) - 1):
            self.replay_bytes(f"packed, cut to {length}", content[:length], must_fail=True)
        rng = random.Random(3)
        for turn in range(20):
            changed = bytearray(content)
            changed[rng.randrange(4, len(content))] ^= 1 << rng.randrange(8)
            self.replay_bytes(f"packed, change {turn}", bytes(changed), must_fail=False)
        endless = subprocess.run(["zstd", "-q"], input=self.endless(), capture_output=True,
                                 check=True).stdout
        said = self.replay_bytes("packed, endless", endless, must_fail=True)
        self.expect("more than promised is not unpacked", "more data than" in said, said)

    def endless(self) -> bytes:
        with open(self.path("trace"), "rb") as file:
            return file.read() + bytes(64 << 20)

    def no_trace(self) -> None:
        for name, content in (("empty", b""), ("other", b"#!/bin/sh\n" * 1000)):
            said = self.replay_bytes(name, content, must_fail=True)
            self.expect(f"{name}: told", "this is no trace" in said, said)
        for name, content in (("empty", b""), ("only begun", bytes(4096))):
            said = self.replay_bytes(name, content, must_fail=True)
            self.expect(f"{name}: told", "ended before anything was recorded" in said, said)
        for path, reason in ((self.path("absent"), "No such file"), (self.scratch, "directory")):
            run = self.run_replayer(path)
            self.expect(f"{path}: told", run.returncode == 1 and reason in run.stderr, run)

    def usage(self) -> None:
        for arguments in ([], ["a", "b"], ["--order", "odd", "a"], ["--touch", "x", "a"],
                          ["--samples", "-1", "a"], ["--quiet", "x", "a"], ["--unknown", "a"]):
            run = self.run_replayer(*arguments)
            self.expect(f"usage {arguments}", run.returncode == 2 and "usage:" in run.stderr, run)

    def run(self) -> None:
        self.record("trace", [self.known, "kinds"])
        with open(self.path("trace"), "rb") as file:
            content = file.read()
        used = 4096 + 64 + int.from_bytes(content[4096 + 12:4096 + 16], "little")
        self.cut(content, used)
        self.change(content, used)
        self.no_trace()
        self.usage()
        self.packed(self.path("trace"))


def main() -> int:
    with Damage(*sys.argv[1:]) as test:
        test.run()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
