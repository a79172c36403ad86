# SPDX-License-Identifier: MIT
"""Traces as docs/trace-format.md describes them, written and read without the replayer's code, and what
lives when."""
from __future__ import annotations

import struct
from dataclasses import dataclass, field

HEADER_BYTES, CHUNK_BYTES, CHUNK_HEAD = 4096, 65536, 64
MASK = (1 << 64) - 1
MALLOC, REALLOC, FREE, THREAD, THREAD_END, STACK = 1, 3, 4, 12, 13, 14
LIMIT = 1 << 20
WITH_ALIGNMENT = (6, 7, 8, 9)
FREES = (4, 5, 6)


@dataclass(frozen=True)
class Event:
    """`ticks` is when it took effect."""

    ticks: int
    thread: int
    operation: int
    address: int
    size: int = 0
    old_address: int = 0
    stack: int = 0


@dataclass
class Stacks:
    """Numbers count from 1. Of an object: start, end, what its tables call the start, build id and path."""

    objects: list[tuple[int, int, int, bytes, bytes]] = field(default_factory=list)
    stacks: list[list[tuple[int, int]]] = field(default_factory=list)  # object and address


def rotate(address: int) -> int:
    return (address >> 3 | address << 61) & MASK


def unrotate(rotated: int) -> int:
    return (rotated << 3 | rotated >> 61) & MASK


def fold(difference: int) -> int:
    signed = difference - (1 << 64) if difference >> 63 else difference
    return (2 * signed if signed >= 0 else -2 * signed - 1) & MASK


def unfold(folded: int) -> int:
    return (folded >> 1 if folded % 2 == 0 else -(folded >> 1) - 1) & MASK


def packed(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "little")


# ---- Writing ----

def record(operation: int, ticks: int, address: int, size: int) -> bytes:
    fields = [packed(ticks), packed(address), packed(size)]
    tag = operation | len(fields[0]) << 4 | len(fields[1]) << 8 | len(fields[2]) << 12
    return struct.pack("<H", tag) + b"".join(fields)


def chunk(lane: int, serial: int, thread: int, ticks: int, records: bytes) -> bytes:
    head = struct.pack("<4sIIIIIQQ", b"chnk", lane, serial, len(records), 0, thread, ticks, 0)
    return head.ljust(CHUNK_HEAD, b"\0") + records


def long_number(number: int) -> bytes:
    parts = []
    while number >= 128:
        parts.append(number % 128 + 128)
        number //= 128
    return bytes([*parts, number])


def stack_records(stacks: Stacks) -> bytes:
    content = b""
    for start, end, link_start, build, path in stacks.objects:
        content += b"o" + b"".join(long_number(number) for number in (start, end, link_start, 0, 0, 0, 0))
        content += long_number(len(build)) + build + long_number(len(path)) + path
    for frames in stacks.stacks:
        content += b"s" + long_number(len(frames))
        before = 0
        for place, address in frames:
            content += long_number(place) + long_number(fold((address - before) & MASK))
            before = address
    return content


def stack_chunk(records: bytes) -> bytes:
    return b"stck" + chunk(0, 0, 0, 0, records)[4:]


def lane_chunks(lane: int, events: list[Event]) -> list[bytes]:
    """malloc and free only."""
    thread = events[0].thread
    chunks, ticks, before, stack = [], events[0].ticks, 0, 0
    records, first = record(THREAD, 0, 0, thread), ticks
    for event in events:
        if len(records) > CHUNK_BYTES - CHUNK_HEAD - 64:
            chunks.append(chunk(lane, len(chunks), 0 if not chunks else thread, first, records))
            records, before, first, stack = b"", 0, ticks, 0
        if event.operation == MALLOC and event.stack != stack:
            stack = event.stack
            records += record(STACK, 0, 0, stack)
        rotated = rotate(event.address)
        records += record(event.operation, event.ticks - ticks, fold((rotated - before) & MASK),
                          event.size)
        ticks, before = event.ticks, rotated
    chunks.append(chunk(lane, len(chunks), 0 if not chunks else thread, first, records))
    return chunks


def ticks_of(part: bytes) -> int:
    return struct.unpack_from("<Q", part, 24)[0]


def write(path: str, events: list[Event], command: bytes = b"made\0", sample: int = 1,
          dropped: int = 0, stacks: Stacks | None = None) -> list[Event]:
    """A lane for each thread. A tick is a nanosecond. Of each lane but the last the first `dropped`
    chunks are left out, as with a limit. Returns what happened when nothing was missing any more."""
    lanes: dict[int, list[Event]] = {}
    for event in events:
        lanes.setdefault(event.thread, []).append(event)
    parts = [lane_chunks(lane, lanes[thread]) for lane, thread in enumerate(sorted(lanes))]
    kept = [part[dropped:] for part in parts[:-1]] + parts[-1:]
    begin = max((ticks_of(part[0]) for part in kept if dropped and part is not parts[-1]), default=0)
    chunks = [chunk for part in kept for chunk in part]
    if stacks is not None:
        chunks.insert(0, stack_chunk(stack_records(stacks)))
    version = 3 if stacks is not None else 2 if sample > 1 or dropped else 1
    header = struct.pack("<8sIIIIIIQQQQQQ", b"brkmtrac", version, HEADER_BYTES,
                         CHUNK_BYTES, 7, 1, 0 if sample == 1 else sample, len(chunks), 10**18, 0,
                         1000, 1000, LIMIT if dropped else 0)
    with open(path, "wb") as file:
        file.write(header.ljust(128, b"\0") + command.ljust(HEADER_BYTES - 128, b"\0"))
        for part in chunks[:-1]:
            file.write(part.ljust(CHUNK_BYTES, b"\0"))
        file.write(b"".join(chunks[-1:]))
    return [event for event in events if not dropped or event.ticks > begin]


# ---- Reading ----

def read_chunks(content: bytes) -> dict[int, dict[int, tuple[int, bytes]]]:
    """By lane and serial number: ticks and records."""
    lanes: dict[int, dict[int, tuple[int, bytes]]] = {}
    count = struct.unpack_from("<Q", content, 32)[0]
    for index in range(count):
        at = HEADER_BYTES + index * CHUNK_BYTES
        magic, lane, serial, used, _, _, ticks = struct.unpack_from("<4sIIIIIQ", content, at)
        if magic in (b"stck", b"void"):
            continue
        assert magic == b"chnk"
        records = content[at + CHUNK_HEAD:at + CHUNK_HEAD + used]
        known = lanes.setdefault(lane, {}).get(serial)
        if known is None or len(known[1]) < used:
            lanes[lane][serial] = ticks, records
    return lanes


def read_lane(chunks: dict[int, tuple[int, bytes]]) -> list[Event]:
    events, ticks, thread = [], 0, 0
    for serial in sorted(chunks):
        start, records = chunks[serial]
        ticks, rotated, at, stack = max(ticks, start), 0, 0, 0

        def take(count: int) -> int:
            nonlocal at
            at += count
            return int.from_bytes(records[at - count:at], "little")

        while at < len(records):
            tag = take(2)
            operation = tag & 15
            second = take(1) if operation == REALLOC or operation in WITH_ALIGNMENT else 0
            ticks += take(tag >> 4 & 15)
            rotated = (rotated + unfold(take(tag >> 8 & 15))) & MASK
            size = take(tag >> 12 & 15)
            old = 0
            if operation == REALLOC:
                old = unrotate((rotated + unfold(take(second & 15))) & MASK)
                ticks += take(second >> 4)
            if operation == THREAD:
                thread = size
            elif operation == STACK:
                stack = size
            else:
                is_call = operation not in FREES and operation != THREAD_END and rotated != 0
                events.append(Event(ticks, thread, operation, unrotate(rotated), size, old,
                                    stack if is_call else 0))
    return events


def read(path: str) -> list[Event]:
    """In the order of time; of traces with one thread, or whose times all differ."""
    with open(path, "rb") as file:
        lanes = read_chunks(file.read())
    events = [event for lane in sorted(lanes) for event in read_lane(lanes[lane])]
    return sorted(events, key=lambda event: event.ticks) if len(lanes) > 1 else events


def read_stacks(path: str) -> Stacks:
    """Of all chunks of stacks, which stand in the order of their serial numbers or are sorted here."""
    with open(path, "rb") as file:
        content = file.read()
    chunks = []
    for at in range(HEADER_BYTES, len(content), CHUNK_BYTES):
        magic, _, serial, used = struct.unpack_from("<4sIII", content, at)
        if magic == b"stck":
            chunks.append((serial, content[at + CHUNK_HEAD:at + CHUNK_HEAD + used]))
    records = b"".join(part for _, part in sorted(chunks))
    found, at = Stacks(), 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            at += 1
            value |= (records[at - 1] & 127) << shift
            shift += 7
            if records[at - 1] < 128:
                return value

    def text() -> bytes:
        nonlocal at
        length = number()
        at += length
        return records[at - length:at]

    while at < len(records):
        at += 1
        if records[at - 1:at] == b"o":
            start, end, link_start, *_ = [number() for _ in range(7)]
            found.objects.append((start, end, link_start, text(), text()))
            continue
        frames, before = [], 0
        for _ in range(number()):
            place = number()
            before = (before + unfold(number())) & MASK
            frames.append((place, before))
        found.stacks.append(frames)
    return found


# ---- What lives ----

def live_after(events: list[Event], count: int) -> dict[int, tuple[int, int]]:
    """Size and thread by address after so many events."""
    live: dict[int, tuple[int, int]] = {}
    for event in events[:count]:
        if event.operation in FREES:
            live.pop(event.address, None)
        elif event.operation == REALLOC:
            if event.address or event.size == 0:
                live.pop(event.old_address, None)
            if event.address:
                live[event.address] = event.size, event.thread
        elif event.operation != THREAD_END and event.address:
            live[event.address] = event.size, event.thread
    return live


# ---- Call sites ----

@dataclass
class Sums:
    """Of one call site; lives in ticks."""

    bytes: int = 0
    count: int = 0
    live: int = 0
    peak: int = 0
    lives: list[int] = field(default_factory=list)


def site_sums(events: list[Event], site_of: dict[int, str]) -> dict[str, Sums]:
    """By the sites of stacks; of events in the order of time."""
    sums: dict[str, Sums] = {}
    live: dict[int, tuple[str, Event]] = {}
    most = now = 0

    def end(address: int, ticks: int) -> None:
        nonlocal now
        site, born = live.pop(address, ("", None))
        if born is not None:
            sums[site].live -= born.size
            sums[site].lives.append(ticks - born.ticks)
            now -= born.size

    for event in events:
        if event.operation in FREES or event.operation == REALLOC:
            end(event.address if event.operation in FREES else event.old_address, event.ticks)
        if event.operation not in FREES and event.operation != THREAD_END and event.address:
            end(event.address, event.ticks)
            own = sums.setdefault(site_of[event.stack], Sums())
            own.bytes += event.size
            own.count += 1
            own.live += event.size
            live[event.address] = site_of[event.stack], event
            now += event.size
        if now > most:
            most = now
            for own in sums.values():
                own.peak = own.live
    return sums
