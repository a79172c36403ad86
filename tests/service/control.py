#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""control.py CTL LIBRARY STATIC CASE: `brkmalloc ctl` and `brkmalloc top` (the program CTL), and clients of
another kind, against servers that run on LIBRARY. STATIC is a program with the allocator inside. Each
case is a function here."""
import codecs
import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

CTL, LIBRARY, STATIC, CASE = sys.argv[1:]
SKIPPED = 77
NOBODY = 65534
PATIENCE = 10.0

# A server that holds memory, and takes a line at a time to go on with.
SERVER = """
import os, sys, time
kept = [bytes(i % 3000) for i in range(60000)]
del kept[::2]
print("ready", flush=True)
sys.stdin.readline()
"""


def check(condition, *about):
    if not condition:
        print("FAILED:", *about)
        sys.exit(1)


def same(expected, found, about):
    check(expected == found, f"{about}: expected {expected!r}, found {found!r}")


def environment(options):
    values = {key: value for key, value in os.environ.items() if key != "BRKMALLOC"}
    return values | {"LD_PRELOAD": LIBRARY, "PYTHONMALLOC": "malloc"} | (
        {"BRKMALLOC": options} if options else {})


@contextlib.contextmanager
def running(command, options="control:true", **more):
    """The command on the library, ended afterwards."""
    process = subprocess.Popen(command, env=environment(options), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True, **more)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            pipe.close()


@contextlib.contextmanager
def server(options="control:true", script=SERVER):
    """A Python program that has said a line; yields it and the line's words."""
    with running([sys.executable, "-c", script], options) as process:
        words = process.stdout.readline().split()
        check(words, "the server did not begin")
        yield process, words


def run(*words, **more):
    return subprocess.run([CTL, *map(str, words)], capture_output=True, text=True, timeout=60,
                          check=False, **more)


def ask(process, *words):
    """The answer to a request that must succeed."""
    done = run("ctl", process, *words)
    check(done.returncode == 0, words, done.returncode, done.stderr)
    same("", done.stderr, "standard error")
    return done.stdout


def fails(status, part, *words, **more):
    done = run(*words, **more)
    same(status, done.returncode, f"status of {words} ({done.stderr})")
    check(part in done.stderr, words, "says", done.stderr, "instead of", part)
    same("", done.stdout, "standard output")


# ---- Clients of another kind ----


def socket_name(process):
    """The socket's abstract name, as soon as there is one."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with open("/proc/net/unix", encoding="utf-8") as table:
            found = re.search(rf" @(brkmalloc/{process}/\d+)$", table.read(), re.M)
        if found:
            return "\0" + found.group(1)
        time.sleep(0.02)
    check(False, "there is no socket of", process)
    return ""


def connect(process):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(30)
    client.connect(socket_name(process))
    return client


def read_all(client):
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(65536):
            parts.append(part)
    return b"".join(parts)


def talk(process, request):
    with connect(process) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
        return read_all(client)


def service_thread(process):
    """The number of the thread named brkmalloc."""
    for task in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{task}/comm", encoding="utf-8") as file:
            if file.read() == "brkmalloc\n":
                return task
    check(False, "there is no service thread in", process)
    return ""


def thread_status(process, key):
    with open(f"/proc/{process}/task/{service_thread(process)}/status", encoding="utf-8") as file:
        return int(re.search(rf"^{key}:\s*(\d+)", file.read(), re.M).group(1))


def thread_ticks(process):
    """Processor time of the service thread, in 1/100 s."""
    path = f"/proc/{process}/task/{service_thread(process)}/stat"
    with open(path, encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


# ---- Cases ----


def requests():
    with server() as (process, _):
        text = ask(process.pid, "stats")
        check(text.startswith(f"brkmalloc: statistics of process {process.pid}, "), text)
        check("\nmemory from the system " in text, text)
        now = json.loads(ask(process.pid, "stats", "--json"))
        memory = now["memory"]
        same(process.pid, now["process"]["id"], "process")
        same(memory["total"], sum(memory[key] for key in ("in_use", "cached", "free", "overhead")),
             "sum of the parts")
        same("top_pad:131072 (default)\n", ask(process.pid, "get", "top_pad"), "get")
        same("top_pad:65536 (control)\n", ask(process.pid, "set", "top_pad=64k"), "set")
        same("top_pad:65536 (control)\n", ask(process.pid, "get", "top_pad"), "get after set")
        check("control:true (BRKMALLOC)\n" in ask(process.pid, "get"), "get without a key")
        check(re.fullmatch(r"released \d+ bytes\n", ask(process.pid, "trim")), "trim")
        check(f"process {process.pid}\n" in ask(process.pid, "version"), "version")
        process.stdin.write("\n")
        process.stdin.flush()
        same(0, process.wait(PATIENCE), "status of the server")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def redis():
    if not shutil.which("redis-server") or not shutil.which("redis-cli"):
        print("skipped: no redis-server here")
        sys.exit(SKIPPED)
    port = str(free_port())

    def client(*words):
        return subprocess.run(["redis-cli", "-p", port, *words], capture_output=True, text=True,
                              check=False).stdout
    with tempfile.TemporaryDirectory() as folder, running(
            ["redis-server", "--port", port, "--save", "", "--dir", folder],
            "control:true,background:true") as process:
        end = time.monotonic() + PATIENCE
        while "PONG" not in client("ping") and time.monotonic() < end:
            time.sleep(0.05)
        before = json.loads(ask(process.pid, "stats", "--json"))["memory"]["in_use"]
        client("debug", "populate", "100000", "key", "500")
        client("eval", "for i = 1, 50000 do redis.call('set', 'k' .. i, string.rep('x', 300)) end",
               "0")
        now = json.loads(ask(process.pid, "stats", "--json"))["memory"]["in_use"]
        check(now > before + 10_000_000, "bytes in use", before, now)
        page = run("top", "-b", "-n", 2, "-d", 0.2, process.pid)
        same(0, page.returncode, "status of top")
        check("(redis-server)" in page.stdout, page.stdout)
        client("flushall")
        ask(process.pid, "trim")
        same("PONG\n", client("ping"), "redis after all that")


def snapshot():
    with server() as (process, _):
        heap = json.loads(ask(process.pid, "snapshot"))
        same(0, heap["runs_left_out"], "runs left out")
        kinds = ("used", "cached", "free", "purged", "top", "reserved", "damaged")
        for region in heap["regions"]:
            for kind in kinds:
                same(region[kind], sum(run[1] for run in region["runs"] if run[0] == kind), kind)
            for run_before, run_now in zip(region["runs"], region["runs"][1:]):
                check(run_before[0] != run_now[0], "two runs of one kind side by side")
        now = json.loads(ask(process.pid, "stats", "--json"))
        used = sum(region["used"] for region in heap["regions"])
        check(abs(used - now["in_use"]["heap_bytes"]) < 100_000, "bytes in use", used, now["in_use"])
        free = sum(region["free"] for region in heap["regions"])
        check(free > 10_000_000, "bytes free", free)


PINS = """
import ctypes, sys
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
library.brkm_malloc_trim.argtypes = [ctypes.c_size_t]
kept = [library.malloc(1000) for _ in range(40000)]
for i, memory in enumerate(kept):
    if i % 16:
        library.free(memory)
library.brkm_malloc_trim(0)
print("ready", flush=True)
sys.stdin.readline()
"""


ROWS = """
import sys
kept = [bytes(3000) for i in range(500)]
print("ready", flush=True)
sys.stdin.readline()
"""


def snapshot_of_blocks():
    """Single blocks, which add up to the same; the heap profile tells who allocated them."""
    with server("control:true,profile:true,profile_interval:512,profile_at_exit:false", ROWS) as (process, _):
        heap = json.loads(ask(process.pid, "snapshot", "--blocks"))
        same(("blocks", 512, 0), (heap["detail"], heap["interval"], heap["runs_left_out"]), "detail")
        runs = [run for region in heap["regions"] for run in region["runs"]]
        for region in heap["regions"]:
            for kind in ("used", "cached", "free", "purged", "top", "reserved", "damaged"):
                same(region[kind], sum(run[1] for run in region["runs"] if run[0] == kind), kind)
        check(all(run[2] <= 1 for run in runs), "a run has several blocks")
        kept = [run for run in runs if run[0] == "used" and 3032 <= run[1] <= 3072]
        check(len(kept) >= 490, "the blocks", len(kept))
        sites = {site["site"]: site for site in heap["sites"]}
        known = [sites[run[3]] for run in kept if len(run) == 4]
        check(len(known) >= 480, "the blocks' call sites", len(known))
        check(all(frame.startswith("0x") for site in known for frame in site["stack"]), known[0])
        check(any("python" in frame for frame in known[0]["stack"]), known[0])
    with server() as (process, _):
        check("sites" not in json.loads(ask(process.pid, "snapshot", "--blocks")), "sites without a profile")
        fails(2, "usage: brkmalloc ctl", "ctl", process.pid, "snapshot", "--runs")


# Memory outside of the heap's regions, told as the program knows it: KIND ADDRESS BYTES STATE. A child of a fork has
# the same.
OUTSIDE = """
import ctypes, os, sys
library = ctypes.CDLL(None)
def function(name, *arguments):
    found = getattr(library, name)
    found.restype, found.argtypes = ctypes.c_void_p, arguments
    return found
size, flags = ctypes.c_size_t, ctypes.c_uint
GFP_KERNEL = int(sys.argv[1])
blocks = []
for mib in (3, 5, 40):
    blocks.append(("mapped", function("malloc", size)(mib << 20), mib << 20))
blocks.append(("vmalloc", function("brkm_vmalloc", size)(70000), 70000))
for order in (0, 3, 5):
    blocks.append(("pages", function("brkm_get_free_pages", flags, flags)(GFP_KERNEL, order), 4096 << order))
for _ in range(100):
    blocks.append(("objects", function("brkm_kmalloc", size, flags)(64, GFP_KERNEL), 64))
ctypes.memset(blocks[1][1], 1, 1 << 20)
child = os.fork()
if child == 0:
    sys.stdin.readline()
    os._exit(0)
print(child, *(word for block in blocks for word in block), flush=True)
sys.stdin.readline()
"""


def gfp_kernel():
    """What brkmalloc/kernel.h calls BRKM_GFP_KERNEL."""
    header = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "brkmalloc", "kernel.h")
    with open(header, encoding="utf-8") as file:
        bits = dict(re.findall(r"#define (BRKM_GFP_\w+) +(.+)", file.read()))

    def value(expression):
        expression = re.sub(r"BRKM_GFP_\w+", lambda name: str(value(bits[name[0]])), expression)
        return eval(re.sub(r"(\d+)u\b", r"\1", expression.split("/*")[0]))  # pylint: disable=eval-used
    return value("BRKM_GFP_KERNEL")


def outside_of(pid, blocks):
    """What the snapshot has of them."""
    heap = json.loads(ask(pid, "snapshot", "--blocks"))
    same(0, heap["areas_left_out"], "areas left out")
    areas = {area["payload"]: area for area in heap["areas"] if area["kind"] != "section"}
    runs = {}
    for area in heap["areas"]:
        at = area["start"]
        for run in area.get("runs", []):
            runs[at] = run
            at += run[1]
        same(area["start"] + (area["bytes"] if area["kind"] == "section" else 0), at, "the end of a section")
    for kind, address, size in blocks:
        if kind in ("pages", "objects"):
            same([kind, size, 1], runs.get(address, [])[:3], f"the run at {address:#x}")
            continue
        area = areas[address]
        same((kind, "used"), (area["kind"], area["state"]), f"the area of {address:#x}")
        check(area["start"] <= address and size <= area["usable"] <= size + 8192 and
              address + area["usable"] <= area["start"] + area["bytes"], "usable bytes", area, size)
        check(0 <= area["resident"] <= area["bytes"], "resident bytes", area)
    return heap, areas | {address: {"site": run[3]} for address, run in runs.items() if len(run) == 4}


def snapshot_outside():
    """Mapped blocks and the kernel family's memory are in a snapshot, with address, size and state, and the call
    site where the profile knows it; in the child of a fork as well."""
    options = "control:true,profile:true,profile_interval:512,profile_at_exit:false"
    with running([sys.executable, "-c", OUTSIDE, str(gfp_kernel())], options) as process:
        words = process.stdout.readline().split()
        child, words = int(words[0]), words[1:]
        blocks = [(words[i], int(words[i + 1]), int(words[i + 2])) for i in range(0, len(words), 3)]
        heap, areas = outside_of(process.pid, blocks)
        touched = areas[blocks[1][1]]
        check(1 << 20 <= touched["resident"] <= 3 << 20, "what was touched", touched)
        sites = {site["site"] for site in heap["sites"]}
        known = {kind: sum(1 for other, address, _ in blocks if other == kind and
                           areas.get(address, {}).get("site") in sites) for kind, *_ in blocks}
        check(known["mapped"] == 3 and known["vmalloc"] == 1 and known["pages"] == 3 and known["objects"] >= 1,
              "call sites", known)
        now = json.loads(ask(process.pid, "stats", "--json"))
        mapped = [area for area in heap["areas"] if area["kind"] == "mapped"]
        same((now["in_use"]["mapped_blocks"], now["in_use"]["mapped_bytes"]),
             (len(mapped), sum(area["bytes"] for area in mapped)), "mapped blocks and their bytes")
        outside_of(child, blocks)
    with server("control:true,guard_sample:50") as (process, _):
        heap = json.loads(ask(process.pid, "snapshot"))
        now = json.loads(ask(process.pid, "stats", "--json"))
        guarded = [area for area in heap["areas"] if area["kind"] == "guarded"]
        check(len(guarded) > 10, "guarded blocks", len(guarded))
        same((now["in_use"]["guarded_blocks"], now["in_use"]["guarded_bytes"]),
             (len(guarded), sum(area["usable"] for area in guarded)), "guarded blocks and their bytes")


def explain():
    """2,500 blocks of 1,000 bytes keep a page each that is free otherwise; the profile knows whose they
    are, and `brkmalloc explain` finds the function's name in what is printed."""
    with server("control:true,profile:true,profile_interval:1024,profile_at_exit:false", PINS) as (
            process, _):
        text = ask(process.pid, "explain")
        check(text.startswith(f"brkmalloc: the memory of process {process.pid}\n"), text)
        check(re.search(r"^  pinned +\d+\.\d{3} ", text, re.M), text)
        check(re.search(r"^brkmalloc:     0x[0-9a-f]+ /\S+\+0x[0-9a-f]+$", text, re.M), text)
        now = json.loads(ask(process.pid, "explain", "--json"))
        parts = ("live", "mapped", "guarded", "kernel", "headers", "cached", "free", "overhead", "foreign")
        same(now["resident"], sum(now[part] for part in parts) - now["untouched"], "the sum")
        same(now["pinned"], sum(entry["pinned"] for entry in now["classes"])
             + now["pinned_by_caches"], "pinned bytes by class")
        most = max(now["classes"], key=lambda entry: entry["pinned"])
        same(1008, most["size"], "the class that pins most")
        check(2500 <= most["blocks"] < 3500, "its blocks", most)
        check(most["pinned"] > 2000 * 2000, "its pinned bytes", most)
        site = now["sites"][0]
        check(2200 < site["blocks"] < 2800 and 2.2e6 < site["bytes"] < 2.8e6, "the site's blocks", site)
        check(0.8 * most["pinned"] < site["pinned"] < 1.15 * most["pinned"], "what it pins", site, most)
        check(any("/libffi" in frame for frame in site["stack"]), site)
        fails(2, "usage: brkmalloc ctl", "ctl", process.pid, "explain", "--xml")
    with server() as (process, _):
        same(None, json.loads(ask(process.pid, "explain", "--json"))["sites"], "without a profile")
        check("nothing is known without the heap profile" in ask(process.pid, "explain"), "words")


REASONS = """
import ctypes, sys
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
def take(count):
    return [ctypes.memset(library.malloc(100000), 1, 100000) for _ in range(count)]
def give(blocks):
    for memory in blocks:
        library.free(memory)
COMMANDS
print("ready", flush=True)
sys.stdin.readline()
give(kept[-1:])
print("freed", flush=True)
sys.stdin.readline()
"""

WHOLE_PAGES = ("option", "threshold", "share", "regretted", "refused", "waiting")


def kept_by(process):
    """Why what is free was not given back, in bytes: adds up to what is free."""
    now = json.loads(ask(process.pid, "explain", "--json"))
    same(now["free"], sum(value for key, value in now["kept"].items() if key != "regret_ms"), "the sum")
    return now["kept"]


def wait_until(holds, what):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    check(False, "waited in vain until", what)


def explain_reasons():
    """Processes that have free memory for one reason each, and what is said to help does."""
    def reasons(commands, options="control:true"):
        return server(options, REASONS.replace("COMMANDS", commands))

    # The last goes in the end: between two that stay.
    apart = "kept = take({0} * 2 + 3); give(kept[1:{0} * 2:2]); kept = kept[0::2]; kept.pop()"
    with reasons(apart.format(50), "control:true,keep_memory:true") as (process, _):
        kept = kept_by(process)
        check(kept["option"] > 4e6, "kept by the option", kept)
        check("keep_memory:true is in force" in ask(process.pid, "explain"), "words")
        ask(process.pid, "set", "keep_memory=false")
        same(0, kept_by(process)["option"], "kept by the option that is no more")
    with reasons(apart.format(8)) as (process, _):
        kept = kept_by(process)
        check(kept["threshold"] > 600000, "within the threshold", kept)
        same(0, kept["waiting"] + kept["option"] + kept["refused"], "for other reasons")
        ask(process.pid, "set", "purge_threshold=0")
        kept = kept_by(process)
        check(kept["threshold"] == 0 and kept["share"] + kept["waiting"] > 600000, "without it", kept)
        check("brkmalloc ctl PID trim" in ask(process.pid, "explain"), "advice")
        ask(process.pid, "trim")
        kept = kept_by(process)
        check(sum(kept[key] for key in WHOLE_PAGES) < 65536, "after a trim", kept)
    with reasons("more = take(400); " + apart.format(30)) as (process, _):
        check(kept_by(process)["share"] > 1e6, "a sixteenth of what is in use", kept_by(process))
    cycles = "\nfor i in range(20):\n    blocks = take(100); last = take(1); give(blocks); kept = last"
    with reasons(cycles) as (process, _):
        kept = kept_by(process)
        check(kept["regretted"] + kept["waiting"] > 1e6, "used again", kept)
        wait_until(lambda: kept_by(process)["waiting"] > 1e6 and kept_by(process)["regretted"] == 0,
                   "what was used again is forgotten")
        check("background:true all but" in ask(process.pid, "explain"), "who gives it back")
        process.stdin.write("\n")
        process.stdin.flush()
        same("freed\n", process.stdout.readline(), "the server")
        same(0, kept_by(process)["waiting"], "waiting after a free")
    with reasons(cycles, "control:true,background:true") as (process, _):
        wait_until(lambda: sum(kept_by(process)[key] for key in WHOLE_PAGES) < 1.2e6,
                   "the thread gives back all but the threshold")


def explain_later():
    """A process with the option control alone: a heap profile is taken from outside, then who pins is known,
    also when the profile has ended."""
    script = 'import sys\nprint("begun", flush=True)\nsys.stdin.readline()\n' + PINS
    with server("control:true", script) as (process, _):
        same(b"ok 8\nstarted\n", talk(process.pid, b"profile start 60 1024"), "start")
        process.stdin.write("\n")
        process.stdin.flush()
        same("ready\n", process.stdout.readline(), "the server")
        for when in ("while the profile is on", "afterwards"):
            now = json.loads(ask(process.pid, "explain", "--json"))
            most = max(now["classes"], key=lambda entry: entry["pinned"])
            site = now["sites"][0]
            check(0.8 * most["pinned"] < site["pinned"] < 1.15 * most["pinned"], when, site, most)
            check(any("/libffi" in frame for frame in site["stack"]), when, site)
            talk(process.pid, b"profile stop")
        text = ask(process.pid, "explain")
        check(re.search(r"^[0-9.]+ MiB pinned by about \d+ blocks of [0-9.]+ MiB \(\d+ samples?\) from\nbrkmalloc:     0x",
                        text, re.M), text)


def metrics():
    """The text is OpenMetrics: families with their type first, each together, counters that end in _total,
    units that end the name; and the numbers are those of the statistics."""
    with server() as (process, _):
        lines = ask(process.pid, "metrics").splitlines()
        now = json.loads(ask(process.pid, "stats", "--json"))
    same("# EOF", lines.pop(), "the last line")
    types, values, family = {}, {}, None
    for line in lines:
        if line.startswith("# "):
            _, word, name, text = line.split(" ", 3)
            if word == "TYPE":
                check(name not in types, "a family comes twice", line)
                types[name], family = text, name
            same(family, name, line)
            check(word != "UNIT" or name.endswith("_" + text), line)
            continue
        found = re.fullmatch(r'([a-z_]+)((?:\{[a-z]+="[a-z_]+"\})?) (\d+)', line)
        check(found, line)
        same(family + "_total" * (types[family] == "counter"), found[1], line)
        check(found[1] + found[2] not in values, "a sample comes twice", line)
        values[found[1] + found[2]] = int(found[3])
    for state in ("in_use", "cached", "free", "overhead"):
        found = values[f'brkmalloc_memory_bytes{{state="{state}"}}']
        check(abs(found - now["memory"][state]) < 1_000_000, state, found, now["memory"])
    same(now["served"]["heap_frees"], values["brkmalloc_frees_total"], "frees")
    check(values["brkmalloc_resident_bytes"] > 10_000_000, "resident", values)


GROWING = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    kept = [bytes(10000 + i) for i in range(2000)]
    print("held", flush=True)
"""


def profile():
    """A process without a heap profile is given one, which has what was allocated while it was on, and is
    rid of it afterwards; a client that does not come back leaves nothing behind."""
    with tempfile.TemporaryDirectory() as folder, server("control:true", GROWING) as (process, _):
        path = os.path.join(folder, "profile")
        client = subprocess.Popen([CTL, "ctl", str(process.pid), "profile", "--seconds", "1000", "-o",
                                   path], stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while not talk(process.pid, b"profile").startswith(b"ok") and time.monotonic() < end:
            time.sleep(0.02)
        process.stdin.write("\n")
        process.stdin.flush()
        same("held\n", process.stdout.readline(), "the server")
        client.send_signal(signal.SIGINT)
        same(path + "\n", client.communicate(timeout=30)[0], "what is printed")
        same(0, client.returncode, "status")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        check(text.startswith("brkmalloc heap profile 2\n") and text.endswith("\nend\n"), text[:200])
        live = sum(int(line.split()[2]) for line in text.splitlines() if line.startswith("sample "))
        check(15e6 < live < 29e6, "bytes that are live, by the profile", live)
        same("not started\n", talk(process.pid, b"profile stop").decode().split("\n", 1)[1], "stop")
        fails(1, "cannot create", "ctl", process.pid, "profile", "--seconds", 1, "-o", path)
        fails(2, "--seconds takes", "ctl", process.pid, "profile", "--seconds", 0)
        fails(2, "is no option", "ctl", process.pid, "profile", "--fast", 1)
        check(talk(process.pid, b"profile start 1").endswith(b"\nstarted\n"), "start")
        time.sleep(1.5)
        same(b"ok 12\nnot started\n", talk(process.pid, b"profile stop"), "after the term")
    with server() as (process, _):
        ask(process.pid, "profile", "--seconds", "1", "--interval", "4096", "-o", "-")
        same("profile_interval:4096 (control)\n", ask(process.pid, "get", "profile_interval"), "interval")
        fails(2, "has begun with another interval", "ctl", process.pid, "profile", "--interval", 8192, "-o", "-")
        fails(2, "no interval \"few\"", "ctl", process.pid, "profile", "--interval", "few", "-o", "-")
    with server("control:true,profile:true,profile_at_exit:false") as (process, _):
        same(b"ok 11\non already\n", talk(process.pid, b"profile start 5"), "a profile that is on")
        check(ask(process.pid, "profile", "-o", "-").endswith("\nend\n"), "at once")


def wrong_requests():
    with server() as (process, _):
        fails(2, "cannot change \"control\"", "ctl", process.pid, "set", "control=false")
        fails(2, "the nearest option is top_pad", "ctl", process.pid, "set", "top_pat=1")
        fails(2, "it takes a number", "ctl", process.pid, "set", "top_pad=much")
        fails(2, "it is too large", "ctl", process.pid, "set", "perturb=256")
        fails(2, "unknown option", "ctl", process.pid, "get", "nonsense")
        for words in ([], [process.pid], ["x", "stats"], ["-5", "stats"], ["0", "stats"],
                      [process.pid, "frobnicate"], [process.pid, "stats", "--xml"],
                      [process.pid, "set", "top_pad"], [process.pid, "set"],
                      [process.pid, "trim", "now"], [process.pid, "get", "top_pad\nstats"]):
            fails(2, "usage: brkmalloc ctl", "ctl", *words)
        for words in ([], ["x"], ["-d", "0", 1], ["-d"], ["-n", "-1", 1], ["-x", 1], [1, 2]):
            fails(2, "usage: brkmalloc top", "top", *words)
        same("perturb:0 (default)\n", ask(process.pid, "get", "perturb"), "what was refused")


def wrong_processes():
    ended = subprocess.Popen(["true"])
    ended.wait()
    fails(3, "there is no process", "ctl", ended.pid, "stats")
    fails(3, "there is no process", "top", ended.pid)
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    time.sleep(0.1)
    fails(3, "has ended already", "ctl", zombie, "stats")
    os.waitpid(zombie, 0)
    with subprocess.Popen(["sleep", "100"]) as plain:
        fails(5, "does not run on brkmalloc", "ctl", plain.pid, "stats")
        plain.kill()
    with server(options="") as (process, _):
        fails(5, "BRKMALLOC=control:true", "ctl", process.pid, "stats")
        fails(5, "without the option control", "top", process.pid)
    # A static program tells by its file that it holds the allocator.
    static = subprocess.Popen([STATIC, "static"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    fails(5, "without the option control", "ctl", static.pid, "stats")
    static.kill()
    static.wait()
    with server() as (process, _):
        thread = service_thread(process.pid)
        fails(3, f"is a thread of the process {process.pid}", "ctl", thread, "stats")
    with running(["sleep", "100"], "control:true") as process:
        ask(process.pid, "stats")
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        fails(3, "there is no process", "ctl", process.pid, "stats")


def other_user():
    if os.geteuid() != 0:
        print("skipped: needs root to become somebody else")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder, server() as (process, _):
        # The build folder may be closed to others.
        os.chmod(folder, 0o755)
        copy = shutil.copy(CTL, folder)
        done = subprocess.run([copy, "ctl", str(process.pid), "stats"], capture_output=True,
                              text=True, check=False, user=NOBODY, group=NOBODY, extra_groups=[])
        same(4, done.returncode, "status")
        check("belongs to user 0" in done.stderr, done.stderr)
        name = socket_name(process.pid)
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            for _ in range(20):
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                    client.settimeout(20)
                    client.connect(name)
                    with contextlib.suppress(OSError):
                        client.sendall(b"set limit_hard=1\n")
                    answer = read_all(client)
                    if b"ok" in answer or answer not in (
                            b"", b"error usage only the user whom the process runs as, and root, "
                            b"may ask\n"):
                        os._exit(1)
            os._exit(0)
        same(0, os.waitpid(child, 0)[1], "what nobody got")
        same("limit_hard:0 (default)\n", ask(process.pid, "get", "limit_hard"), "limit_hard")


def garbage():
    with server() as (process, _):
        ask(process.pid, "version")
        for request in (b"\0" * 100, b"\xff\xfe\n", b"\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"set" + b" " * 250 + b"\n", b"set =\n", b"set \0=1\n", b"stats\0json\n",
                        os.urandom(200).replace(b"\n", b"x")):
            answer = talk(process.pid, request)
            check(answer.startswith(b"error usage "), request, answer)
        check(talk(process.pid, b"version").startswith(b"ok "), "a request without a line's end")
        same(b"error usage the request is longer than 255 bytes\n", talk(process.pid, b"x" * 256),
             "a long request")
        talk(process.pid, b"x" * 1_000_000)
        same(b"", talk(process.pid, b""), "nothing asked")
        for _ in range(200):
            connect(process.pid).close()
        for _ in range(50):
            with connect(process.pid) as client:
                client.sendall(b"snapshot\n")
        ask(process.pid, "stats")
        before = thread_ticks(process.pid)
        time.sleep(1)
        check(thread_ticks(process.pid) - before <= 2, "the service thread does not rest")


def slow_clients():
    """Clients that say nothing hold others up for seconds, not for ever."""
    with server() as (process, _):
        silent = [connect(process.pid) for _ in range(8)]
        start = time.monotonic()
        check(talk(process.pid, b"version\n").startswith(b"ok "), "behind silent clients")
        check(time.monotonic() - start < 6, "too late", time.monotonic() - start)
        for client in silent:
            same(b"", read_all(client), "what a silent client gets")
            client.close()


def deaf_clients():
    """Who takes nothing of an answer is waited for as long as docs/control.md says, and no longer."""
    with server() as (process, _):
        deaf = [connect(process.pid) for _ in range(8)]
        for client in deaf:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"snapshot\n")
        start = time.monotonic()
        check(talk(process.pid, b"version\n").startswith(b"ok "), "behind deaf clients")
        check(time.monotonic() - start < 40, "too late", time.monotonic() - start)
        answer = read_all(deaf[0])
        length = int(re.match(rb"ok (\d+)\n", answer).group(1))
        check(len(answer) < length, "a deaf client was waited for")
        for client in deaf:
            client.close()


# Answers with a part of what it promises.
PART = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"\\0brkmalloc/{os.getpid()}/1")
listener.listen()
print("ready", flush=True)
client, _ = listener.accept()
client.recv(100)
client.sendall(sys.argv[1].encode())
if len(sys.argv) > 2:
    os._exit(0)
client.close()
sys.stdin.readline()
"""


def early_end():
    """An answer that ends too early says where, and why."""
    for said, ends, where in (("ok 100\nabc", [], "ends after 3 of 100 bytes"),
                              ("ok 100\n", ["exit"], "ends after 0 of 100 bytes"),
                              ("ok 1", [], "ends within its first line")):
        why = "the process has ended" if ends else "its program closed the connection"
        with running([sys.executable, "-c", PART, said, *ends], "") as process:
            same("ready\n", process.stdout.readline(), "first line")
            fails(6, f"the answer of process {process.pid} {where}: {why}", "ctl", process.pid,
                  "snapshot")


def many_clients():
    with server() as (process, _):
        clients = []
        for number in range(100):
            client = connect(process.pid)
            client.sendall((b"stats\n", b"get\n", b"stats json\n", b"version\n")[number % 4])
            clients.append(client)
        for client in clients:
            answer = read_all(client)
            head, _, body = answer.partition(b"\n")
            same(b"ok %d" % len(body), head, "first line")
            client.close()
        asked = [subprocess.Popen([CTL, "ctl", str(process.pid), "stats"],
                                  stdout=subprocess.DEVNULL) for _ in range(40)]
        same([0] * 40, [client.wait() for client in asked], "40 commands at once")


CHILDREN = """
import os, subprocess, sys
child = os.fork()
if child == 0:
    sys.stdin.readline()
    os._exit(0)
other = subprocess.Popen(["sleep", "100"])
print(child, other.pid, flush=True)
sys.stdin.readline()
"""


def children():
    with server(script=CHILDREN) as (process, words):
        for number in (process.pid, *map(int, words)):
            check(f"process {number}\n" in ask(number, "version"), "process", number)
        ask(int(words[0]), "set", "top_pad=4096")
        same("top_pad:131072 (default)\n", ask(process.pid, "get", "top_pad"), "the parent's option")
        os.kill(int(words[1]), signal.SIGKILL)
        # The child has none of its parent's sockets, so the parent's name goes with the parent.
        name = socket_name(process.pid)
        process.kill()
        process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            same(111, client.connect_ex(name), "connecting to a process that is gone")
        os.kill(int(words[0]), signal.SIGKILL)


# Closes all that it has, and uses the numbers for files of its own.
DAEMON = """
import os, sys, time
time.sleep(0.3)
os.closerange(3, 1000)
mine = [os.open("/dev/null", os.O_RDWR) for i in range(300)]
pipes = [os.pipe() for i in range(100)]
for reading, writing in pipes:
    os.write(writing, b"mine")
print("ready", flush=True)
sys.stdin.readline()
for reading, writing in pipes:
    if os.read(reading, 100) != b"mine":
        sys.exit(1)
for file in mine:
    os.fstat(file)
"""


def daemon():
    with server(script=DAEMON, options="control:true,background:true") as (process, _):
        socket_name(process.pid)  # the next one, where the program has just closed the first
        for _ in range(3):
            ask(process.pid, "stats")
        process.stdin.write("\n")
        process.stdin.flush()
        same(0, process.wait(PATIENCE), "status of a program whose files were left alone")


# Shuts down the socket that listens, which is then always ready. By then it has stood for a while.
SHUT_DOWN = """
import os, socket, sys, time
time.sleep(0.3)
for number in range(200, 300):
    try:
        with socket.socket(fileno=os.dup(number)) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.shutdown(socket.SHUT_RDWR)
                print("ready", flush=True)
    except OSError:
        pass
sys.stdin.readline()
"""


def shut_down():
    with server(script=SHUT_DOWN) as (process, _):
        before = thread_status(process.pid, "voluntary_ctxt_switches")
        time.sleep(1.5)
        found = thread_status(process.pid, "voluntary_ctxt_switches") - before
        check(found <= 5, "times that the thread woke in 1.5 seconds", found)
        ask(process.pid, "version")


def top():
    with server() as (process, _):
        done = run("top", "-b", "-n", 3, "-d", 0.1, process.pid)
        same(0, done.returncode, done.stderr)
        pages = done.stdout.split("\n\n")
        same(3, len(pages), "pages")
        for page in pages:
            for word in ("mapped", "in use", "cached", "free", "overhead", "fragmentation",
                         "per second: refills", "blocks from"):
                check(word in page, word, page)
            check("\033" not in page, "control sequences in batch mode")
        before = done.stdout
        # Without a terminal it is as with -b.
        check("\033" not in run("top", "-n", 1, process.pid).stdout, before)
        watch = subprocess.Popen([CTL, "top", "-b", "-d", "0.2", str(process.pid)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        process.kill()
        process.wait()
        _, error = watch.communicate(timeout=30)
        same(3, watch.returncode, "status when the process ends")
        check(re.search(rf"brkmalloc top: process {process.pid} \(.*\) has ended; when last seen, "
                        r"\d+\.\d s after its first memory, it had \d+\.\d MiB in use of \d+\.\d MiB "
                        r"mapped, \d+\.\d MiB resident, and at its peak \d+\.\d MiB mapped\n$", error),
              error)


def read_terminal(master, until, seconds=10):
    text = ""
    end = time.monotonic() + seconds
    while until not in text and time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                text += os.read(master, 65536).decode()
            except OSError:
                break
    check(until in text, "terminal shows", text)
    return text


def top_terminal():
    with server() as (process, _):
        for key in (b"q", b"\x03"):
            child, master = pty.fork()
            if child == 0:
                os.execv(CTL, [CTL, "top", "-d", "0.2", str(process.pid)])
            read_terminal(master, "blocks from")
            read_terminal(master, "\033[H")
            os.write(master, key)
            read_terminal(master, "\033[?1049l")
            same(0, os.waitpid(child, 0)[1], f"status after the key {key!r}")
            os.close(master)


class Terminal:
    """What a terminal of some size shows of the control sequences that top writes; it wraps lines and
    moves them up as terminals do."""

    def __init__(self, rows, columns):
        self.size, self.moved_up, self.wrapped, self.wraps = (rows, columns), 0, 0, True
        self.is_apart, self.text, self.rest = False, "", ""
        self.clear()

    def clear(self):
        self.row = self.column = 0
        self.cells = [[" "] * self.size[1] for _ in range(self.size[0])]

    def line_feed(self):
        self.row += 1
        if self.row == self.size[0]:
            self.row -= 1
            self.moved_up += self.is_apart
            self.cells = self.cells[1:] + [[" "] * self.size[1]]

    def put(self, letter):
        if self.column == self.size[1]:
            self.wrapped += self.is_apart and self.wraps
            if self.wraps:
                self.column = 0
                self.line_feed()
            else:
                self.column -= 1
        self.cells[self.row][self.column] = letter
        self.column += 1

    def control(self, sequence):
        start = min(self.column, self.size[1] - 1)
        if sequence == "[H":
            self.row = self.column = 0
        elif sequence == "[K":
            self.cells[self.row][start:] = " " * (self.size[1] - start)
        elif sequence == "[J":
            self.control("[K")
            for row in range(self.row + 1, self.size[0]):
                self.cells[row] = [" "] * self.size[1]
        elif sequence[:5] == "[?104":
            self.is_apart = sequence[-1] == "h"
            self.clear()
        elif sequence[:3] == "[?7":
            self.wraps = sequence[-1] == "h"
        else:
            check(sequence[:4] == "[?25", "an unknown control sequence", sequence)

    def write(self, text):
        self.text += text
        text = self.rest + text
        # A sequence may come in two pieces.
        whole = len(text) if re.search(r"\033[^\033]*[A-Za-z][^\033]*$|^[^\033]*$", text) else \
            text.rindex("\033")
        text, self.rest = text[:whole], text[whole:]
        for part in re.findall(r"\033(\[[?\d]*[A-Za-z])|(.)", text, re.S):
            if part[0]:
                self.control(part[0])
            elif part[1] == "\r":
                self.column = 0
            elif part[1] == "\n":
                self.line_feed()
            else:
                self.put(part[1])

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]


@contextlib.contextmanager
def top_on_terminal(process, rows, columns):
    """top on a terminal; yields what that shows, what waits for it to show something, and types."""
    master, slave = pty.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    child = subprocess.Popen([CTL, "top", "-d", "0.2", str(process.pid)], stdin=slave, stdout=slave,
                             stderr=slave, env=os.environ | {"LC_ALL": "C.UTF-8"})
    os.close(slave)
    terminal = Terminal(rows, columns)
    decoder = codecs.getincrementaldecoder("utf-8")()

    def wait_for(shown):
        end = time.monotonic() + 10
        while not shown(terminal) and time.monotonic() < end:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    text = decoder.decode(os.read(master, 65536))
                except OSError:
                    break
                terminal.write(text)
        check(shown(terminal), "\n".join(terminal.lines()))

    yield terminal, wait_for, lambda keys: os.write(master, keys)
    same(0, terminal.moved_up, "lines that moved up")
    same(0, terminal.wrapped, "lines that wrapped")
    os.close(master)
    child.wait(PATIENCE)


def top_fits():
    """The first line stays, nothing wraps, and keys scroll what does not fit."""
    for rows, columns in ((24, 80), (10, 40)):
        with server() as (process, _), top_on_terminal(process, rows, columns) as (
                _, wait_for, type_keys):
            first = f"process {process.pid} ("[:columns]
            wait_for(lambda now: now.lines()[0].startswith(first) and " more" in now.text)
            if rows < 24:
                # All of it can be scrolled to.
                type_keys(b"\033[B")
                wait_for(lambda now: now.lines()[1].startswith("resident"[:columns]))
                type_keys(b"k")
                wait_for(lambda now: now.lines()[1].startswith("live"))
            type_keys(b" " * 40)
            wait_for(lambda now: now.lines()[0].startswith(first) and now.lines()[-1] != ""
                     and not now.lines()[-1].startswith("--"))
            type_keys(b"b" * 40 + b"\033[5~")
            wait_for(lambda now: now.lines()[1].startswith("live"))
            type_keys(b"q")
            wait_for(lambda now: not now.is_apart)


def top_tells_the_course_and_the_end():
    with server() as (process, _), top_on_terminal(process, 24, 80) as (_, wait_for, _):
        wait_for(lambda now: len(re.findall("[\u2581-\u2588]", now.lines()[1])) >= 3
                 and len(re.findall("[\u2581-\u2588]", now.lines()[2])) >= 3)
        process.kill()
        process.wait()
        wait_for(lambda now: "resident, and at its peak" in now.text and not now.is_apart)


# Refuses the system call with a number, and becomes the program.
REFUSING = """
import ctypes, os, struct, sys
call, words = int(sys.argv[1]), sys.argv[2:]
program = b"".join(struct.pack("HBBI", *row) for row in (
    (0x20, 0, 0, 0), (0x15, 0, 1, call), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)))
text = ctypes.create_string_buffer(program, len(program))
libc = ctypes.CDLL(None, use_errno=True)
filter = struct.pack("HxxxxxxP", 4, ctypes.addressof(text))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, filter, 0, 0) != 0:
    sys.exit(77)
os.environ["LD_PRELOAD"] = os.environ.pop("LIBRARY")
os.execvp(words[0], words)
"""


def one_warning(done, warning):
    """The program ran as if nothing was, after one line of warning."""
    if done.returncode == SKIPPED:
        print("skipped: the system has no filters for system calls")
        sys.exit(SKIPPED)
    same(0, done.returncode, f"status ({done.stderr})")
    same("well\n", done.stdout, "output")
    check(re.fullmatch(f"brkmalloc: {warning}\n", done.stderr), "what is said", done.stderr)


def refused_socket():
    numbers = {"x86_64": 41, "aarch64": 198}
    if os.uname().machine not in numbers:
        print("skipped: the number of a system call is not known here")
        sys.exit(SKIPPED)
    values = environment("control:true")
    values["LIBRARY"] = values.pop("LD_PRELOAD")
    done = subprocess.run([sys.executable, "-c", REFUSING, str(numbers[os.uname().machine]), "sh",
                           "-c", "sleep 0.2; echo well"], env=values, capture_output=True, text=True,
                          check=False)
    warnings = "control has no effect in process \\d+; it cannot listen on a socket: the system does " \
        "not allow it"
    # The shell's child, sleep, says the same of itself.
    done.stderr = "".join(done.stderr.splitlines(keepends=True)[:1])
    one_warning(done, warnings)


def refused_thread():
    if os.geteuid() != 0:
        print("skipped: needs root to become somebody who may have no thread")
        sys.exit(SKIPPED)

    def limit():
        resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        values = environment("control:true,background:true")
        values["LD_PRELOAD"] = shutil.copy(LIBRARY, folder)
        done = subprocess.run(["printf", "well\\n"], env=values, capture_output=True, text=True,
                              user=NOBODY + 1, group=NOBODY, extra_groups=[], preexec_fn=limit,
                              check=False)
    one_warning(done, "background and control have no effect in process \\d+; the system has no room "
                "for a thread")


def idle():
    """Nobody wakes the thread when there is nothing to do."""
    with running(["sleep", "100"], "control:true,background:true") as process:
        ask(process.pid, "version")
        time.sleep(1)
        before = thread_status(process.pid, "voluntary_ctxt_switches")
        time.sleep(3)
        found = thread_status(process.pid, "voluntary_ctxt_switches") - before
        check(found <= 1, "times that the thread woke in 3 seconds", found)


if __name__ == "__main__":
    globals()[CASE]()
