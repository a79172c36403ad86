#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shapes.py CASE SCRIPT PROGRAM [LIBRARY]

Runs gdb with SCRIPT (brkmalloc-gdb.py) on shapes (PROGRAM, LIBRARY preloaded), whose blocks are known,
and compares what its commands tell with what the program says. The cases are the functions case_*."""
import collections
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

import gdb_session

OPTIONS = "mapped_threshold:32m"
HEADER = 8
failures = []


def expect(holds, message):
    if not holds:
        failures.append(message)


def same(what, expected, found):
    expect(expected == found, f"{what}: expected {expected!r}, found {found!r}")


def has(what, part, text):
    expect(part in text, f"{what}: expected {part!r} in: {text}")


class Shapes:
    """A stopped program: where its blocks are, and what gdb tells of them."""

    def __init__(self, session, output):
        self.session, self.output, self.at, self.bytes = session, output, {}, {}
        for name, payload, size in re.findall(r"^(\w+) (\d+) (\d+)$", output, re.M):
            self.at[name], self.bytes[name] = int(payload), int(size)
        expect("ready" in output, f"the program did not come to its end: {output}")

    def run(self, command):
        return self.session.run(command)

    def block(self, address):
        """The rows of `brkm block`; one that is missing is empty."""
        text = self.run(f"brkm block {address:#x}")
        return collections.defaultdict(str, re.findall(r"^(\w+) +(.*)$", text, re.M))


class Program:
    def __init__(self, script, program, library=None, options=OPTIONS):
        self.script, self.program, self.library = script, program, library
        self.environment = {"BRKMALLOC": options} | ({"LD_PRELOAD": library} if library else {})

    def start(self, where="heap", damage="none", end="trap"):
        """The program under gdb, stopped where `end` says."""
        session = gdb_session.Session(self.program, where, damage, end,
                                      environment=self.environment)
        loaded = session.run(f"source {self.script}")
        expect(loaded == "", f"loading the script prints: {loaded}")
        return Shapes(session, session.run("run"))

    def open_core(self, core, output):
        session = gdb_session.Session(self.program, core=core)
        session.run(f"source {self.script}")
        return Shapes(session, output)


# ---- What is compared ----

def first_number(text):
    found = re.match(r"0x[0-9a-f]+|\d+", text)
    return int(found.group(0), 0) if found else None


def check_row_of(shapes, name, state):
    """Everything that is known of the block `name`."""
    payload, size = shapes.at[name], shapes.bytes[name]
    found = shapes.block(payload)
    same(f"{name}: block", f"{payload:#x} (header at {payload - HEADER:#x})", found.get("block"))
    same(f"{name}: state", state, found.get("state"))
    same(f"{name}: header", "sound", found.get("header"))
    same(f"{name}: address", f"{payload:#x}, the payload's start", found.get("address"))
    if size:
        has(f"{name}: size", f"{size} bytes", found.get("size", ""))
        has(f"{name}: usable", f"{size - HEADER} usable", found.get("size", ""))
        inside = shapes.block(payload + size - HEADER - 1)
        same(f"{name}: its last byte", found.get("block"), inside.get("block"))
        before = shapes.block(payload - 1)
        has(f"{name}: its header's last byte", "in the header, 1 byte", before.get("address", ""))
    return found


def check_blocks(shapes):
    in_use = check_row_of(shapes, "in_use", "in use")
    has("contents", "the block in front of the hole"[:31], in_use["contents"])
    hole = check_row_of(shapes, "hole", "free")
    same("hole: tag", "sound", hole["tag"])
    same("hole: front", first_number(in_use["block"]), first_number(hole["front"]))
    same("hole: behind", shapes.at["behind"], first_number(hole["behind"]))
    same("hole: clean", "none", hole["clean"])
    expect(re.match(r"\d+, place \d+ of \d+$", hole["bin"]), f"hole: bin {hole['bin']}")
    behind = check_row_of(shapes, "behind", "in use")
    has("behind: flags", "previous free", behind["flags"])
    same("behind: front", shapes.at["hole"], first_number(behind["front"]))
    check_row_of(shapes, "guard", "in use")
    check_row_of(shapes, "pin", "in use")
    check_row_of(shapes, "bordering", "free")


def check_pages(shapes):
    """The program wrote to all pages of one free block, and they went back."""
    purged = check_row_of(shapes, "purged", "free")
    has("purged: flags", "purged", purged["flags"])
    start, end = (int(word, 16) for word in re.findall(r"0x[0-9a-f]+", purged["clean"])[:2])
    at, size = shapes.at["purged"], shapes.bytes["purged"]
    expect(at <= start < at + 4200 and at + size - 4200 < end <= at + size,
           f"purged: {purged['clean']} of {at:#x}, {size} bytes")
    has("purged: bytes", f", {end - start} bytes", purged["clean"])
    check_row_of(shapes, "long", "free")


def check_caches(shapes):
    cached = check_row_of(shapes, "cached", "cached")
    has("cached in the first thread", "of thread 1 (LWP ", cached["cache"])
    elsewhere = check_row_of(shapes, "elsewhere", "cached")
    expect(re.match(r"thread cache \d+ of thread \d+ \(LWP \d+\), slot \d+, place \d+ of \d+$",
                    elsewhere["cache"]), f"elsewhere: {elsewhere['cache']}")
    expect("of thread 1 " not in elsewhere["cache"], f"elsewhere: {elsewhere['cache']}")
    depot = check_row_of(shapes, "depot", "cached")
    has("depot", "depot, shelf ", depot["cache"])
    caches = shapes.run("brkm caches")
    same("thread caches", 2, len(re.findall(r"^thread cache \d+, thread \d+ \(LWP \d+\): [1-9]\d* b",
                                            caches, re.M)))
    expect(re.search(r"^depot: [1-9]\d* blocks?, ", caches, re.M), f"brkm caches: {caches}")


def check_mapped(shapes):
    payload, usable = shapes.at["mapped"], shapes.bytes["mapped"]
    mapped = shapes.block(payload)
    same("mapped: state", "mapped", mapped["state"])
    same("mapped: header", "sound", mapped["header"])
    has("mapped: size", f", {usable} usable", mapped["size"])
    same("mapped: inside", mapped["block"], shapes.block(payload + usable - 1)["block"])
    has("mapped: behind", "in the fencepost", shapes.block(payload + usable)["address"])
    has("unmapped", "where a mapped block was that is freed",
        shapes.block(shapes.at["unmapped"])["address"])
    has("why mapped", "nothing pins it", shapes.run(f"brkm why {payload:#x}"))


def check_why(shapes):
    why = shapes.run(f"brkm why {shapes.at['hole']:#x}")
    for word in ("in_use", "behind"):
        has(f"why hole: {word}", f"{shapes.at[word]:#x}, in use, {shapes.bytes[word]} bytes", why)
    for text in ("the block in front of the hole"[:31], "the block behind the hole"):
        has("why hole", text, why)
    has("why in use", "in use itself", shapes.run(f"brkm why {shapes.at['in_use']:#x}"))
    has("why cached", "kept for the next malloc", shapes.run(f"brkm why {shapes.at['cached']:#x}"))


def check_why_top(shapes):
    why = shapes.run("brkm why top")
    has("why top", f"pinned by  {shapes.at['pin']:#x}, in use, {shapes.bytes['pin']} bytes", why)
    has("why top", "the block below the top", why)
    has("why top", f"below it   {shapes.at['bordering']:#x}, free", why)
    if "break" not in shapes.at:
        return
    has("why top", f"break at {shapes.at['break']:#x}", why)
    same("why, with the top's address", why, shapes.run(f"brkm why {shapes.at['break'] - 16:#x}"))
    top = shapes.block(shapes.at["break"] - 1)
    same("the last byte's state", "top", top["state"])


def rows_of_heap(shapes):
    """Blocks and bytes by state, from `brkm heap`."""
    text = shapes.run("brkm heap")
    return {name.strip(): (int(blocks), int(size)) for name, blocks, size in
            re.findall(r"^([a-z ]{10}) +(\d+) +(\d+) +\d+.*$", text, re.M)}, text


def check_heap(shapes, kind):
    rows, text = rows_of_heap(shapes)
    regions = re.findall(r"^region \d+: (\w+), (0x\w+) to (0x\w+), (\d+) bytes", text, re.M)
    total = sum(int(size) for *_, size in regions)
    expect(regions and all(region[0] == kind for region in regions), f"regions: {regions}")
    same("bytes of the regions", total, sum(int(end, 16) - int(start, 16)
                                            for _, start, end, _ in regions))
    has("the total", f"{total:>14}\n", text)
    overhead = int(re.search(r"^overhead +(\d+)$", text, re.M).group(1))
    same("the sum", total, overhead + sum(rows[state][1] for state in
                                          ("in use", "cached", "free", "top")))
    names = ("hole", "bordering", "purged") + (("long",) if kind == "break" else ())
    free = [shapes.bytes[name] for name in names]
    expect(rows["free"][1] >= sum(free) and rows["free"][0] >= len(free), f"free: {rows['free']}")
    same("mapped", 1, rows["mapped"][0])
    histogram = re.findall(r"^ +(\d+) \.\. (\d+) +(\d+) +(\d+)  #+$", text, re.M)
    same("blocks of the histogram", rows["free"],
         (sum(int(row[2]) for row in histogram), sum(int(row[3]) for row in histogram)))
    for size in free:
        expect(any(int(row[0]) <= size <= int(row[1]) for row in histogram), f"no row for {size}")


def check_bins(shapes):
    rows = re.findall(r"^ *(\d+) +(\d+) +(\d+) +(\d+) +(\d+)  (0x\w+)$", shapes.run("brkm bins"), re.M)
    free = rows_of_heap(shapes)[0]["free"]
    same("brkm bins", free, (sum(int(row[1]) for row in rows), sum(int(row[2]) for row in rows)))
    for name in ("hole", "purged"):
        number = shapes.block(shapes.at[name])["bin"].split(",")[0]
        row = next((row for row in rows if row[0] == number), None)
        expect(row and int(row[3]) <= shapes.bytes[name] <= int(row[4]), f"{name}: {number}: {row}")


def check_all(shapes):
    check_blocks(shapes)
    check_pages(shapes)
    check_caches(shapes)
    check_mapped(shapes)
    check_why(shapes)
    check_why_top(shapes)
    check_heap(shapes, "break")
    check_bins(shapes)
    has("check", "no damage: ", shapes.run("brkm check"))


# ---- Cases ----

def case_live(program):
    check_all(program.start())


def case_fallback(program):
    shapes = program.start("fallback")
    check_blocks(shapes)
    check_mapped(shapes)
    check_why(shapes)
    check_heap(shapes, "fallback")
    check_bins(shapes)
    has("check", "no damage: ", shapes.run("brkm check"))
    has("why top", "brkm why: there is no top", shapes.run("brkm why top"))
    first = int(re.search(r"fallback, (0x\w+) to", shapes.run("brkm heap")).group(1), 16)
    has("a region's first block", "region start", shapes.block(first + 2 * HEADER)["flags"])


def case_gcore(program):
    with tempfile.TemporaryDirectory() as folder:
        shapes = program.start()
        core = os.path.join(folder, "core")
        has("gcore", "Saved corefile", shapes.run(f"generate-core-file {core}"))
        shapes.session.__exit__()
        check_all(program.open_core(core, shapes.output))


def snapshot_blocks(path):
    """(kind, bytes, blocks) by address."""
    with open(path, encoding="ascii") as file:
        snapshot = json.load(file)
    same("what a run is", "blocks", snapshot["detail"])
    found = {}
    for region in snapshot["regions"]:
        at = region["start"]
        for kind, size, blocks in region["runs"]:
            found[at] = kind, size, blocks
            at += size
        for kind in ("used", "cached", "free", "purged", "top", "reserved", "damaged"):
            same(f"sum of {kind}", sum(run[1] for run in region["runs"] if run[0] == kind), region[kind])
    return found


def snapshot_outside(shapes, content):
    """Mapped blocks and the kernel family's memory."""
    same("areas left out", 0, content["areas_left_out"])
    areas = {area["payload"]: area for area in content["areas"] if area["kind"] != "section"}
    same("mapped", ("mapped", shapes.bytes["mapped"], "used"),
         tuple(areas.get(shapes.at["mapped"], {}).get(name) for name in ("kind", "usable", "state")))
    same("area", ("vmalloc", -(-shapes.bytes["area"] // 4096) * 4096),
         tuple(areas.get(shapes.at["area"], {}).get(name) for name in ("kind", "usable")))
    runs = {}
    for area in content["areas"]:
        at = area["start"]
        for run in area.get("runs", []):
            runs[at] = run
            at += run[1]
        same("bytes of the runs", area["start"] + (area["bytes"] if area["kind"] == "section" else 0), at)
    for name, kind in (("pages", "pages"), ("object", "objects")):
        same(name, [kind, shapes.bytes[name], 1], runs.get(shapes.at[name]))


def case_snapshot_guarded(program):
    """A guarded block, with as much as was asked for; and a damaged table of mapped blocks, which leaves the
    rest of the snapshot whole."""
    program.environment["BRKMALLOC"] += ",guard_sample:1"
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "heap.json")
        shapes = program.start()
        same("what brkm snapshot says", "", shapes.run(f"brkm snapshot {path}"))
        with open(path, encoding="ascii") as file:
            areas = json.load(file)["areas"]
        found = [area for area in areas if area.get("payload") == shapes.at["small"]]
        same("the guarded block", [("guarded", 24, 24, "used")],
             [tuple(area[name] for name in ("kind", "usable", "requested", "state")) for area in found])
        shapes.run('python gdb.selected_inferior().write_memory(chosen_heap().facts["mapped table"], '
                   '(1).to_bytes(8, "little"))')
        has("a damaged table", "cannot read memory at 0x1: some of what lies outside of the heap is missing",
            shapes.run(f"brkm snapshot {path}"))
        with open(path, encoding="ascii") as file:
            content = json.load(file)
        same("without mapped blocks", ([area for area in areas if area["kind"] != "mapped"], 1),
             (content["areas"], content["areas_left_out"]))
        shapes.session.__exit__()


def case_snapshot(program):
    """Of a core file whose program gdb finds itself."""
    with tempfile.TemporaryDirectory(prefix="a blank ") as folder:
        shapes = program.start()
        core, path = os.path.join(folder, "core"), os.path.join(folder, "heap.json")
        shapes.run(f"generate-core-file {core}")
        shapes.session.__exit__()
        with gdb_session.Session() as session:
            session.run(f"source {program.script}")
            same("what brkm core says", "", session.run(f"brkm core {core}"))
            same("what brkm snapshot says", "", session.run(f"brkm snapshot {path}"))
            has("no file", "brkm snapshot needs a FILE", session.run("brkm snapshot"))
            has("no folder", "brkm snapshot: [Errno 2]", session.run("brkm snapshot /nowhere/x"))
            has("no core", "brkm core: ", session.run("brkm core /nowhere/x"))
        found = snapshot_blocks(path)
        with open(path, encoding="ascii") as file:
            content = json.load(file)
        snapshot_outside(shapes, content)
        for name, kind in [("in_use", "used"), ("hole", "free"), ("behind", "used"), ("guard", "used"),
                           ("pin", "used"), ("cached", "cached")]:
            block = found.get(shapes.at[name] - HEADER, ("nothing", 0, 0))
            same(name, (kind, shapes.bytes[name] or block[1], 1), block)
        at, size = shapes.at["purged"] - HEADER, shapes.bytes["purged"]
        parts = [found[place] for place in sorted(found) if at <= place < at + size]
        same("purged: parts", (["free", "purged", "free"], size),
             ([part[0] for part in parts], sum(part[1] for part in parts)))


def kernel_core(program, folder, *arguments):
    """A core file that the kernel writes, and what the program printed."""
    unlimited = resource.getrlimit(resource.RLIMIT_CORE)[1]
    run = subprocess.run([program.program, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True,
                         stderr=subprocess.STDOUT, check=False, env=os.environ | program.environment,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE,
                                                               (unlimited, unlimited)))
    files = [os.path.join(folder, name) for name in os.listdir(folder)]
    if not files:
        gdb_session.skip("the kernel writes no core file into the program's folder here")
    return files[0], run.stdout


def case_kernel_core(program):
    with tempfile.TemporaryDirectory() as folder:
        check_all(program.open_core(*kernel_core(program, folder, "heap", "none", "abort")))


def case_misuse_core(program):
    """The library found a damaged header and aborted: the core tells which and by whom."""
    with tempfile.TemporaryDirectory() as folder:
        core, output = kernel_core(program, folder, "heap", "header", "fault")
        has("what the library says", "brkmalloc: header overwritten at ", output)
        shapes = program.open_core(core, output)
        check = shapes.run("brkm check")
        has("check", f"damage: header of block {shapes.at['behind']:#x}: damaged: guard", check)
        has("check", f"{shapes.at['hole']:#x}, free", check)
        has("the bytes", "|AAAAAAAA|", check)


def case_stripped(program):
    """Without symbols and debug information."""
    with tempfile.TemporaryDirectory() as folder:
        stripped = []
        for path in filter(None, (program.program, program.library)):
            stripped.append(os.path.join(folder, os.path.basename(path)))
            shutil.copy(path, stripped[-1])
            subprocess.run(["strip", "--strip-all", stripped[-1]], check=True)
        check_all(Program(program.script, *stripped).start())


DAMAGE = {
    "guard": "damaged: guard (bytes 0 and 1); was in use, SIZE bytes",
    "seal": "damaged: upper half of the seal (bytes 2 and 3)",
    "flags": "damaged: size (bytes 4 to 7); was in use, SIZE bytes",
    "size": "damaged: size (bytes 4 to 7); was in use, SIZE bytes",
    "header": "damaged: guard (bytes 0 and 1), upper half of the seal (bytes 2 and 3), "
              "size (bytes 4 to 7)",
}


def case_damage(program):
    for what, says in DAMAGE.items():
        shapes = program.start("heap", what)
        says = says.replace("SIZE", str(shapes.bytes["behind"]))
        found = shapes.block(shapes.at["behind"])
        same(f"{what}: state", "damaged", found["state"])
        same(f"{what}: header", says, found["header"])
        has(f"{what}: size", f"{shapes.bytes['behind']} bytes", found["size"])
        has(f"{what}: check", f"damage: header of block {shapes.at['behind']:#x}: {says}",
            shapes.run("brkm check"))
        # The walk goes on behind it.
        same(f"{what}: guard", "sound", shapes.block(shapes.at["guard"])["header"])
        same(f"{what}: purged", shapes.at["behind"],
             first_number(shapes.block(shapes.at["purged"])["front"]))
        same(f"{what}: damaged blocks", 1, rows_of_heap(shapes)[0]["damaged"][0])


LATER_DAMAGE = {
    "end": ("guard", "header of block {guard:#x}: damaged: "),
    "tag": ("hole", "free block {hole:#x}: boundary tag 0x4141414141414141 instead of "),
    "link": ("hole", "a link of the free block {hole:#x} leads to 0x4141414141414141, out of the heap"),
    "cached": ("cached", "the link in the cached block {cached:#x} was overwritten"),
    "mapped": ("mapped", "mapped block {mapped:#x}: the header in front is damaged"),
    "fencepost": ("mapped", "mapped block {mapped:#x}: the fencepost behind is damaged"),
}


def case_other_damage(program):
    for what, (name, says) in LATER_DAMAGE.items():
        shapes = program.start("heap", what)
        check = shapes.run("brkm check all")
        has(f"{what}: check", says.format(**shapes.at), check)
        expect("Traceback" not in check, f"{what}: {check}")
        for command in (f"brkm block {shapes.at[name]:#x}", f"brkm why {shapes.at[name]:#x}",
                        "brkm heap", "brkm bins", "brkm caches"):
            text = shapes.run(command)
            expect("Traceback" not in text and "Python Exception" not in text, f"{command}: {text}")


def case_errors(program):
    with gdb_session.Session("/bin/true") as session:
        session.run(f"source {program.script}")
        for command in ("heap", "block 1", "why 1", "bins", "caches", "check", "copies"):
            has(f"{command} without a process", "brkm: no process and no core file",
                session.run(f"brkm {command}"))
        session.run("starti")
        has("another program", "brkm: no brkmalloc in this process", session.run("brkm heap"))
    shapes = program.start()
    for command, says in {
            "brkm": "Commands that read the heap",
            "brkm nonsense": 'brkm has no command "nonsense": the commands are heap, block',
            "brkm block": "brkm block needs an address",
            "brkm block nonsense": 'brkm block: "nonsense" is no address: ',
            "brkm block 0x10": "brkm block: 0x10 lies in no block of brkmalloc: its regions are 0x",
            "brkm block $sp": "lies in no block of brkmalloc",
            "brkm block -1": "brkm block: 0xffffffffffffffff lies in no block",
            "brkm why": "brkm why needs an address",
            "brkm why 0x10": "brkm why: 0x10 lies in no block of brkmalloc",
            "brkm heap 3": 'brkm heap takes no argument, but got "3"',
            "brkm check some": 'brkm check takes nothing or "all", but got "some"',
            "brkm copies 7": 'brkm copies takes a number from 1 to ',
            "brkm copies x": 'brkm copies takes a number from 1 to ',
            "help brkm block": "The block around an address"}.items():
        has(command, says, shapes.run(command))


def quarantined(shapes):
    """The payloads of the blocks that the program freed, by what `brkm why` tells of each."""
    told = collections.defaultdict(list)
    payloads = [int(payload) for payload in re.findall(r"^freed (\d+) 0$", shapes.output, re.M)]
    for payload in payloads:
        found = re.match(rf"{payload:#x}, (\w+), \d+ bytes(?:: freed, and in (.*?); malloc_trim .*)?",
                         shapes.run(f"brkm why {payload:#x}"))
        told[found and (found.group(2) or found.group(1))].append(payload)
    return payloads, told


def check_part(told, pattern):
    """How many blocks a part of the quarantine has, by the number that the pattern finds."""
    found = collections.Counter()
    for words, blocks in told.items():
        match = re.fullmatch(pattern, words or "")
        if match:
            found[int(match.group(1))] += len(blocks)
    expect(found, f"no block is in {pattern}: {list(told)[:5]}")
    return found or {0: 0}


def case_quarantine(program):
    """Where blocks that were freed in the hardened mode are: each is somewhere, and the parts say of
    themselves what is in them."""
    hardened = Program(program.script, program.program, program.library, OPTIONS + ",hardened:true")
    shapes = hardened.start("quarantine")
    payloads, told = quarantined(shapes)
    own = r"the quarantine of thread 1 \(LWP \d+\), "
    # Besides them a few of libc's.
    for part, most in (r"pool, one of (\d+)", 256), (r"stock, \w+(?: next)? of (\d+) of \d+ bytes", 32):
        counts = check_part(told, own + part)
        same(f"numbers in {part}", 1, len(counts))
        for number, count in counts.items():
            expect(count <= number <= min(count + 10, most), f"{part}: {count} blocks, {number} told")
    places = check_part(told, own + r"queue, place (\d+) of \d+")
    expect(max(places) <= 64 and max(places) - 10 <= len(places), f"queue: {sorted(places)}")
    same("blocks at one place of the queue", {1}, set(places.values()))
    batches = check_part(told, r"the store of the quarantines, batch (\d+) of \d+ of \d+ bytes")
    same("batches", list(range(1, len(batches) + 1)), sorted(batches))
    expect(max(batches.values()) == 15 and min(batches.values()) >= 5, f"blocks by batch: {batches}")
    same("blocks of which nothing is known", 0,
         sum(len(blocks) for words, blocks in told.items() if words is None or "no cache" in words))
    last = next(words for words, blocks in told.items() if payloads[-1] in blocks)
    has("the last block", ", pool, ", last)
    check_others_quarantined(shapes)
    has("brkm block", last, shapes.block(payloads[-1])["cache"])


def check_others_quarantined(shapes):
    """Blocks of other threads, and a mapped one."""
    elsewhere = shapes.run(f"brkm why {shapes.at['elsewhere']:#x}")
    expect(re.search(r"the quarantine of thread 2 \(LWP \d+\), pool, one of 1; ", elsewhere),
           f"elsewhere: {elsewhere}")
    has("left by a thread that ended", "the quarantine of no thread any more, pool, one of 1;",
        shapes.run(f"brkm why {shapes.at['left']:#x}"))
    mapped = shapes.at["mapped"]
    for address in (mapped, mapped + 50000):
        why = shapes.run(f"brkm why {address:#x}")
        expect(re.match(rf"{address:#x} lies in the mapped block {mapped:#x}, which was freed and is in "
                        r"the quarantine of thread 1 \(LWP \d+\), (pool|queue), ", why), why)
        has("brkm block", "the quarantine of thread 1", shapes.block(address)["cache"])


def case_empty(program):
    shapes = program.start("empty")
    heap = shapes.run("brkm heap")
    expect("Traceback" not in heap, heap)
    has("check", "no damage", shapes.run("brkm check"))


def main():
    case, script, *program = sys.argv[1:]
    gdb_session.require_gdb()
    globals()[f"case_{case}"](Program(script, *program))
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
