# SPDX-License-Identifier: MIT
"""Usage: stored.py RECORDER LIBRARY REPLAYER FOLDER

The traces in FOLDER are sound and replay on every allocator that is there: nothing is unknown, the
figures of the trace do not depend on the allocator, and resident memory covers what is live.
"""
from __future__ import annotations

import glob
import os
import sys

from common import Test

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
# pylint: disable=wrong-import-position
from compare.allocators import find_peers  # noqa: E402

EVENTS_MIN = 50000
SKIPPED = 77


def check(test: Test, path: str) -> None:
    of_trace = set()
    libraries = [test.library, *(peer.library for peer in find_peers()[0])]
    for library in libraries:
        figures = test.replay(path, "--samples", "200", library=library)
        if not figures:
            continue
        of_trace.add((figures["events"], figures["peak_live_bytes"], figures["end_live_bytes"]))
        test.expect(f"{path}: events", int(figures["events"]) > EVENTS_MIN, figures)
        test.expect(f"{path}: all frees known", figures["unknown_frees"] == "0" and
                    figures["lost_frees"] == "0", figures)
        test.expect(f"{path}: resident covers live", int(figures["peak_resident_bytes"]) >
                    0.8 * int(figures["peak_live_bytes"]), figures)
        test.expect(f"{path}: served by {library}",
                    os.path.samefile(figures["malloc_from"], library), figures)
    test.expect(f"{path}: the same trace each time", len(of_trace) == 1, of_trace)


def main() -> int:
    recorder, library, replayer, folder = sys.argv[1:]
    with Test(recorder, library, replayer) as test:
        paths = sorted(glob.glob(os.path.join(folder, "*.trace.zst")))
        test.expect("five traces", len(paths) == 5, paths)
        if "without libzstd" in test.run_replayer("--info", paths[0]).stderr:
            print("skipped: built without libzstd")
            return SKIPPED
        for path in paths:
            check(test, path)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
