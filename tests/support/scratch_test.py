# SPDX-License-Identifier: MIT
"""What the tests of commands that are written in Python share."""
from __future__ import annotations

import os
import tempfile


class ScratchTest:
    """Counts what fails; use it in a with statement, which brings a scratch folder."""

    def __init__(self, name: str) -> None:
        self.scratch_folder = tempfile.TemporaryDirectory(prefix=f"brkmalloc-{name}.")
        self.scratch = self.scratch_folder.name
        self.failed = 0

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.scratch_folder.cleanup()

    def expect(self, what: str, truth: bool, found: object = "") -> None:
        if not truth:
            self.failed += 1
            print(f"FAILED: {what}: {found}")

    def same(self, what: str, expected: object, found: object) -> None:
        self.expect(what, expected == found, f"expected {expected}, found {found}")

    def path(self, name: str) -> str:
        return os.path.join(self.scratch, name)

    def write(self, name: str, content: str | bytes) -> str:
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def finish(self) -> int:
        print(f"{self.failed} checks failed")
        return 1 if self.failed else 0
