#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""probes.py notes FILE ...
   probes.py events PROGRAM [LIBRARY]

notes: each file has a note for each probe that docs/probes.md describes, for no other, and with as many
arguments; brkmalloc(7) names the same. events: gdb stops at each of these probes in PROGRAM, on LIBRARY preloaded, and the arguments
are what the program says and what belongs together."""
import os
import re
import shutil
import subprocess
import sys

import gdb_session

DOCS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "docs")
PAGE = os.path.join(DOCS, "probes.md")
MANUAL = os.path.join(DOCS, "man", "brkmalloc.7")
LIMITS = "limit_soft:8m,limit_hard:64m"
failures = []


def expect(holds, message):
    if not holds:
        failures.append(message)


def documented():
    """The names of the probes with the names of their arguments."""
    with open(PAGE, encoding="utf-8") as file:
        rows = re.findall(r"^\| `(\w+)` \| (.*?) \| .* \|$", file.read(), re.M)
    probes = {name: re.findall(r"`(\w+)`", arguments) for name, arguments in rows}
    if len(probes) < 10 or len(probes) != len(rows):
        sys.exit(f"found {len(rows)} probes in {PAGE}: is the table still one?")
    return probes


def in_manual():
    """The same as brkmalloc(7) has it."""
    with open(MANUAL, encoding="utf-8") as file:
        section = file.read().split(".Sh PROBES")[1].split(".Sh ")[0]
    return {name: arguments.replace(" Fa ", " ").split()
            for name, arguments in re.findall(r"^\.It Li (\w+)(.*)$", section, re.M)}


# ---- notes ----

def notes_of(path):
    """What readelf tells of the provider brkmalloc: (name, number of arguments) of each note."""
    text = subprocess.run(["readelf", "--notes", "--wide", path], capture_output=True, text=True,
                          check=True, env=os.environ | {"LC_ALL": "C"}).stdout
    found = re.findall(r"Provider: brkmalloc\s+Name: (\S+)\s+Location:.*\s+Arguments: *(.*)", text)
    return {(name, len(arguments.split())) for name, arguments in found}


def check_notes(paths):
    expect(in_manual() == documented(), "brkmalloc(7) and docs/probes.md name other probes")
    wanted = {(name, len(arguments)) for name, arguments in documented().items()}
    for path in paths:
        found = notes_of(path)
        for name, count in sorted(wanted - found):
            failures.append(f"{path}: no probe {name} with {count} arguments, as docs/probes.md says")
        for name, count in sorted(found - wanted):
            failures.append(f"{path}: probe {name} with {count} arguments is not in docs/probes.md")
        print(f"{os.path.basename(path)}: {len(found)} probes")


# ---- events ----

def watch(probes):
    """gdb commands that print a line for each time that a probe fires. `fault` ends the run."""
    commands = []
    for name, arguments in probes.items():
        spaces = " %lu" * len(arguments)
        values = ", ".join(f"$_probe_arg{i}" for i in range(len(arguments)))
        lines = [f"break -probe-stap brkmalloc:{name}", "commands", "silent",
                 f'printf "HIT {name} %d{spaces}\\n", $_probe_argc, {values}']
        if name == "fault":
            lines += ['printf "FAULT %s, %s\\n", (char *)$_probe_arg0, (char *)$_probe_arg3']
        else:
            lines += ["continue"]
        commands.append("\n".join(lines + ["end"]))
    return commands + ["run", "info probes stap brkmalloc"]


class Events:
    """What fired, and what the program said, in their order."""

    def __init__(self, output, probes):
        self.hits, self.said = [], []
        for line in output.splitlines():
            words = line.split()
            if words[:1] == ["HIT"]:
                values = [int(word) for word in words[3:]]
                expect(int(words[2]) == len(values), f"{line}: gdb counts other arguments")
                self.hits.append((words[1], dict(zip(probes[words[1]], values))))
            elif re.fullmatch(r"\w+( freed)?( \d+)+", line):
                self.said.append((words[0], [int(word) for word in words if word.isdigit()]))

    def of(self, name):
        return [values for hit, values in self.hits if hit == name]

    def words(self, name):
        return [values for what, values in self.said if what == name]

    def has(self, name, **values):
        """One of the probe's hits has these arguments."""
        expect(any(values.items() <= hit.items() for hit in self.of(name)),
               f"{name} never fires with {values}, but with {self.of(name)[:5]}")

    def all(self, name, holds, what):
        for hit in self.of(name):
            expect(holds(hit), f"{name}: {what}, but {hit}")


def check_blocks(events):
    (mapped, usable), (old, moved) = events.words("mapped")[0], events.words("remapped")[0]
    events.has("mapped", address=mapped, usable=usable)
    events.has("remapped", old_address=old, address=moved)
    events.has("unmapped", address=events.words("unmapped")[0][0])
    events.has("split", address=events.words("split")[0][0])
    for said in events.words("coalesce"):
        events.has("coalesce", freed_address=said[0])
    for said in events.words("out_of_memory"):
        events.has("out_of_memory", request=said[0])
    address, usable = events.words("fault")[0]
    events.has("fault", address=address, usable=usable)
    events.all("split", lambda hit: hit["address"] + hit["bytes"] == hit["rest_address"],
               "the rest lies behind the front part")
    events.all("coalesce", lambda hit: hit["bytes"] > hit["freed_bytes"] and hit["address"] <=
               hit["freed_address"] < hit["address"] + hit["bytes"], "the freed block lies inside")


def check_system(events):
    ends = [hit["start"] + hit["bytes"] for hit in events.of("grow")]
    events.all("grow", lambda hit: hit["bytes"] % 4096 == 0 or hit is events.of("grow")[0],
               "grows by pages")
    events.all("trim", lambda hit: hit["start"] + hit["bytes"] in
               ends + [trim["start"] for trim in events.of("trim")], "trims what had grown")
    added, removed = events.of("fallback_added"), events.of("fallback_removed")
    expect(added and all(region in added for region in removed), "removed what was never added")
    events.all("purge", lambda hit: hit["start"] % 4096 == 0 and hit["bytes"] % 4096 == 0,
               "whole pages go")
    events.all("limit_hard", lambda hit: hit["footprint"] + hit["bytes"] > hit["limit"] == 64 << 20,
               "the hard limit would be passed")
    events.all("limit_soft", lambda hit: hit["footprint"] + hit["bytes"] > hit["limit"] == 8 << 20,
               "the soft limit would be passed")


def check_caches(events):
    begun = [hit["cache"] for hit in events.of("cache_begin")]
    expect(begun == list(range(1, len(begun) + 1)), f"caches are counted from 1: {begun}")
    ended = {hit["cache"]: hit for hit in events.of("cache_end")}
    expect(len(ended) == 2, f"two threads end: {ended}")
    for cache, hit in ended.items():
        refills = sum(refill["cache"] == cache for refill in events.of("refill"))
        expect(hit["refills"] == refills, f"cache {cache}: {refills} refills seen, {hit}")
    events.all("refill", lambda hit: hit["cache"] in begun, "of a cache that has begun")
    events.all("flush", lambda hit: hit["cache"] in begun and hit["blocks"] > 0, "moves blocks")
    kept = sum(hit["blocks"] for hit in events.of("depot_put") if hit["kept"])
    taken = sum(hit["blocks"] for hit in events.of("depot_take"))
    expect(0 < taken <= kept, f"the depot gives what it got: {taken} of {kept}")


def check_events(program, library=None):
    gdb_session.require_gdb()
    probes = documented()
    environment = {"BRKMALLOC": LIMITS} | ({"LD_PRELOAD": library} if library else {})
    with gdb_session.Session(program, environment=environment) as session:
        output = "\n".join(session.run(command) for command in watch(probes))
    events = Events(output, probes)
    for name in probes:
        expect(events.of(name), f"{name} never fires")
    if not failures:
        check_blocks(events)
        check_system(events)
        check_caches(events)
    expect("FAULT double free, free" in output, "gdb cannot read the fault's strings")
    for name in probes:
        expect(re.search(rf"^stap\s+brkmalloc\s+{name}\s", output, re.M),
               f"info probes does not list {name}")
    if failures:
        print(output[-4000:])
    print(f"{len(events.hits)} events of {len({name for name, _ in events.hits})} probes")


def main():
    mode, *arguments = sys.argv[1:]
    if mode == "notes":
        if shutil.which("readelf") is None:
            gdb_session.skip("no readelf here")
        check_notes(arguments)
    else:
        check_events(*arguments)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
