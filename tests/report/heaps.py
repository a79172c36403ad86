# SPDX-License-Identifier: MIT
"""Snapshots and heap profiles that are made up, and what they come to, computed byte by byte of each page
and block by block, in another way than `brkmalloc compare` does."""
from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from fractions import Fraction

PAGE = 4096
KINDS = ["used", "cached", "free", "purged", "top", "reserved", "damaged"]
OUTSIDE = ["pages", "objects", "mapped", "guarded", "vmalloc"]
LIVE = ["used", *OUTSIDE]
PINNING = (*LIVE, "cached", "damaged")

Run = tuple[str, int, int]


def region(kind: str, start: int, runs: list[Run]) -> dict:
    sums = {name: sum(run[1] for run in runs if run[0] == name) for name in KINDS}
    return {"kind": kind, "start": start, **sums, "largest_free": 0, "runs": runs}


def snapshot(regions: list[dict], process: int = 12, page: int = PAGE,
             areas: list[dict] | None = None) -> dict:
    """One without areas is that of an earlier release."""
    more = {} if areas is None else {"areas_left_out": 0, "areas": areas}
    return {"version": "0.1.0", "process": process, "page": page, "runs_left_out": 0,
            "regions": regions, **more}


def block_area(kind: str, start: int, pages: int, **more) -> dict:
    """A block that has so many pages, its payload 16 bytes behind their start unless `more` says else."""
    return {"kind": kind, "start": start, "bytes": pages * PAGE, "resident": PAGE, "payload": start + 16,
            "usable": pages * PAGE - 24, "state": "used", **more}


def section_area(start: int, runs: list[Run]) -> dict:
    return {"kind": "section", "start": start, "bytes": sum(run[1] for run in runs), "resident": 3 * PAGE,
            "runs": runs}


def made_areas(rng: random.Random) -> list[dict]:
    areas = [block_area("mapped", 0x7e0000000000 + 0x1000000 * place, rng.randrange(1, 900))
             for place in rng.sample(range(20), 8)]
    for place in rng.sample(range(20), 6):
        size = rng.randrange(1, 4000)
        start = 0x7d0000000000 + 2 * PAGE * place
        areas.append(block_area("guarded", start, 1, payload=start + PAGE - size, usable=size, requested=size))
    areas.append(block_area("mapped", 0x7c0000000000, 5, state="retired", resident=0, usable=0, requested=17000))
    areas.append(block_area("vmalloc", 0x7b0000000000, rng.randrange(1, 30), payload=0x7b0000000000, usable=100))
    objects = [(rng.choice(["objects", "free", "cached"]), 64, 1) for _ in range(3 * PAGE // 64)]
    pages = [(rng.choice(["pages", "free", "purged"]), PAGE << rng.randrange(4), 1) for _ in range(30)]
    areas.append(section_area(0x7a0000000000, objects + pages))
    return areas


def made_runs(rng: random.Random, count: int) -> list[Run]:
    runs: list[Run] = []
    for _ in range(count):
        kind = rng.choice(["used"] * 4 + ["cached", "free", "free", "purged", "damaged"])
        blocks = 0 if kind in ("purged", "damaged") else rng.choice([1, 1, 2, 7])
        size = rng.choice([16, 24, 48, 100, 700, 5000, 40000]) * max(blocks, 1)
        runs.append((kind, 8 * rng.randrange(1, size // 8 + 1), blocks))
    return runs


def made_snapshot(seed: int, process: int = 12, count: int = 150) -> dict:
    rng = random.Random(seed)
    heap = made_runs(rng, count) + [("top", 5000, 0), ("reserved", 90000, 0)]
    return snapshot([region("break", 0x555500000008, heap),
                     region("map", 0x7f0000000010, made_runs(rng, count // 3)),
                     region("map", 0x7f0001000000, [])], process, areas=made_areas(rng))


def size_name(size: int, blocks: int) -> str:
    bits = 4
    while (blocks or 1) * 2 ** bits < size:
        bits += 1
    return "up to 16 B" if bits == 4 else f"{number(2 ** (bits - 1) + 1)} to {number(2 ** bits)}"


def number(size: int) -> str:
    """As texts have it; below 1 GiB."""
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} KiB" if size < 1 << 20 else \
        f"{size / 2 ** 20:.1f} MiB"


class Heap:
    """The tables of one snapshot, each a name with bytes and a count."""

    def __init__(self, content: dict) -> None:
        in_regions = [run for part in content["regions"] for run in place(part)]
        areas = content.get("areas", [])
        self.runs = in_regions + [run for area in areas for run in place_area(area)]
        self.resident = sum(size for _, kind, size, _ in in_regions if kind not in ("purged", "reserved")) + \
            sum(area["resident"] for area in areas)
        self.totals: Counter = Counter()
        self.counts: Counter = Counter()
        for _, kind, size, blocks in self.runs:
            self.totals[kind] += size
            self.counts[kind] += blocks
        self.break_bytes = sum(size for part in content["regions"] if part["kind"] == "break"
                               for _, size, _ in part["runs"])

    def sizes(self) -> dict[str, tuple[int, int]]:
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for _, kind, size, blocks in self.runs:
            if kind in LIVE:
                found[size_name(size, blocks)][0] += size
                found[size_name(size, blocks)][1] += blocks
        return {name: (size, blocks) for name, (size, blocks) in found.items()}

    def hole_list(self) -> list[int]:
        """Joins what touches until nothing touches any more."""
        free = sorted((start, start + size) for start, kind, size, _ in self.runs
                      if kind in ("free", "purged"))
        joined: list[tuple[int, int]] = []
        for start, end in free:
            if joined and joined[-1][1] == start:
                joined[-1] = joined[-1][0], end
            else:
                joined.append((start, end))
        return [end - start for start, end in joined]

    def holes(self) -> dict[str, tuple[int, int]]:
        names = [(size_name(size, 1), size) for size in self.hole_list()]
        return {name: (sum(size for other, size in names if other == name),
                       sum(1 for other, _ in names if other == name)) for name, _ in names}

    def pins(self) -> tuple[dict[str, Fraction], int]:
        """Shares by name, and all that is free on pages with something that pins."""
        pages: dict[int, dict[int, int]] = defaultdict(dict)
        for index, (start, kind, size, _) in enumerate(self.runs):
            if kind in PINNING:
                for page in range(start // PAGE, (start + size - 1) // PAGE + 1):
                    pages[page][index] = min(start + size, (page + 1) * PAGE) - max(start, page * PAGE)
        shares: dict[str, Fraction] = defaultdict(Fraction)
        for parts in pages.values():
            live = sum(parts.values())
            for index, part in parts.items():
                _, kind, size, blocks = self.runs[index]
                name = size_name(size, blocks) if kind in LIVE else kind
                shares[name] += Fraction((PAGE - live) * part, live)
        return shares, sum(PAGE - sum(parts.values()) for parts in pages.values())


def place(part: dict) -> list[tuple[int, str, int, int]]:
    placed, at = [], part["start"]
    for kind, size, blocks in part["runs"]:
        placed.append((at, kind, size, blocks))
        at += size
    return placed


def place_area(area: dict) -> list[tuple[int, str, int, int]]:
    """A guarded block is told from the rest of its page."""
    if area["kind"] == "section":
        return place(area)
    if area["state"] == "retired":
        return [(area["start"], "purged", area["bytes"], 1)]
    is_guarded = area["kind"] == "guarded"
    return [(area["payload" if is_guarded else "start"], area["kind"],
             area["usable" if is_guarded else "bytes"], 1)]


# ---- Profiles ----

Sample = tuple[list[int], list[int]]  # the six numbers; addresses, the innermost first


def made_samples(seed: int) -> list[Sample]:
    """Of functions at multiples of 0x1000."""
    rng = random.Random(seed)
    return [([rng.randrange(5), rng.randrange(10000), rng.randrange(50), rng.randrange(100000),
              rng.randrange(5), rng.randrange(10000)],
             [0x1001 + 0x1000 * rng.randrange(6) for _ in range(rng.randrange(1, 4))])
            for _ in range(rng.randrange(20, 60))]


def profile(samples: list[Sample], reason: str = "request", program: str = "made") -> str:
    lines = ["brkmalloc heap profile 2", "pid 12", f"program {program}", "interval 1",
             "seconds 1.5", f"reason {reason}"]
    lines += ["sample " + " ".join(map(str, numbers)) + "".join(f" {address:#x}" for address in stack)
              for numbers, stack in samples]
    return "\n".join([*lines, "objects", "end", ""])


def sites(samples: list[Sample], blocks: int, size: int) -> dict[str, tuple[int, int]]:
    """Bytes and blocks by the innermost address; `blocks` and `size` are indices of the numbers."""
    found: dict[str, tuple[int, int]] = {}
    for numbers, stack in samples:
        name = f"{stack[0] - 1:#x}"
        before = found.get(name, (0, 0))
        found[name] = before[0] + numbers[size], before[1] + numbers[blocks]
    return {name: pair for name, pair in found.items() if pair != (0, 0)}


def dump(content: dict) -> bytes:
    return json.dumps(content).encode()
