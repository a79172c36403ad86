# SPDX-License-Identifier: MIT
"""Usage: pprof_format.py READER KNOWN

What is made for pprof, decoded by protoc: every index is valid, and values, names, lines, mappings and
circumstances are those of the profile.
"""
from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys

from common import (HERE, KNOWN, LIVE_BLOCKS, LIVE_BYTES, PEAK_BLOCKS, PEAK_BYTES, SKIPPED,
                    TOTAL_BLOCKS, TOTAL_BYTES, Test, below_main, known_lines)


def unescape(text: str) -> str:
    """A string of protoc's text format."""
    octal = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), text.encode())
    return re.sub(rb"\\(.)", rb"\1", octal).decode()


def parse(text: str) -> dict[str, list]:
    """protoc's text format: the values of each field, in their order; messages as such a dict."""
    stack: list[dict[str, list]] = [{}]
    for line in text.splitlines():
        line = line.strip()
        if line == "}":
            stack.pop()
        elif line.endswith(" {"):
            stack[-1].setdefault(line[:-2], []).append({})
            stack.append(stack[-1][line[:-2]][-1])
        else:
            name, value = line.split(": ", 1)
            known = unescape(value[1:-1]) if value[0] == '"' else \
                value == "true" if value in ("true", "false") else int(value)
            stack[-1].setdefault(name, []).append(known)
    return stack[0]


class Decoded:
    """The message, with its strings in place of their numbers."""

    def __init__(self, test: Test, path: str) -> None:
        self.test = test
        with gzip.open(path) as file:
            raw = file.read()
        run = subprocess.run(["protoc", f"--proto_path={HERE}", "--decode=known.Profile",
                              "profile.proto"], input=raw, capture_output=True, check=False)
        test.same("status of protoc", 0, run.returncode)
        test.same("what protoc says", b"", run.stderr)
        self.message = parse(run.stdout.decode())
        unknown = [name for name in self.message if name.isdigit()]
        test.same("fields that the schema lacks", [], unknown)
        self.strings = self.message["string_table"]
        self.by_id = {kind: self.number(kind) for kind in ("mapping", "location", "function")}

    def number(self, kind: str) -> dict[int, dict]:
        """Ids begin with 1, without gaps."""
        messages = self.message.get(kind, [])
        ids = [message["id"][0] for message in messages]
        self.test.same(f"ids of {kind}", list(range(1, len(ids) + 1)), sorted(ids))
        return dict(zip(ids, messages))

    def string(self, message: dict, field: str) -> str:
        return self.strings[message.get(field, [0])[0]]

    def check_strings(self) -> None:
        self.test.same("the first string", "", self.strings[0])
        self.test.same("strings that are there twice", len(self.strings), len(set(self.strings)))
        used = set(self.message.get("comment", []) + self.message["default_sample_type"])
        for message in [*self.message["sample_type"], *self.message["period_type"]]:
            used |= set(message["type"] + message["unit"])
        for kind in ("mapping", "function"):
            for message in self.by_id[kind].values():
                for field in ("filename", "build_id", "name", "system_name"):
                    used |= set(message.get(field, []))
        self.test.same("strings in use", set(range(1, len(self.strings))), used - {0})

    def check_references(self) -> None:
        locations, functions, mappings = set(), set(), set()
        for sample in self.message["sample"]:
            self.test.expect("a sample has a location", len(sample.get("location_id", [])) > 0)
            locations |= set(sample["location_id"])
        for location in self.by_id["location"].values():
            functions |= {line["function_id"][0] for line in location.get("line", [])}
            mapping = location.get("mapping_id", [0])[0]
            mappings |= {mapping} - {0}
            if mapping in self.by_id["mapping"]:
                record = self.by_id["mapping"][mapping]
                self.test.expect("the address lies in its mapping", record["memory_start"][0] <=
                                 location["address"][0] < record["memory_limit"][0], location)
        self.test.same("locations in use", set(self.by_id["location"]), locations)
        self.test.same("functions in use", set(self.by_id["function"]), functions)
        self.test.same("mappings in use", set(self.by_id["mapping"]), mappings | {1})

    def samples(self) -> dict[tuple[str, ...], tuple[int, ...]]:
        """Values by the stack below main, outermost function first."""
        found = {}
        for sample in self.message["sample"]:
            stack = [self.string(self.by_id["function"][line["function_id"][0]], "name")
                     for location in sample["location_id"]
                     for line in self.by_id["location"][location].get("line", [])]
            found[below_main(stack[::-1])] = tuple(sample["value"])
        return found

    def lines(self) -> set[tuple[str, str]]:
        """Function, and file with line."""
        found = set()
        for location in self.by_id["location"].values():
            for line in location.get("line", []):
                function = self.by_id["function"][line["function_id"][0]]
                file = os.path.basename(self.string(function, "filename"))
                found.add((self.string(function, "name"), f"{file}:{line.get('line', [0])[0]}"))
        return found


class PprofFormat(Test):
    def decode(self, *arguments: str) -> Decoded:
        out = self.path("out.pb.gz")
        self.read(*arguments, "-o", out)
        decoded = Decoded(self, out)
        decoded.check_strings()
        decoded.check_references()
        return decoded

    def values(self, profile: str) -> None:
        def chosen(*numbers: int) -> dict:
            return {stack: tuple(values[number] for number in numbers)
                    for stack, values in KNOWN.items()}

        self.same("samples", chosen(LIVE_BLOCKS, LIVE_BYTES, TOTAL_BLOCKS, TOTAL_BYTES),
                  self.decode(profile).samples())
        self.same("samples at the peak",
                  chosen(PEAK_BLOCKS, PEAK_BYTES, TOTAL_BLOCKS, TOTAL_BYTES),
                  self.decode("--peak", profile).samples())
        kept = self.decode("--keep-allocator", profile).samples()
        self.expect("the allocator's frames", ("known_linked_statically", "brkm_malloc",
                                               "allocator_slow") in kept, kept)

    def circumstances(self, profile: str) -> None:
        decoded = self.decode(profile)
        types = [(decoded.string(one, "type"), decoded.string(one, "unit"))
                 for one in decoded.message["sample_type"]]
        self.same("types", [("inuse_objects", "count"), ("inuse_space", "bytes"),
                            ("alloc_objects", "count"), ("alloc_space", "bytes")], types)
        self.same("type by default", "inuse_space", decoded.string(decoded.message,
                                                                   "default_sample_type"))
        with open(profile, encoding="utf-8") as file:
            started = int(re.search(r"^started (\d+)$", file.read(), re.M)[1])
        self.same("start", [started * 10**9], decoded.message["time_nanos"])
        self.same("duration", [12345000000], decoded.message["duration_nanos"])
        self.same("period", [524288], decoded.message["period"])
        period = decoded.message["period_type"][0]
        self.same("type of the period", ("space", "bytes"),
                  (decoded.string(period, "type"), decoded.string(period, "unit")))
        comments = [decoded.strings[number] for number in decoded.message["comment"]]
        self.expect("comments", "pid 1234" in comments and "reason request" in comments, comments)

    def names(self, profile: str) -> None:
        decoded = self.decode(profile)
        known, found = known_lines(), decoded.lines()
        for function, line in (("known_make_table", "make_table"), ("load", "load"),
                               ("inlined_inner", "inlined_inner"),
                               ("inlined_outer", "inlined_outer"),
                               ("known_with_inlined", "with_inlined"), ("step", "library_step"),
                               ("known::table<known_numbers>::insert", "insert")):
            self.expect(f"line of {function}", (function, known[line]) in found, found)
        mangled = {decoded.string(function, "name"): decoded.string(function, "system_name")
                   for function in decoded.by_id["function"].values()}
        self.same("name for the linker", "_ZN5known5tableI13known_numbersE6insertERKS1_",
                  mangled["known::table<known_numbers>::insert"])

    def mappings(self, program: str, profile: str) -> None:
        decoded = self.decode(profile)
        by_path = {decoded.string(mapping, "filename"): mapping
                   for mapping in decoded.by_id["mapping"].values()}
        path = os.path.realpath(program)
        self.same("the first mapping is the program's", path,
                  decoded.string(decoded.message["mapping"][0], "filename"))
        for file in (path, os.path.join(os.path.dirname(path), "libknown.so")):
            notes = subprocess.run(["readelf", "-n", file], capture_output=True, text=True,
                                   check=True).stdout
            build_id = re.search(r"Build ID: (\w+)", notes)
            self.same(f"build id of {file}", build_id[1] if build_id else "",
                      decoded.string(by_path[file], "build_id"))
            for field in ("has_functions", "has_filenames", "has_line_numbers"):
                self.same(f"{field} of {file}", [True], by_path[file].get(field))

    def unnamed(self, profile: str) -> None:
        """Without objects there are addresses only, which pprof may still look up."""
        with open(profile, encoding="utf-8") as file:
            text = re.sub(r"(?s)(?<=\nobjects\n).*(?=end\n)", "", file.read())
        run = self.run(self.write("bare.heap", text), "-o", self.path("bare.pb.gz"))
        self.expect("what is missing is told", "does not say which files" in run.stderr, run.stderr)
        decoded = Decoded(self, self.path("bare.pb.gz"))
        self.same("functions", {}, decoded.by_id["function"])
        self.same("mappings", {}, decoded.by_id["mapping"])
        self.same("samples", len(KNOWN), len(decoded.message["sample"]))
        first = int(re.search(r"^sample 10 .*?0x(\w+)", text, re.M)[1], 16)
        location = decoded.message["sample"][0]["location_id"][0]
        self.same("address", [first - 1], decoded.by_id["location"][location]["address"])

    def is_the_same_each_time(self, profile: str) -> None:
        found = []
        for name in ("one.gz", "two.gz"):
            self.read(profile, "-o", self.path(name))
            with open(self.path(name), "rb") as file:
                found.append(file.read())
        self.expect("the same bytes", found[0] == found[1])


def main() -> int:
    reader, known = sys.argv[1:]
    if shutil.which("protoc") is None:
        print("skipped: no protoc here")
        return SKIPPED
    with PprofFormat(reader) as test:
        profile = test.profile_of(known)
        test.values(profile)
        test.circumstances(profile)
        test.names(profile)
        test.mappings(known, profile)
        test.unnamed(profile)
        test.is_the_same_each_time(profile)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
