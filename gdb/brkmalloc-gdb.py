# SPDX-License-Identifier: MIT
"""Commands for gdb that read the heap of a program on brkmalloc, running or in a core file: see
`help brkm` and docs/debugging.md.

Nothing here knows how the allocator lays out its data: the library tells that by a table in its section
brkm_facts (src/base/facts.h), which stays when symbols and debug information are stripped. Nothing is called
in the program, and nothing written."""
import json
import os
import re
import struct

import gdb

EDITION = 2
FACT = struct.Struct("<56sQ")
WORD = struct.Struct("<Q")
MASK_32, MASK_64 = (1 << 32) - 1, (1 << 64) - 1

# Bytes read from the program at a time, and how many such pieces are kept.
CHUNK = 1 << 16
CHUNKS_KEPT = 1 << 10

# Bytes of a page.
PAGE = 4096

# Bytes of a block that are shown, and lines of a list.
SHOWN_BYTES = 32
SHOWN_PROBLEMS = 20

IN_USE, CACHED, FREE, TOP, FENCEPOST = "in use", "cached", "free", "top", "fencepost"
EDGE = "chunk edge"
DAMAGED = "damaged"
STATES = (IN_USE, CACHED, FREE, TOP, FENCEPOST, EDGE)

# Those of a snapshot's runs: see docs/control.md.
RUN_KINDS = ("used", "cached", "free", "purged", "top", "reserved", "damaged")


class Unreadable(Exception):
    """Memory that the process does not have, or that the core file does not hold."""

    def __init__(self, address):
        super().__init__(f"cannot read memory at {address:#x}")


# ---- Words for people ----

def amount(number, what):
    return f"{number} {what}" + ("" if number == 1 else "s")


def bytes_text(number):
    """Exact, and in larger units where that says more."""
    for unit, name in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if number >= 1 << unit:
            return f"{number} bytes ({number / (1 << unit):.1f} {name})"
    return amount(number, "byte")


def dump(data):
    """Bytes in hexadecimal and as text."""
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{data.hex(' ')}  |{text}|"


# ---- The program's memory ----

class Memory:
    """What is read stays for the length of one command, during which the program stands still."""

    def __init__(self):
        self.inferior = gdb.selected_inferior()
        self.chunks = {}

    def _chunk(self, base):
        if base not in self.chunks:
            if len(self.chunks) == CHUNKS_KEPT:
                self.chunks.clear()
            try:
                self.chunks[base] = bytes(self.inferior.read_memory(base, CHUNK))
            except gdb.error:
                self.chunks[base] = None
        return self.chunks[base]

    def read(self, address, size):
        base = address & ~(CHUNK - 1)
        offset = address - base
        if offset + size <= CHUNK:
            chunk = self._chunk(base)
            if chunk is not None:
                return chunk[offset:offset + size]
        try:
            return bytes(self.inferior.read_memory(address, size))
        except (gdb.error, OverflowError) as error:
            raise Unreadable(address) from error

    def readable(self, address, size):
        """As much of it as there is."""
        while size > 0:
            try:
                return self.read(address, size)
            except Unreadable:
                size //= 2
        return b""

    def word(self, address):
        return WORD.unpack(self.read(address, 8))[0]

    def number(self, address, size):
        return int.from_bytes(self.read(address, size), "little")


# ---- What the library says of itself ----

class Facts:
    """The table of one copy of the library in the process."""

    def __init__(self, memory, start, end, file):
        self.file = file
        self.values = {}
        table = memory.read(start, end - start)
        for name, value in FACT.iter_unpack(table[:len(table) // FACT.size * FACT.size]):
            self.values[name.rstrip(b"\0").decode("ascii", "replace")] = value
        if self["edition"] != EDITION:
            raise gdb.GdbError(f"brkm: {file} lays out its heap in another way (edition "
                               f"{self['edition']}) than this script knows ({EDITION}): use the "
                               "script of the same release")

    def __contains__(self, name):
        return name in self.values

    def __getitem__(self, name):
        try:
            return self.values[name]
        except KeyError:
            raise gdb.GdbError(f'brkm: {self.file} does not tell "{name}": use the script of the '
                               "same release") from None


def find_copies(memory):
    """Every copy of the library: in programs, shared libraries and namespaces of the loader."""
    pattern = r"^\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is brkm_facts(?: in (.+))?$"
    sections = re.findall(pattern, gdb.execute("info files", to_string=True), re.M)
    program = gdb.current_progspace().filename or "the program"
    return [Facts(memory, int(start, 16), int(end, 16), file or program)
            for start, end, file in sections]


# ---- Blocks ----

class Block:
    """A header and what it says. Of the top the size is that of all memory to the region's end."""
    __slots__ = ("start", "payload", "size", "state", "flags", "header", "region", "is_watched",
                 "slack")

    def __init__(self, start, payload, size, state, flags, header):
        self.start, self.payload, self.size, self.state = start, payload, size, state
        self.flags, self.header = flags, header
        self.region = None
        self.is_watched = False
        self.slack = None  # bytes, of a watched block whose header tells what was asked for

    @property
    def end(self):
        return self.start + self.size


class Region:
    def __init__(self, number, kind, start, end, first):
        self.number, self.kind, self.start, self.end, self.first = number, kind, start, end, first


class Mapping:
    """A block with a mapping of its own. One that was freed has size 0; in quarantine it keeps its
    addresses, `kept` bytes of them."""

    def __init__(self, payload, start, size, usable):
        self.payload, self.start, self.usable = payload, start, usable
        self.size, self.kept = (size, 0) if usable else (0, size)


class Cache:
    """A thread's cache, or the depot: lists of cached blocks by slot."""

    def __init__(self, name, owner=0, budget=None):
        self.name, self.owner, self.budget = name, owner, budget
        self.lists = []  # (what, payloads, problem or None)

    def blocks(self):
        return sum(len(payloads) for _, payloads, _ in self.lists)


class Heap:
    """One copy of the library and its heap."""

    def __init__(self, memory, facts):
        self.memory, self.facts = memory, facts
        self.secret = memory.number(facts["block secret"], 4)
        self.header_bytes = facts["header bytes"]
        self.least = facts["least block"]
        self.alignment = facts["alignment"]
        self.long_mark = facts["long size mark"]
        self.multiplier = memory.number(facts["block multiplier"], 4)
        self.flags_all = facts["flags all"]
        self.state_of = {facts["state " + state] & MASK_32: state for state in STATES}
        slacks = range(facts["slack max"] + 1)
        self.slack_of = {facts["state tight"] + slack * facts["tight step"] & MASK_32: slack
                         for slack in slacks}
        self.watched = {facts["state watched"] & MASK_32, *self.slack_of}
        others = (facts["state noted"] & MASK_32, facts["state row"] & MASK_32, *self.watched)
        self.state_of.update(dict.fromkeys(others, IN_USE))
        self.seal_at = facts["mem_control_block.seal"]
        self.flags_at = facts["mem_control_block.flags"]
        self.units_at = facts["mem_control_block.units"]
        self.regions = self._read_regions()

    # -- The allocator's own data --

    def _field(self, base, name, size=8):
        return self.memory.number(base + self.facts[name], size)

    def _read_regions(self):
        facts, regions = self.facts, []
        for i in range(self.memory.word(facts["regions used"])):
            entry = facts["regions"] + i * facts["sizeof region"]
            end = self._field(entry, "region.end")
            if end != 0:
                kind = self._field(entry, "region.kind", 4)
                if kind == facts["kind abandoned"]:
                    continue
                name = "fallback" if kind == facts["kind fallback"] else "break"
                regions.append(Region(i + 1, name, self._field(entry, "region.start"), end,
                                      self._field(entry, "region.first")))
        return regions

    def heap_addresses(self):
        """The main heap's, then those of the side heaps."""
        facts = self.facts
        return [facts["heap"]] + [facts["side heaps"] + i * facts["sizeof heap"]
                                  for i in range(self.memory.number(facts["side heaps used"], 4))]

    def heap_of(self, block):
        """The address of the heap that a block belongs to, by the map of chunks."""
        facts = self.facts
        table = self.memory.word(facts["chunk map"])
        granule = block.payload // facts["chunk granule"] - \
            self.memory.word(facts["chunk map first"])
        if table == 0 or not 0 <= granule < facts["chunk granules"]:
            return facts["heap"]
        number = self.memory.number(table + granule, 1) & ~facts["chunk begins"]
        return self.heap_addresses()[number]

    def is_locked(self):
        return any(self._field(at + self.facts["heap.lock"], "lock.word", 4) != 0
                   for at in self.heap_addresses())

    def top(self, member):
        return self._field(self.facts["heap"] + self.facts["heap.top"], "top." + member)

    def mappings(self):
        facts = self.facts
        table = self.memory.word(facts["mapped table"])
        entries = self._field(table, "hash_table.entries")
        size = facts["sizeof mapping"]
        members = [facts["mapping." + name] for name in ("payload", "start", "size", "usable")]
        found = []
        for i in range(self._field(table, "hash_table.capacity")):
            entry = self.memory.read(entries + i * size, size)
            values = [WORD.unpack_from(entry, at)[0] for at in members]
            if values[0] != 0:
                found.append(Mapping(*values))
        return found

    # -- Headers --

    def seal(self, payload, size, state):
        mixed = size ^ (size >> 16 & ~15)
        value = self.facts["state " + state]
        return payload + self.secret + mixed * self.multiplier + value & MASK_32

    def size_told_by(self, header):
        """The size in a header: the units, above which the flags' byte has some more bits."""
        high = header[self.flags_at] & ~self.flags_all
        units = high << 24 | int.from_bytes(header[self.units_at:self.units_at + 3], "big")
        return units * self.facts["size unit"]

    def block(self, start):
        """The block whose header is at `start`, whatever it says."""
        header = self.memory.read(start, self.header_bytes)
        payload = start + self.header_bytes
        seal = int.from_bytes(header[self.seal_at:self.seal_at + 4], "little")
        size = self.size_told_by(header)
        mixed = size ^ (size >> 16 & ~15)
        rest = seal - payload - self.secret - mixed * self.multiplier & MASK_32
        state = self.state_of.get(rest, DAMAGED)
        flags = header[self.flags_at] & self.flags_all
        block = Block(start, payload, size, state, flags, header)
        block.is_watched = rest in self.watched
        block.slack = self.slack_of.get(rest)
        if state == FREE and size == self.long_mark:
            block.size = self._long_size(block)
        return block

    def _long_size_at(self, block):
        return block.start + self.facts["sizeof free_block"]

    def _long_size(self, block):
        """The size that a header cannot tell; 0 when it was overwritten."""
        at = self._long_size_at(block)
        size = self._field(at, "long_size.bytes")
        check = (size ^ block.start) * self.facts["check multiplier"] + self.secret & MASK_64
        return size if check == self._field(at, "long_size.check") else 0

    def has_flag(self, block, name):
        return bool(block.flags & self.facts["flag " + name])

    def tag(self, block):
        """The boundary tag of a free block."""
        return self.memory.word(block.end - 8)

    def clean_pages(self, block):
        if block.state != FREE or not self.has_flag(block, "purged"):
            return None
        at = self._long_size_at(block) + self.facts["sizeof long_size"]
        return self._field(at, "page_range.start"), self._field(at, "page_range.end")

    def links(self, block):
        return (self._field(block.start, "free_block.next"),
                self._field(block.start, "free_block.previous"))

    # -- Walking --

    def fits(self, block, region):
        """A sound header whose block can be one of the region."""
        if block.state in (TOP, FENCEPOST):
            return block.size == 0
        return (block.state in (IN_USE, CACHED, FREE, EDGE) and block.size >= self.least and
                block.size % self.alignment == 0 and
                block.end <= region.end - self.header_bytes)

    def _is_boundary(self, start, region):
        """True for a header that was found by searching. One that says `free` may be left from a
        block that became part of another; then no boundary tag fits."""
        block = self.block(start)
        if not self.fits(block, region):
            return False
        if block.state == FREE:
            return self.tag(block) == block.size
        return block.state in (TOP, FENCEPOST) or \
            self.block(block.end).state != DAMAGED

    def _find_boundary(self, start, region):
        """The next sound header behind a damaged one, or the region's end."""
        at = start + self.least
        while at + self.header_bytes <= region.end:
            stop = min((at & ~(CHUNK - 1)) + CHUNK, region.end)
            for candidate in self._guarded(at, self.memory.readable(at, stop - at)):
                try:
                    if self._is_boundary(candidate, region):
                        return candidate
                except Unreadable:
                    pass
            at += (stop - at + self.alignment - 1) // self.alignment * self.alignment
        return region.end

    def _guarded(self, start, data):
        """Places in `data`, read at `start`, where a header can stand by its guard, the low half of
        the seal, which depends on the address alone."""
        if not data.strip(b"\0"):
            return
        words = memoryview(data[:len(data) & ~3]).cast("I")
        guard = start + self.header_bytes + self.secret
        for i, seal in enumerate(words[self.seal_at // 4::self.alignment // 4]):
            if (seal ^ (guard + i * self.alignment)) & 0xffff == 0:
                yield start + i * self.alignment

    def walk(self, region):
        """All blocks of a region. A damaged one reaches to the next header that is sound."""
        at = region.first
        while at + self.header_bytes <= region.end:
            block = self.block(at)
            block.region = region
            if not self.fits(block, region):
                block.state = DAMAGED
                block.size = self._find_boundary(at, region) - at
            elif block.state == TOP:
                block.size = region.end - at
            elif block.state == FENCEPOST:
                block.size = self.header_bytes
            yield block
            if block.state in (TOP, FENCEPOST):
                return
            at = block.end

    def all_blocks(self):
        for region in self.regions:
            yield from self.walk(region)

    def region_of(self, address):
        for region in self.regions:
            if region.start <= address < region.end:
                return region
        return None

    def find(self, address, region):
        """The block around an address, the one in front and the one behind. Each may be None."""
        front = found = None
        for block in self.walk(region):
            if found is not None:
                return front, found, block
            if block.start <= address < block.end:
                found = block
            else:
                front = block
        return front, found, None

    def describe_damage(self, block):
        """Which parts of a header are wrong, given that the block ends where the next begins."""
        raw = int.from_bytes(block.header[self.seal_at:self.seal_at + 4], "little")
        written = self.size_told_by(block.header)
        true_size = block.size if block.end < block.region.end else None
        parts, was = [], None
        if raw & 0xffff != block.payload + self.secret & 0xffff:
            parts.append("guard (bytes 0 and 1)")
        sizes = [size for size in (true_size, written) if size is not None]
        for size in sizes:
            for state in (IN_USE, CACHED, FREE):
                if self.seal(block.payload, size, state) >> 16 == raw >> 16 and was is None:
                    was = (size, state)
        if was is None:
            parts.append("upper half of the seal (bytes 2 and 3)")
        if (was is not None and was[0] != written) or \
                (was is None and true_size is not None and written != true_size):
            parts.append("size (bytes 4 to 7)")
        text = "damaged: " + ", ".join(parts or ["size does not fit the region"])
        if was is not None:
            text += f"; was {was[1]}, {was[0]} bytes"
        return text

    # -- Bins and caches --

    def bin_of(self, size):
        """The scheme of src/heap/size_class.h."""
        facts = self.facts
        limit, bits = facts["exact limit"], facts["subdivision bits"]
        if size <= limit:
            return (size - self.least) // self.alignment
        power = size.bit_length() - 1
        step = size >> (power - bits) & ((1 << bits) - 1)
        exact = (limit - self.least) // self.alignment + 1
        doubling = power - (limit.bit_length() - 1)
        return min(exact + (doubling << bits) + step, facts["bins"] - 1)

    def heads(self, heap):
        """(bin, first block) of each bin of a heap that is not empty."""
        at = heap + self.facts["heap.bins"] + self.facts["bins.heads"]
        table = self.memory.read(at, 8 * self.facts["bins"])
        return [(i, head) for i, (head,) in enumerate(WORD.iter_unpack(table)) if head != 0]

    def bin_list(self, head):
        """The blocks of one bin, and what is wrong with the list, or None."""
        blocks, previous, at, seen = [], 0, head, set()
        while at != 0:
            region = self.region_of(at)
            if region is None or at % self.alignment != self.header_bytes % self.alignment:
                return blocks, f"a link of the free block {previous + self.header_bytes:#x} leads " \
                    f"to {at:#x}, out of the heap"
            block = self.block(at)
            if block.state != FREE:
                return blocks, f"a list of free blocks leads to {block.payload:#x}, which is " \
                    f"{block.state}"
            next_link, previous_link = self.links(block)
            if previous_link != previous:
                return blocks, f"the free block {block.payload:#x} does not link back to the one " \
                    "that leads to it"
            if at in seen:
                return blocks, f"a list of free blocks runs in a circle at {block.payload:#x}"
            seen.add(at)
            blocks.append(block)
            previous, at = at, next_link
        return blocks, None

    def _cached_list(self, payload, most):
        """The payloads of a list of cached blocks, and what is wrong with it, or None."""
        end, secret = self.facts["cached end"], self.memory.word(self.facts["cached secret"])
        payloads = []
        while payload != end:
            if len(payloads) == most:
                return payloads, f"more blocks than the {most} that were counted"
            if self.region_of(payload) is None:
                return payloads, f"a link leads to {payload:#x}, out of the heap"
            following = self._field(payload, "cached_block.next")
            check = self._field(payload, "cached_block.check")
            payloads.append(payload)
            seal = self.memory.number(payload - self.header_bytes + self.seal_at, 4)
            if check != (following + seal & MASK_64) ^ secret:
                return payloads, f"the link in the cached block {payload:#x} was overwritten"
            payload = following
        if len(payloads) != most:
            return payloads, f"{len(payloads)} blocks where {most} were counted"
        return payloads, None

    def _chain(self, at, following, most=1 << 20):
        """The addresses of a list that is linked by the field `following`."""
        found = []
        while at != 0 and len(found) < most:
            found.append(at)
            at = self._field(at, following)
        return found

    def _cache_addresses(self):
        return self._chain(self.memory.word(self.facts["first cache"]), "thread_cache.next")

    def thread_caches(self):
        facts, caches = self.facts, []
        for at in self._cache_addresses():
            cache = Cache(f"thread cache {self._field(at, 'thread_cache.number')}",
                          self._field(at, "thread_cache.owner"),
                          self._field(at, "thread_cache.budget"))
            cache.payload = at
            for slot in range(facts["cache slots"]):
                entry = at + facts["thread_cache.bins"] + slot * facts["sizeof cache_bin"]
                count = self._field(entry, "cache_bin.capacity", 2) - \
                    self._field(entry, "cache_bin.room", 2)
                first = self._field(entry, "cache_bin.first")
                if count != 0 or first != facts["cached end"]:
                    cache.lists.append((f"slot {slot}", *self._cached_list(first, count)))
            caches.append(cache)
        return caches

    def depots(self):
        """The main heap's, then those of the side heaps that have one."""
        sides = (self.memory.word(self.facts["side depots"] + 8 * i)
                 for i in range(len(self.heap_addresses()) - 1))
        named = [(self.facts["depot"], "depot")]
        named += [(at, f"depot of side heap {i + 1}") for i, at in enumerate(sides) if at != 0]
        return [self._depot(at, name) for at, name in named]

    def _depot(self, at, name):
        facts, depot = self.facts, Cache(name)
        for slot in range(facts["shelf count"]):
            shelf = at + facts["depot.shelves"] + slot * facts["sizeof shelf"]
            for batch in range(self._field(shelf, "shelf.batches", 4)):
                entry = at + facts["depot.batch"] + \
                    (slot * facts["shelf room"] + batch) * facts["sizeof cached_list"]
                first = self._field(entry, "cached_list.first")
                count = self._field(entry, "cached_list.count", 4)
                depot.lists.append((f"shelf {slot}, batch {batch + 1}",
                                    *self._cached_list(first, count)))
        return depot

    def caches(self):
        return self.thread_caches() + self.depots()

    def where_cached(self, payload):
        for cache in self.caches():
            for what, payloads, _ in cache.lists:
                if payload in payloads:
                    owner = f" of {thread_name(cache.owner)}" if cache.owner else ""
                    return f"{cache.name}{owner}, {what}, place {payloads.index(payload) + 1} " \
                        f"of {len(payloads)}"
        return None

    # -- Quarantine --

    def _quarantines(self):
        """(address, whose) of each quarantine."""
        facts = self.facts
        owners = {self._field(at, "thread_cache.kept"): self._field(at, "thread_cache.owner")
                  for at in self._cache_addresses()}
        for at in self._chain(self.memory.word(facts["first quarantine"]), "quarantine.next"):
            yield at, f" of {thread_name(owners[at])}" if owners.get(at) else " of no thread any more"
        yield facts["shared quarantine"], " that threads without a cache share"

    def _places(self, start, count):
        """The payloads in an array of quarantined blocks; 0 in empty places."""
        size = self.facts["sizeof quarantined"]
        table = self.memory.read(start, count * size)
        return [WORD.unpack_from(table, i * size + self.facts["quarantined.payload"])[0]
                for i in range(count)]

    def _pointers(self, start, count):
        return [word for word, in WORD.iter_unpack(self.memory.read(start, 8 * count))]

    def _where_in_queue(self, quarantine, payload):
        facts = self.facts
        places = self._places(quarantine + facts["quarantine.queue"], facts["quarantine queue places"])
        oldest = self._field(quarantine, "quarantine.oldest", 4) % len(places)
        queued = [place for place in places[oldest:] + places[:oldest] if place != 0]
        return f"queue, place {queued.index(payload) + 1} of {len(queued)}" if payload in queued \
            else None

    def _where_in_stock(self, quarantine, payload):
        facts = self.facts
        for kind in range(facts["stock kinds"]):
            stock = quarantine + facts["quarantine.stock"] + kind * facts["sizeof stock"]
            count = min(self._field(stock, "stock.count", 4), facts["stock room"])
            blocks = self._pointers(stock + facts["stock.blocks"], count)
            chosen = self._field(stock, "stock.next")
            if payload in blocks or payload == chosen:
                many = f"{len(blocks) + (chosen != 0)} of {kind * facts['alignment']} bytes"
                return f"stock, {'the next' if payload == chosen else 'one'} of {many}"
        return None

    def _where_in_store(self, payload):
        facts = self.facts
        for kind in range(facts["stock kinds"]):
            shelf = facts["store shelves"] + kind * facts["sizeof crate_shelf"]
            size = kind * facts["alignment"]
            batch = facts["store small batch"] if size <= facts["store small block max"] \
                else facts["store batch"]
            crates = self._chain(self._field(shelf, "crate_shelf.first"), "crate.next",
                                 self._field(shelf, "crate_shelf.crates", 4))
            for number, crate in enumerate(crates, 1):
                if payload in self._pointers(crate + facts["crate.blocks"], batch):
                    return f"batch {number} of {len(crates)} of {size} bytes"
        return None

    def where_quarantined(self, payload):
        """Where in the hardened mode's quarantine a block is, or None."""
        for quarantine, whose in self._quarantines():
            pool = self._places(quarantine + self.facts["quarantine.pool"],
                                self.facts["quarantine pool places"])
            part = f"pool, one of {len(pool) - pool.count(0)}" if payload in pool else \
                self._where_in_queue(quarantine, payload) or \
                self._where_in_stock(quarantine, payload)
            if part:
                return f"the quarantine{whose}, {part}"
        part = self._where_in_store(payload)
        return f"the store of the quarantines, {part}" if part else None

    def where_kept(self, payload):
        """Who has a block that is neither in use nor free."""
        return self.where_cached(payload) or self.where_quarantined(payload) or \
            "no cache has it: on its way between two, or lost by a fork"


# ---- Threads ----

def thread_pointer(thread):
    """What pthread_self() gives in the thread."""
    thread.switch()
    for register in ("fs_base", "tpidr"):
        try:
            return int(gdb.newest_frame().read_register(register)) & MASK_64
        except (ValueError, gdb.error):
            continue
    try:
        return int.from_bytes(thread.handle(), "little")
    except (gdb.error, RuntimeError):
        return None


def thread_name(owner):
    """gdb's name for the thread whose pthread_self() is `owner`."""
    selected = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            if thread_pointer(thread) == owner:
                return f"thread {thread.num} (LWP {thread.ptid[1] or thread.ptid[2]})"
    finally:
        if selected is not None and selected.is_valid():
            selected.switch()
    return f"a thread that gdb does not know ({owner:#x})"


# ---- Which heap ----

class Choice:
    """Of several copies in one process, the one that commands look at: 0 is the first with a heap."""
    number = 0


def all_heaps():
    if not gdb.selected_inferior().threads():
        raise gdb.GdbError("brkm: no process and no core file: start the program, or load a core "
                           "with `core-file`")
    memory = Memory()
    try:
        heaps = [Heap(memory, facts) for facts in find_copies(memory)]
    except Unreadable as error:
        raise gdb.GdbError(f"brkm: {error}: the program has only just begun, or gdb has not the "
                           "files that belong to this core") from None
    if not heaps:
        raise gdb.GdbError("brkm: no brkmalloc in this process: none of the files that `info files` "
                           "lists has the section brkm_facts")
    return heaps


def chosen_heap():
    heaps = all_heaps()
    if 0 < Choice.number <= len(heaps):
        return heaps[Choice.number - 1]
    return next((heap for heap in heaps if heap.regions or heap.mappings()), heaps[0])


def warn_if_locked(heap):
    if heap.is_locked():
        print("note: a thread stands inside the allocator and has locked the heap; what it is just "
              "changing may look damaged")


def heap_with(address):
    """The chosen heap, unless the address lies in another one's."""
    heap = chosen_heap()
    for other in [heap] + all_heaps():
        if other.region_of(address) is not None or mapping_around(other, address) is not None:
            return other
    return heap


def mapping_around(heap, address):
    """The mapped block around an address, or a freed one that keeps it or began there."""
    found = None
    for mapping in heap.mappings():
        if mapping.size != 0 and mapping.start <= address < mapping.start + mapping.size:
            return mapping
        if mapping.start <= address < mapping.start + mapping.kept:
            return mapping
        if mapping.size == 0 and mapping.payload == address:
            found = mapping
    return found


# ---- Arguments ----

def no_argument(command, argument):
    if argument.strip():
        raise gdb.GdbError(f'{command} takes no argument, but got "{argument.strip()}"')


def address_of(command, argument):
    text = argument.strip()
    if not text:
        raise gdb.GdbError(f"{command} needs an address: a number or an expression, such as "
                           f"`{command} 0x5555557592a0` or `{command} list->head`")
    try:
        return int(gdb.parse_and_eval(text)) & MASK_64
    except (gdb.error, ValueError, TypeError, OverflowError) as error:
        raise gdb.GdbError(f'{command}: "{text}" is no address: {error}') from None


# ---- Printing blocks ----

def short(heap, block):
    """A block in few words."""
    if block is None:
        return "none"
    if block.state == TOP:
        return f"the top, {bytes_text(top_available(block, heap))}"
    if block.state == FENCEPOST:
        return "the region's end"
    return f"{block.payload:#x}, {block.state}, {bytes_text(block.size)}"


def top_available(block, heap):
    """What malloc can still get from the top: it keeps a header and room for a fencepost."""
    return max(block.size - heap.header_bytes, 0)


def flag_words(heap, block):
    names = ("previous free", "region start", "purged")
    words = [name for name in names if heap.has_flag(block, name)]
    return ", ".join(words) or "none"


def symbol_of(heap, payload):
    """What the first word of a block points to, when that has a name: mostly a table of virtual
    functions, which tells the class."""
    try:
        word = heap.memory.word(payload)
    except Unreadable:
        return ""
    text = gdb.execute(f"info symbol {word:#x}", to_string=True).strip() if word else ""
    return "" if not text or text.startswith("No symbol") else text


def print_contents(heap, block, indent=""):
    usable = block.size - heap.header_bytes
    data = heap.memory.readable(block.payload, min(usable, SHOWN_BYTES))
    print(f"{indent}contents   {dump(data)}")
    symbol = symbol_of(heap, block.payload)
    if symbol:
        print(f"{indent}points to  {symbol}")


class Sheet:
    """Lines of a name and its value."""

    def row(self, name, value):
        print(f"{name:<10} {value}")


def position(heap, block, address):
    if address < block.payload:
        return f"in the header, {amount(block.payload - address, 'byte')} in front of the payload"
    offset = address - block.payload
    return "the payload's start" if offset == 0 else f"{amount(offset, 'byte')} into the payload"


def print_free(heap, sheet, block):
    tag = heap.tag(block)
    sheet.row("tag", "sound" if tag == block.size else f"damaged: {tag:#x} instead of the size")
    number = heap.bin_of(block.size)
    blocks, problem = heap.bin_list(dict(heap.heads(heap.heap_of(block))).get(number, 0))
    starts = [other.start for other in blocks]
    if block.start in starts:
        sheet.row("bin", f"{number}, place {starts.index(block.start) + 1} of {len(starts)}")
    else:
        sheet.row("bin", f"{number}, but it is not in the list" + (f": {problem}" if problem else ""))
    clean = heap.clean_pages(block)
    sheet.row("clean", "none" if clean is None else
              f"{clean[0]:#x} to {clean[1]:#x}, {bytes_text(clean[1] - clean[0])} given back")


def print_top(heap, sheet, block):
    written = max(heap.top("zero_from") - block.payload, 0)
    sheet.row("written", f"{bytes_text(min(written, block.size))} at its start, the rest untouched")
    sheet.row("break", f"{heap.top('end'):#x}")


def request_words(heap, block):
    if block.slack is not None:
        return f", watched: {block.size - heap.header_bytes - block.slack} bytes were asked for"
    return ", watched: what the program asked for is less" if block.is_watched else ""


def print_block(heap, block, front, behind, address):
    sheet = Sheet()
    sheet.row("address", f"{address:#x}, {position(heap, block, address)}")
    sheet.row("block", f"{block.payload:#x} (header at {block.start:#x})")
    if block.state == TOP:
        sheet.row("size", f"{bytes_text(top_available(block, heap))} available")
    else:
        sheet.row("size", f"{bytes_text(block.size)}, "
                  f"{max(block.size - heap.header_bytes, 0)} usable")
    sheet.row("state", block.state + request_words(heap, block))
    sheet.row("flags", flag_words(heap, block))
    if block.state == DAMAGED:
        sheet.row("header", heap.describe_damage(block))
        sheet.row("bytes", dump(block.header))
    else:
        sheet.row("header", "sound")
    sheet.row("region", f"{block.region.number}, {block.region.kind}, "
              f"{block.region.start:#x} to {block.region.end:#x}")
    sheet.row("front", short(heap, front) if front else "none, the region begins here")
    sheet.row("behind", short(heap, behind) if behind else "none, the region ends here")
    if block.state == FREE:
        print_free(heap, sheet, block)
    elif block.state == CACHED:
        sheet.row("cache", heap.where_kept(block.payload))
    elif block.state == TOP:
        print_top(heap, sheet, block)
    elif block.state == IN_USE:
        print_contents(heap, block)


def mapped_damage(heap, mapping):
    """What is wrong with the headers around a mapped block; "sound" when nothing is."""
    parts = []
    if heap.block(mapping.payload - heap.header_bytes).state != IN_USE:
        parts.append("the header in front is damaged")
    if heap.block(mapping.payload + mapping.usable).state != FENCEPOST:
        parts.append("the fencepost behind is damaged: written past the end")
    return ", ".join(parts) or "sound"


def print_mapping(heap, mapping, address):
    sheet = Sheet()
    if mapping.size == 0:
        sheet.row("address", f"{address:#x}, where a mapped block was that is freed")
        if mapping.kept:
            sheet.row("block", f"{mapping.payload:#x}")
            sheet.row("cache", heap.where_kept(mapping.payload))
        return
    inside = address - mapping.payload
    where = f"{-inside} bytes in front of the payload" if inside < 0 else \
        "the payload's start" if inside == 0 else f"{amount(inside, 'byte')} into the payload" \
        if inside < mapping.usable else "in the fencepost behind the payload"
    sheet.row("address", f"{address:#x}, {where}")
    sheet.row("block", f"{mapping.payload:#x} (header at {mapping.payload - heap.header_bytes:#x})")
    sheet.row("size", f"{bytes_text(mapping.size)}, {mapping.usable} usable")
    sheet.row("state", "mapped")
    sheet.row("header", mapped_damage(heap, mapping))
    sheet.row("mapping", f"{mapping.start:#x} to {mapping.start + mapping.size:#x}")
    data = heap.memory.readable(mapping.payload, min(mapping.usable, SHOWN_BYTES))
    sheet.row("contents", dump(data))


def not_ours(command, heap, address):
    regions = ", ".join(f"{region.start:#x} to {region.end:#x}" for region in heap.regions[:4])
    more = f" and {len(heap.regions) - 4} more" if len(heap.regions) > 4 else ""
    raise gdb.GdbError(f"{command}: {address:#x} lies in no block of brkmalloc: its regions are "
                       f"{regions or 'none yet'}{more}; `info symbol`, `info proc mappings` may "
                       "tell what is there")


# ---- The commands ----

class Command(gdb.Command):
    """What they share: memory that cannot be read is told in one line."""
    name = ""

    def __init__(self):
        super().__init__(self.name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        try:
            self.run(argument or "")
        except Unreadable as error:
            raise gdb.GdbError(f"{self.name}: {error}; a core file may lack it") from None

    def run(self, argument):
        raise NotImplementedError


class Brkm(gdb.Command):
    """Commands that read the heap of a program on brkmalloc.

brkm heap        what the heap holds: regions, totals, free blocks by size
brkm block ADDR  the block around an address
brkm why ADDR    what keeps a free block from growing, or the top from being given back
brkm bins        the free blocks by bin
brkm caches      the caches of the threads, and the depot
brkm check       walks everything and tells the first damage (`brkm check all`: each)
brkm snapshot FILE  writes what lies where, for `brkmalloc report FILE` and `brkmalloc map FILE`
brkm core FILE   loads a core file and the program that it is of
brkm copies      which copies of the library there are (`brkm copies N`: use that one)"""

    def __init__(self):
        super().__init__("brkm", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError(f'brkm has no command "{argument.split()[0]}": the commands are heap, '
                               "block, why, bins, caches, check, snapshot, core and copies (`help brkm`)")
        print(self.__doc__)


class Tally:
    """Blocks of one kind."""

    def __init__(self):
        self.blocks = self.bytes = self.largest = self.largest_at = 0

    def add(self, block, size=None):
        size = block.size if size is None else size
        self.blocks += 1
        self.bytes += size
        if size > self.largest:
            self.largest, self.largest_at = size, block.payload


def survey(heap):
    """Tallies by state, and the free blocks by power of two."""
    tallies = {state: Tally() for state in (IN_USE, CACHED, FREE, TOP, DAMAGED)}
    histogram = {}
    for block in heap.all_blocks():
        if block.state in (FENCEPOST, EDGE):
            continue
        tallies[block.state].add(block, top_available(block, heap) if block.state == TOP else None)
        if block.state == FREE:
            histogram.setdefault(block.size.bit_length() - 1, Tally()).add(block)
    return tallies, histogram


class BrkmHeap(Command):
    """What the heap holds: its regions, blocks by state, mapped blocks, free blocks by size.
Bytes include the headers of blocks."""
    name = "brkm heap"

    def run(self, argument):
        no_argument(self.name, argument)
        heap = chosen_heap()
        warn_if_locked(heap)
        tallies, histogram = survey(heap)
        self.print_regions(heap)
        self.print_totals(heap, tallies)
        self.print_mapped(heap)
        self.print_free(tallies[FREE], histogram)

    @staticmethod
    def print_regions(heap):
        if not heap.regions:
            print("no heap yet: no block was asked for")
        for region in heap.regions:
            print(f"region {region.number}: {region.kind}, {region.start:#x} to {region.end:#x}, "
                  f"{bytes_text(region.end - region.start)}")

    @staticmethod
    def print_totals(heap, tallies):
        print(f"{'':<10} {'blocks':>10} {'bytes':>14} {'largest':>12}")
        for state in (IN_USE, CACHED, FREE, TOP) + ((DAMAGED,) if tallies[DAMAGED].blocks else ()):
            tally = tallies[state]
            at = f"  at {tally.largest_at:#x}" if tally.blocks else ""
            print(f"{state:<10} {tally.blocks:>10} {tally.bytes:>14} {tally.largest:>12}{at}")
        total = sum(region.end - region.start for region in heap.regions)
        overhead = total - sum(tally.bytes for tally in tallies.values())
        print(f"{'overhead':<10} {'':>10} {overhead:>14}")
        print(f"{'total':<10} {'':>10} {total:>14}")
        if tallies[DAMAGED].blocks:
            print("damaged headers: `brkm check` tells where")

    @staticmethod
    def print_mapped(heap):
        mappings = [mapping for mapping in heap.mappings() if mapping.size != 0]
        largest = max(mappings, key=lambda mapping: mapping.size, default=None)
        at = f"  at {largest.payload:#x}" if largest else ""
        print(f"{'mapped':<10} {len(mappings):>10} {sum(m.size for m in mappings):>14} "
              f"{largest.size if largest else 0:>12}{at}")

    @staticmethod
    def print_free(free, histogram):
        if free.blocks == 0:
            return
        print("free blocks by size:")
        most = max(tally.bytes for tally in histogram.values())
        for power, tally in sorted(histogram.items()):
            bar = "#" * max(1, tally.bytes * 30 // most)
            print(f"{1 << power:>14} .. {(2 << power) - 1:<14} {tally.blocks:>8} {tally.bytes:>14}  "
                  f"{bar}")


class BrkmBlock(Command):
    """The block around an address: brkm block ADDR.
Tells its size, state and flags, whether its header is sound or which part is damaged, its neighbours,
the bin, the cache or the quarantine that has it."""
    name = "brkm block"

    def run(self, argument):
        address = address_of(self.name, argument)
        heap = heap_with(address)
        warn_if_locked(heap)
        region = heap.region_of(address)
        if region is not None:
            front, block, behind = heap.find(address, region)
            if block is not None:
                print_block(heap, block, front, behind, address)
                return
        mapping = mapping_around(heap, address)
        if mapping is None:
            not_ours(self.name, heap, address)
        print_mapping(heap, mapping, address)


class BrkmWhy(Command):
    """What pins a hole or the top: brkm why ADDR, brkm why top.
Tells which blocks keep the free block around ADDR, or the top, from becoming larger. Their first bytes
tell what they are. Of a block that was freed and is not free: which cache or quarantine keeps it."""
    name = "brkm why"

    def run(self, argument):
        heap, address = self.target(argument)
        warn_if_locked(heap)
        region = heap.region_of(address)
        front, block, behind = heap.find(address, region) if region else (None, None, None)
        if block is None:
            mapping = mapping_around(heap, address)
            if mapping is None:
                not_ours(self.name, heap, address)
            self.why_mapped(heap, mapping, address)
        elif block.state == TOP:
            self.why_top(heap, block, front)
        elif block.state == FREE:
            self.why_free(heap, block, front, behind)
        else:
            self.not_free(heap, block)

    def target(self, argument):
        if argument.strip() != "top":
            address = address_of(self.name, argument)
            return heap_with(address), address
        heap = chosen_heap()
        top = heap.top("block")
        if top == 0:
            raise gdb.GdbError("brkm why: there is no top: all memory of the heap was mapped, or "
                               "no block was asked for")
        return heap, top

    @staticmethod
    def why_mapped(heap, mapping, address):
        if mapping.size:
            print(f"{address:#x} lies in a mapped block, which goes back to the system as soon as it "
                  "is freed: nothing pins it")
        elif mapping.kept:
            print(f"{address:#x} lies in the mapped block {mapping.payload:#x}, which was freed and "
                  f"is in {heap.where_kept(mapping.payload)}; its memory went back to the system, its "
                  "addresses are not used again before it leaves")
        else:
            print(f"{address:#x} was a mapped block, whose memory went back to the system")

    @staticmethod
    def not_free(heap, block):
        if block.state == CACHED:
            kept = heap.where_quarantined(block.payload)
            print(f"{short(heap, block)}: freed, and in {kept}; malloc_trim gives it back, called in "
                  "that thread if one has it" if kept else
                  f"{short(heap, block)}: kept for the next malloc by "
                  f"{heap.where_kept(block.payload)}; malloc_trim in that thread gives it back")
        elif block.state == DAMAGED:
            print(f"{block.payload:#x}: {heap.describe_damage(block)}")
        elif block.state == IN_USE:
            print(f"{short(heap, block)}: it is in use itself")
        elif block.state == EDGE:
            print(f"{short(heap, block)}: it bounds a chunk that the main heap lends to a side heap")
        else:
            print("the region ends here")

    @staticmethod
    def pin(heap, side, block):
        """A neighbour that keeps a free block from coalescing."""
        print(f"{side:<10} {short(heap, block)}")
        if block is None:
            return
        if block.state == CACHED:
            print(f"{'':<10} kept by {heap.where_kept(block.payload)}")
        elif block.state == IN_USE:
            print_contents(heap, block, " " * 11)
        elif block.state == DAMAGED:
            print(f"{'':<10} {heap.describe_damage(block)}")

    def why_free(self, heap, block, front, behind):
        print(f"{'hole':<10} {block.payload:#x}, {bytes_text(block.size)}, pinned by")
        self.pin(heap, "front", front) if front else print(f"{'front':<10} the region's start")
        self.pin(heap, "behind", behind)

    def why_top(self, heap, block, front):
        print(f"{'top':<10} {bytes_text(top_available(block, heap))}, from {block.payload:#x} to the "
              f"break at {heap.top('end'):#x}")
        threshold = heap.memory.word(heap.facts["option trim_threshold"])
        if top_available(block, heap) < threshold:
            print(f"{'':<10} not given back as long as it has less than trim_threshold, "
                  f"{bytes_text(threshold)}, or than the heap grows by at a time")
        if heap.top("end") != block.region.end:
            print(f"{'':<10} the region ends at {block.region.end:#x}: other code moved the break")
        if front is None:
            print(f"{'pinned by':<10} nothing: it is the whole region")
            return
        below = self.block_before(heap, front)
        self.pin(heap, "pinned by", front)
        if below is not None and below.state == FREE:
            print(f"{'below it':<10} {short(heap, below)}, which would become part of the top")

    @staticmethod
    def block_before(heap, block):
        return heap.find(block.start, block.region)[0]


class BrkmBins(Command):
    """The free blocks of each bin that is not empty, and whether its list is sound."""
    name = "brkm bins"

    def run(self, argument):
        no_argument(self.name, argument)
        heap = chosen_heap()
        warn_if_locked(heap)
        print(f"{'bin':>4} {'blocks':>8} {'bytes':>14} {'smallest':>12} {'largest':>12}  first")
        for i, at in enumerate(heap.heap_addresses()):
            if i != 0:
                print(f"side heap {i}")
            for number, head in heap.heads(at):
                self.print_bin(heap, number, head)

    @staticmethod
    def print_bin(heap, number, head):
        blocks, problem = heap.bin_list(head)
        sizes = [block.size for block in blocks] or [0]
        print(f"{number:>4} {len(blocks):>8} {sum(sizes):>14} {min(sizes):>12} "
              f"{max(sizes):>12}  {head + heap.header_bytes:#x}"
              + (f"  {problem}" if problem else ""))


class BrkmCaches(Command):
    """What the threads' caches and the depot hold, and whether their lists are sound."""
    name = "brkm caches"

    def run(self, argument):
        no_argument(self.name, argument)
        heap = chosen_heap()
        warn_if_locked(heap)
        for cache in heap.caches():
            owner = f", {thread_name(cache.owner)}" if cache.owner else ""
            budget = f", budget {cache.budget}" if cache.budget is not None else ""
            total = sum(heap.block(payload - heap.header_bytes).size
                        for _, payloads, _ in cache.lists for payload in payloads)
            print(f"{cache.name}{owner}: {amount(cache.blocks(), 'block')}, {bytes_text(total)}"
                  f"{budget}")
            for what, payloads, problem in cache.lists:
                if problem:
                    print(f"  {what}: {problem}")


class Checker:
    """Walks everything; `problems` holds (what, what to know about it) in the order of finding."""

    def __init__(self, heap):
        self.heap = heap
        self.problems = []
        self.free = {}
        self.cached = set()
        self.in_use_bytes = self.in_use_blocks = 0

    def problem(self, text, *details):
        self.problems.append((text, details))

    def run(self):
        for region in self.heap.regions:
            self.check_region(region)
        self.check_bins()
        self.check_caches()
        for mapping in self.heap.mappings():
            if mapping.size != 0 and mapped_damage(self.heap, mapping) != "sound":
                self.problem(f"mapped block {mapping.payload:#x}: "
                             f"{mapped_damage(self.heap, mapping)}")
        if not self.problems:
            self.check_counters()

    def check_region(self, region):
        front, block = None, None
        for block in self.heap.walk(region):
            self.check_block(block, front)
            front = block
        if block is None or block.state not in (TOP, FENCEPOST):
            self.problem(f"region {region.number} ends at {region.end:#x} without top or fencepost")

    def check_block(self, block, front):
        heap = self.heap
        if block.state == DAMAGED:
            self.damaged(block, front)
            return
        front_is_free = front is not None and front.state == FREE
        if heap.has_flag(block, "previous free") != front_is_free and \
                (front is None or front.state != DAMAGED):
            self.problem(f"block {block.payload:#x}: its flags say that the block in front is "
                         f"{'not ' if front_is_free else ''}free")
        if block.state == FREE:
            self.free[block.start] = block
            if front_is_free:
                self.problem(f"free blocks {front.payload:#x} and {block.payload:#x} are neighbours")
            if heap.tag(block) != block.size:
                self.problem(f"free block {block.payload:#x}: boundary tag {heap.tag(block):#x} "
                             f"instead of {block.size:#x}: written after it was freed, or in front "
                             "of the next block", f"its last bytes: "
                             f"{dump(heap.memory.readable(block.end - SHOWN_BYTES, SHOWN_BYTES))}")
        elif block.state in (IN_USE, CACHED):
            self.in_use_blocks += 1
            self.in_use_bytes += block.size
            if block.state == CACHED:
                self.cached.add(block.payload)

    def damaged(self, block, front):
        heap = self.heap
        details = [f"its 8 bytes: {dump(block.header)}"]
        if front is not None:
            details.append(f"block in front, which may have been written past its end: "
                           f"{short(heap, front)}")
            tail = min(SHOWN_BYTES, max(front.size - heap.header_bytes, 0))
            details.append(f"its last bytes: {dump(heap.memory.readable(front.end - tail, tail))}")
        self.problem(f"header of block {block.payload:#x}: {heap.describe_damage(block)}", *details)

    def check_bins(self):
        listed = set()
        for at in self.heap.heap_addresses():
            self.check_bins_of(at, listed)
        if not self.problems:
            for start in self.free.keys() - listed:
                self.problem(f"free block {self.free[start].payload:#x} is in no bin")

    def check_bins_of(self, at, listed):
        heap = self.heap
        bins = at + heap.facts["heap.bins"]
        bits = heap.facts["bins in a word"]
        heads = dict(heap.heads(at))
        for number in range(heap.facts["bins"]):
            word = heap.memory.word(bins + heap.facts["bins.words"] + number // bits * 8)
            if bool(word >> number % bits & 1) != (number in heads):
                self.problem(f"bin {number}: the bin map says the opposite of its list")
        for number, head in heads.items():
            blocks, problem = heap.bin_list(head)
            if problem:
                self.problem(f"bin {number}: {problem}")
            for block in blocks:
                listed.add(block.start)
                if heap.bin_of(block.size) != number:
                    self.problem(f"bin {number}: free block {block.payload:#x} of {block.size} bytes "
                                 f"belongs into bin {heap.bin_of(block.size)}")
                if block.start not in self.free:
                    self.problem(f"bin {number}: {block.payload:#x} lies inside another block")

    def check_caches(self):
        for cache in self.heap.caches():
            for what, payloads, problem in cache.lists:
                if problem:
                    self.problem(f"{cache.name}, {what}: {problem}: written after it was freed")
                for payload in payloads:
                    if payload not in self.cached and not problem:
                        self.problem(f"{cache.name}, {what}: {payload:#x} is no cached block")

    def check_counters(self):
        counted = {"heap.in_use_bytes": self.in_use_bytes, "heap.in_use_blocks": self.in_use_blocks}
        for name, value in counted.items():
            said = self.sum_of(name)
            if said != value:
                self.problem(f"the heaps' counter {name[5:]} is {said}, but a walk finds {value}")
        free = {"bins.blocks": len(self.free),
                "bins.bytes": sum(block.size for block in self.free.values())}
        for name, value in free.items():
            said = self.sum_of(name, self.heap.facts["heap.bins"])
            if said != value:
                self.problem(f"the counter of free {name[5:]} is {said}, but a walk finds {value}")

    def sum_of(self, name, offset=0):
        heap = self.heap
        return sum(heap.memory.word(at + offset + heap.facts[name])
                   for at in heap.heap_addresses())


class BrkmCheck(Command):
    """Walks regions, bins, caches and mapped blocks, and tells the first damage in full.
brkm check all: tells each."""
    name = "brkm check"

    def run(self, argument):
        if argument.strip() not in ("", "all"):
            raise gdb.GdbError(f'brkm check takes nothing or "all", but got "{argument.strip()}"')
        heap = chosen_heap()
        warn_if_locked(heap)
        checker = Checker(heap)
        checker.run()
        if not checker.problems:
            print(f"no damage: {amount(checker.in_use_blocks, 'block')} in use or cached, "
                  f"{len(checker.free)} free")
            return
        shown = SHOWN_PROBLEMS if argument.strip() == "all" else 1
        for text, details in checker.problems[:shown]:
            print(f"damage: {text}")
            for detail in details:
                print(f"  {detail}")
        left = len(checker.problems) - shown
        if left > 0:
            print(f"and {left} more" + ("" if shown > 1 else "; `brkm check all` tells them"))


class RegionRuns:
    """A region as runs of a kind, its bytes, and the blocks that begin there: one block each, and pieces
    of free ones."""

    def __init__(self, heap, region):
        self.heap, self.region = heap, region
        self.runs, self.largest_free = [], 0
        self.sums = dict.fromkeys(RUN_KINDS, 0)
        for block in heap.walk(region):
            self.add_block(block)

    def add(self, kind, size, blocks):
        if size > 0:
            self.runs.append((kind, size, blocks))
            self.sums[kind] += size

    def add_block(self, block):
        if block.state == FREE:
            self.add_free(block)
        elif block.state == TOP:
            self.add_top(block)
        elif block.state != FENCEPOST:
            kind = {CACHED: "cached", DAMAGED: "damaged"}.get(block.state, "used")
            self.add(kind, block.size, 0 if block.state == EDGE else 1)

    def add_free(self, block):
        self.largest_free = max(self.largest_free, block.size)
        first, last = self.heap.clean_pages(block) or (block.end, block.end)
        first = min(max(first, block.start), block.end)
        last = min(max(last, first), block.end)
        self.add("free", first - block.start, 1)
        self.add("purged", last - first, 0)
        self.add("free", block.end - last, 0)

    def add_top(self, block):
        written = min(max(self.heap.top("zero_from"), block.start), block.end)
        self.add("top", written - block.start, 0)
        self.add("reserved", block.end - written, 0)

    def to_json(self):
        return json.dumps({"kind": self.region.kind, "start": self.region.first, **self.sums,
                           "largest_free": self.largest_free, "runs": self.runs},
                          separators=(",", ":"))


class Areas:
    """What lies outside of the heap's regions, as a snapshot has it. A core file does not tell which pages
    were resident. What cannot be read, or cannot be true, is left out, and counted."""

    def __init__(self, heap):
        self.memory, self.facts = heap.memory, heap.facts
        self.left_out = 0
        self.found = []
        for look in (lambda: map(self.mapped, heap.mappings()), self.guarded, self.vmalloc, self.sections):
            self.add_all(look)

    def add_all(self, look):
        try:
            for area in look():
                if area is not None and self.is_sound(area):
                    self.found.append(area)
                else:
                    self.left_out += area is not None
        except Unreadable as error:
            print(f"brkm snapshot: {error}: some of what lies outside of the heap is missing")
            self.left_out += 1

    @staticmethod
    def is_sound(area):
        end = area["start"] + area["bytes"]
        payload = area.get("payload", area["start"])
        return area["start"] <= payload <= end <= MASK_64 and payload + area.get("usable", 0) <= end

    @staticmethod
    def mapped(mapping):
        if mapping.size == 0 and mapping.kept == 0:
            return None
        area = {"kind": "mapped", "start": mapping.start, "bytes": mapping.size or mapping.kept,
                "payload": mapping.payload}
        if mapping.size == 0:
            return {**area, "resident": 0, "state": "retired"}
        return {**area, "usable": mapping.usable, "state": "used"}

    def table(self, entries, count, size):
        """The entries of a table, one by one."""
        for i in range(count):
            yield self.memory.read(entries + i * size, size)

    def member(self, entry, name, size=8):
        at = self.facts[name]
        return int.from_bytes(entry[at:at + size], "little")

    def guarded(self):
        facts = self.facts
        if "guarded slots" not in facts or self.memory.word(facts["guarded start"]) == 0:
            return
        for slot in self.table(self.memory.word(facts["guarded slots"]), self.memory.word(facts["guarded used"]),
                               facts["sizeof slot"]):
            address, size = self.member(slot, "slot.block.memory"), self.member(slot, "slot.block.size")
            if self.member(slot, "slot.block.is_in_use", 1):
                yield {"kind": "guarded", "start": address // PAGE * PAGE, "bytes": PAGE, "payload": address,
                       "usable": size, "requested": size, "state": "used"}

    def vmalloc(self):
        facts = self.facts
        if "vmalloc areas" not in facts:
            return
        for area in self.table(self.memory.word(facts["vmalloc areas"]), self.memory.word(facts["vmalloc places"]),
                               facts["sizeof area"]):
            start, size = self.member(area, "area.start"), self.member(area, "area.size") - PAGE
            if start != 0:
                yield {"kind": "vmalloc", "start": start, "bytes": size, "payload": start, "usable": size,
                       "state": "used"}

    def words(self, at, count):
        """Those of an array that are not 0."""
        return (word for word, in WORD.iter_unpack(self.memory.read(at, 8 * count)) if word != 0)

    def sections(self):
        facts = self.facts
        if "page map" not in facts:
            return
        for leaf in self.words(facts["page map"], facts["page map leaves"]):
            for section in self.words(leaf, facts["page map leaf sections"]):
                yield SectionRuns(self, section).area()


class SectionRuns:
    """A section of the kernel's family: blocks of pages, and the objects of slabs one by one."""

    def __init__(self, areas, section):
        self.areas, self.facts, self.memory = areas, areas.facts, areas.memory
        self.section = section
        self.start = self.memory.word(section + self.facts["section.start"])
        self.pages = self.facts["section pages"]
        self.runs = []

    def area(self):
        facts, size = self.facts, self.facts["sizeof brkm_page"]
        kinds = {facts["page kept"]: "cached", facts["page in use"]: "pages", facts["page noted"]: "pages",
                 facts["page large"]: "pages"}
        ordered = (facts["page free"], facts["page in use"], facts["page noted"], facts["page large"])
        records = self.memory.read(self.section + facts["section.pages"], self.pages * size)
        index = 0
        while index < self.pages:
            record = records[index * size:(index + 1) * size]
            kind, order = record[facts["brkm_page.kind"]], record[facts["brkm_page.order"]]
            count = 1 << order if kind in ordered and order < 64 and index % (1 << order) == 0 else 1
            count = min(count, self.pages - index)
            if kind == facts["page slab"]:
                count = self.slab(index, self.areas.member(record, "brkm_page.u.slab"))
            elif kind == facts["page free"] and record[facts["brkm_page.is_clean"]]:
                self.runs.append(("purged", count * PAGE, 1))
            else:
                self.runs.append((kinds.get(kind, "free"), count * PAGE, 1))
            index += count
        return {"kind": "section", "start": self.start, "bytes": self.pages * PAGE, "runs": self.runs}

    def slab(self, index, slab):
        """Its pages; one that is damaged where its cache cannot be true."""
        try:
            return self.objects(index, slab)
        except (Unreadable, ValueError):
            self.runs.append(("damaged", PAGE, 0))
            return 1

    def objects(self, index, slab):
        facts, field = self.facts, lambda at, name, size: self.memory.number(at + facts[name], size)
        cache = field(slab, "slab.cache", 8)
        stride, front, objects, order = (field(cache, "brkm_kmem_cache." + name, 4)
                                         for name in ("stride", "front", "objects", "order"))
        before = field(slab, "slab.first", 8) - front - (self.start + index * PAGE)
        rest = (PAGE << min(order, 64)) - before - objects * stride
        page = self.section + facts["section.pages"] + index * facts["sizeof brkm_page"]
        if field(cache, "brkm_kmem_cache.magic", 4) != facts["slab cache magic"] or before < 0 or rest < 0 or \
                stride == 0 or index + (1 << order) > self.pages or field(slab, "slab.page", 8) != page:
            raise ValueError
        states = self.memory.read(field(slab, "slab.states", 8), objects)
        words = {facts["object free"]: "free", facts["object in use"]: "objects", facts["object noted"]: "objects"}
        self.runs += [("objects", before, 0)] if before else []
        self.runs += [(words.get(state, "cached"), stride, 1) for state in states]
        self.runs += [("objects", rest, 0)] if rest else []
        return 1 << order


class BrkmSnapshot(Command):
    """Writes what lies where in the heap: brkm snapshot FILE.
It is what `brkmalloc ctl PID snapshot` prints of a running process, with each block by itself, for
`brkmalloc report FILE` and `brkmalloc map FILE`."""
    name = "brkm snapshot"

    def run(self, argument):
        path = argument.strip()
        if not path:
            raise gdb.GdbError("brkm snapshot needs a FILE to write to")
        heap = chosen_heap()
        warn_if_locked(heap)
        try:
            with open(path + ".part", "w", encoding="ascii") as file:
                self.write(heap, file)
            os.replace(path + ".part", path)
        except OSError as error:
            raise gdb.GdbError(f"brkm snapshot: {error}") from None

    @staticmethod
    def write(heap, file):
        core = re.search(r"^Local core dump file:\s+`(.+)', file type",
                         gdb.execute("info files", to_string=True), re.M)
        source = re.sub(r'[^ -~]|["\\]', "?", core[1]) if core else "gdb"
        head = {"source": source, "process": gdb.selected_inferior().pid, "page": PAGE,
                "detail": "blocks", "runs_left_out": 0}
        file.write(json.dumps(head, separators=(",", ":"))[:-1] + ',"regions":[')
        for number, region in enumerate(heap.regions):
            file.write(("," if number else "") + "\n" + RegionRuns(heap, region).to_json())
        areas = Areas(heap)
        file.write(f'],"areas_left_out":{areas.left_out},"areas":[')
        file.write(",\n".join(json.dumps(area, separators=(",", ":")) for area in areas.found) + "]}\n")


class BrkmCore(Command):
    """Loads a core file and the program that it is of: brkm core FILE."""
    name = "brkm core"

    def run(self, argument):
        core = argument.strip()
        if not core:
            raise gdb.GdbError("brkm core needs a FILE")
        self.load(f"core-file {core}")
        program = self.program_of_core()
        if not os.path.exists(program):
            raise gdb.GdbError(f"brkm core: the program {program} is not there any more: "
                               f"`gdb PROGRAM {core}` takes another one's path")
        quoted = program.replace("\\", "\\\\").replace('"', '\\"')
        self.load(f'file "{quoted}"')
        self.load(f"core-file {core}")

    @staticmethod
    def load(command):
        try:
            gdb.execute(command, to_string=True)
        except gdb.error as error:
            raise gdb.GdbError(f"brkm core: {error}") from None

    @staticmethod
    def program_of_core():
        """The file that is mapped where the program begins to run."""
        entry = re.search(r"AT_ENTRY\s.*\s(0x[0-9a-f]+)$", gdb.execute("info auxv", to_string=True), re.M)
        mappings = gdb.execute("info proc mappings", to_string=True)
        for start, end, path in re.findall(r"^\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+\S+\s+\S+\s+(?:\S{4}\s+)?"
                                           r"(/.*)$", mappings, re.M):
            if entry and int(start, 16) <= int(entry[1], 16) < int(end, 16):
                return path
        raise gdb.GdbError("brkm core: the core file does not tell its program: use `gdb PROGRAM CORE`")


class BrkmCopies(Command):
    """The copies of the library in this process, of which each has a heap of its own.
brkm copies N: the other commands look at that one."""
    name = "brkm copies"

    def run(self, argument):
        heaps = all_heaps()
        if argument.strip():
            self.choose(argument.strip(), len(heaps))
        chosen = chosen_heap().facts.file, chosen_heap().facts["heap"]
        for number, heap in enumerate(heaps, 1):
            mark = "*" if (heap.facts.file, heap.facts["heap"]) == chosen else " "
            total = sum(region.end - region.start for region in heap.regions)
            mapped = sum(mapping.size for mapping in heap.mappings())
            print(f"{mark} {number} {heap.facts.file}: {bytes_text(total)} in "
                  f"{amount(len(heap.regions), 'region')}, {bytes_text(mapped)} mapped")

    @staticmethod
    def choose(text, count):
        if not text.isdigit() or not 1 <= int(text) <= count:
            raise gdb.GdbError(f'brkm copies takes a number from 1 to {count}, but got "{text}"')
        Choice.number = int(text)


for command in (Brkm, BrkmHeap, BrkmBlock, BrkmWhy, BrkmBins, BrkmCaches, BrkmCheck, BrkmSnapshot,
                BrkmCore, BrkmCopies):
    command()
