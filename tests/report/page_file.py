# SPDX-License-Identifier: MIT
"""What a page of `brkmalloc report` holds, read back from its HTML, and what holds memory, computed in
another way than the page does: page by page."""
from __future__ import annotations

import base64
import json
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

PAGE = 4096


@dataclass(frozen=True)
class Span:
    address: int
    bytes: int
    first: int  # moment
    until: int
    thread: int
    kind: str
    blocks: int
    site: int


class Page:
    def __init__(self, path: str, number: int = 0) -> None:
        """The map is that of the number, where there are several."""
        with open(path, encoding="utf-8") as file:
            self.html = file.read()
        self.report = json.loads(self.element("report"))
        self.maps = self.report["maps"]
        self.spans = self.read_spans(number) if self.maps else []

    def element(self, name: str) -> str:
        found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', self.html, re.S)
        assert found, f"no element {name}"
        return found[1]

    def read_spans(self, number: int) -> list[Span]:
        shown = self.maps[number]
        count = shown["spans"]
        packed = base64.b64decode(self.element("columns").split("\n")[number])
        numbers = iter(numbers_of(zlib.decompress(packed) if packed else b""))
        columns = [[next(numbers) for _ in range(count)] for _ in range(8)]
        assert next(numbers, None) is None, "more numbers than spans have"
        starts = []
        for area in shown["areas"]:
            starts += [int(area["start"], 16)] + [None] * (area["spans"] - 1)
        spans, address = [], 0
        for start, (distance, size, first, lasts, thread, kind, blocks, site) in zip(
                starts, zip(*columns)):
            address = (start if start is not None else address) + distance * shown["unit"]
            spans.append(Span(address, size, first, first + lasts, thread,
                              self.report["kinds"][kind], blocks, site))
        return spans

    def at(self, moment: int) -> list[Span]:
        return [span for span in self.spans if span.first <= moment < span.until]


def numbers_of(content: bytes):
    value = shift = 0
    for byte in content:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            yield value
            value = shift = 0


def size_group(size: int) -> int:
    """The logarithm of the next power of two, at least 4."""
    return max((size - 1).bit_length(), 4) if size > 0 else 4


@dataclass
class Group:
    blocks: int = 0
    bytes: int = 0
    held: Fraction = Fraction(0)
    back: int = 0


def what_holds(blocks: list[tuple[int, int, object]]) -> tuple[dict[object, Group], int]:
    """Of blocks (address, size, key of the group): the groups, and the pages with blocks."""
    groups: dict[object, Group] = defaultdict(Group)
    on_page: dict[int, list[tuple[int, object]]] = defaultdict(list)
    for address, size, key in blocks:
        groups[key].blocks += 1
        groups[key].bytes += size
        for page in range(address // PAGE, (address + max(size, 1) - 1) // PAGE + 1):
            part = min(address + size, (page + 1) * PAGE) - max(address, page * PAGE)
            on_page[page].append((part, key))
    for parts in on_page.values():
        free = PAGE - sum(part for part, _ in parts)
        for _, key in parts:
            groups[key].held += Fraction(free, len(parts))
        if len({key for _, key in parts}) == 1:
            groups[parts[0][1]].back += PAGE
    return groups, len(on_page)
