# SPDX-License-Identifier: MIT
"""Usage: views.py READER KNOWN

Folded stacks, tables, leaks and growth of a profile whose stacks and numbers are known.
"""
import os
import re
import sys

from common import (KNOWN, LIVE_BLOCKS, LIVE_BYTES, PEAK_BLOCKS, PEAK_BYTES, TOTAL_BLOCKS,
                    TOTAL_BYTES, Test, known_lines, known_total)


class Views(Test):
    def folded_stacks(self, profile: str) -> None:
        choices = {
            (): LIVE_BYTES,
            ("--value", "inuse_space"): LIVE_BYTES,
            ("--value", "inuse_objects"): LIVE_BLOCKS,
            ("--value=alloc_space",): TOTAL_BYTES,
            ("--value", "alloc_objects"): TOTAL_BLOCKS,
            ("--peak",): PEAK_BYTES,
            ("--peak", "--value", "inuse_objects"): PEAK_BLOCKS,
            ("--peak", "--value", "alloc_space"): TOTAL_BYTES,
        }
        for words, number in choices.items():
            expected = {stack: numbers[number] for stack, numbers in KNOWN.items()
                        if numbers[number] != 0}
            self.same(f"folded {words}", expected, self.folded(*words, profile))
        kept = self.folded("--keep-allocator", profile)
        self.same("the allocator's frames, linked statically", 5000,
                  kept.get(("known_linked_statically", "brkm_malloc", "allocator_slow")))
        self.same("the allocator's frames, inlined", 90,
                  kept.get(("known_linked_inlined", "brkm_inlined")))
        self.same("the allocator's frames, preloaded", 700,
                  kept.get(("known_preloaded", "known_allocate", "step")))

    def moments(self, profile: str) -> None:
        """What was written at exit shows the peak, but for what was never freed."""
        with open(profile, encoding="utf-8") as file:
            text = file.read().replace("reason request", "reason exit")
        at_exit = self.write("exit.heap", text)
        without_peak = self.write("no_peak.heap", re.sub(
            r"^(sample(?: \d+){4}) \d+ \d+", r"\1 0 0", text, flags=re.M))
        amounts = {number: {stack: numbers[number] for stack, numbers in KNOWN.items()
                            if numbers[number] != 0} for number in (LIVE_BYTES, PEAK_BYTES)}
        choices = {
            (at_exit,): PEAK_BYTES,
            ("--peak", at_exit): PEAK_BYTES,
            ("--live", at_exit): LIVE_BYTES,
            (without_peak,): LIVE_BYTES,
            ("--live", profile): LIVE_BYTES,
        }
        for words, number in choices.items():
            self.same(f"folded {words}", amounts[number], self.folded(*words))
        self.expect("heading at the peak", "in use at the peak" in self.read("--text", at_exit))
        self.same("leaks are what is in use at exit", self.read("--leaks", "--live", at_exit),
                  self.read("--leaks", at_exit))
        self.expect("growth of the peak", " in use at the peak" in
                    self.read("--diff", at_exit, at_exit))
        self.expect("growth between different moments is of what is live", "in use at the peak"
                    not in self.read("--diff", profile, at_exit))

    def sites(self, profile: str) -> None:
        """A place with a long call stack, and how many there are."""
        lines = known_lines()
        text = self.read("--sites", "--rows", "4", profile)
        whole = known_total(LIVE_BYTES)
        place = (f"\n1000 B in 10 blocks ({100 * 1000 / whole:.1f}%): known_make_table  "
                 f"{lines['make_table']}\n    load  {lines['load']}\n    main  known.c:")
        self.expect("place with its callers", place in text, text)
        self.same("places", 4, len(re.findall(r"^\S.*%\): ", text, re.M)))
        deep = self.write("deep.heap", "brkmalloc heap profile 2\n"
                          "sample 1 70 1 70 1 70 0x9 0x8 0x7 0x6 0x5 0x4 0x3\n"
                          "sample 1 30 1 30 1 30 0x9 0x18\nobjects\nend\n")
        run = self.run("--sites", deep)
        self.expect("callers of the largest stack",
                    "100 B in 2 blocks (100.0%): 0x8\n    0x7\n    0x6\n    0x5\n    0x4\n    0x3\n"
                    "    ...\n    and from 1 other call stack\n" in run.stdout, run.stdout)

    def table(self, profile: str) -> None:
        text = self.read("--text", profile)
        rows = {}
        for line in text.splitlines()[4:]:
            row = re.fullmatch(r" *([\d.]+ \w+) +([\d.]+)% +([\d.]+)% +([\d.]+ \w+) +([\d.]+)%  "
                               r"(.*)", line)
            self.expect("row of the table", row is not None, line)
            if row:
                rows[row[6]] = row.groups()
        whole = known_total(LIVE_BYTES)
        self.same("flat and cum of a leaf", ("1000 B", "1000 B"),
                  (rows["known_make_table  known.c"][0], rows["known_make_table  known.c"][3]))
        self.same("flat and cum of its caller", ("0 B", "1000 B"),
                  (rows["load  known.c"][0], rows["load  known.c"][3]))
        self.same("what calls itself counts once", ("200 B", "200 B"),
                  (rows["known_recurse  known.c"][0], rows["known_recurse  known.c"][3]))
        self.same("main's part", "100.0", rows["main  known.c"][4])
        self.same("part of the largest", f"{100 * 5000 / whole:.1f}",
                  rows["known_linked_statically  known.c"][1])
        self.expect("the largest comes first",
                    "known_linked_statically" in text.splitlines()[4], text)
        self.expect("what was freed is not there", "known_through_library" not in text, text)
        short = self.read("--text", "--rows", "2", profile)
        self.same("rows of a short table", 2, sum("%" in line for line in short.splitlines()[4:]))
        self.expect("a short table says what is missing", "functions more" in short, short)
        self.same("all rows", text, self.read("--text", "--rows", "0", profile))

    def leaks(self, profile: str) -> None:
        lines = known_lines()

        text = self.read("--leaks", profile)
        whole = known_total(LIVE_BYTES)
        expected = [
            f"1000 B in 10 blocks ({100 * 1000 / whole:.1f}%): known_make_table  "
            f"{lines['make_table']}\n    1000 B in 10 blocks, called from\n"
            f"        load  {lines['load']}\n        main  known.c:",
            f"64 B in 1 block ({100 * 64 / whole:.1f}%): inlined_inner  {lines['inlined_inner']}\n"
            f"    64 B in 1 block, called from\n        inlined_outer  {lines['inlined_outer']}\n"
            f"        known_with_inlined  {lines['with_inlined']}\n        main  known.c:",
            f"known::table<known_numbers>::insert  {lines['insert']}\n",
        ]
        for part in expected:
            self.expect("report of leaks", part in text, f"no {part!r} in\n{text}")
        self.expect("what was freed is no leak", "known_through_library" not in text, text)
        at_peak = self.read("--leaks", "--peak", profile)
        self.expect("in use at the peak", f"step  {lines['library_step']}\n    400 B in 4 blocks, "
                    "called from\n        known_library_work  known_library.c:" in at_peak, at_peak)
        by_blocks = self.read("--leaks", "--value", "inuse_objects", "--rows", "1", profile)
        part = 100 * 10 / known_total(LIVE_BLOCKS)
        self.expect("most blocks first", f"1000 B in 10 blocks ({part:.1f}%): known_make_table"
                    in by_blocks, by_blocks)
        self.same("places of a short report", 1, len(re.findall(r"^\S.*%\): ", by_blocks, re.M)))

    def growth(self, program: str, profile: str) -> None:
        """The second profile is of another run: other addresses, and twice of one sample."""
        with open(profile, encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        more = self.profile_of(program, "again.heap")
        with open(more, encoding="utf-8") as file:
            again = file.read().splitlines(keepends=True)
        double = next(line for line in again if line.startswith("sample 10 1000 "))
        gone = next(line for line in again if line.startswith("sample 7 700 "))
        self.expect("addresses differ between runs", double not in lines, double)
        again.remove(gone)
        again.insert(again.index(double), double)
        after = self.write("after.heap", "".join(again))
        self.expect("no growth between equal runs", "growth: 0 B" in
                    self.read("--diff", profile, more), "")
        text = self.read("--diff", profile, after)
        self.expect("growth as a whole", "growth: +300 B" in text, text)
        expected = [
            r" *\+1000 B +\+1000 B +1000 B +2\.0 KiB  known_make_table  known\.c\n",
            r" *0 B +\+1000 B +1000 B +2\.0 KiB  load  known\.c\n",
            r" *-700 B +-700 B +700 B +0 B  known_preloaded  known\.c\n",
            r"\n\+1000 B, from 1000 B to 2\.0 KiB\n    known_make_table  known\.c\n    load  known",
        ]
        for pattern in expected:
            self.expect("growth", re.search(pattern, text) is not None, f"no {pattern} in\n{text}")
        self.expect("what did not change is not there", "known_recurse" not in text, text)

    def outputs(self, profile: str) -> None:
        with open(profile, "rb") as file:
            before = file.read()
        run = self.run(profile, "-o", profile)
        self.same("status when the profile would be replaced", 1, run.returncode)
        self.expect("message", "is the profile itself" in run.stderr, run.stderr)
        with open(profile, "rb") as file:
            self.expect("the profile is as it was", before == file.read())
        out = self.path("table.txt")
        self.same("standard output with -o", "", self.read("--text", "-o", out, profile))
        with open(out, encoding="utf-8") as file:
            self.same("file of -o", self.read("--text", profile), file.read())
        run = self.run("--text", "-o", self.path("none/table.txt"), profile)
        self.same("status for a folder that is not there", 1, run.returncode)
        self.expect("message", "cannot write" in run.stderr, run.stderr)
        for option, suffix in (("", ".pb.gz"), ("--svg", ".svg")):
            run = self.run(*([option] if option else []), profile)
            self.same(f"status of {option}", 0, run.returncode)
            self.expect("says what it wrote", f"wrote {profile}{suffix}" in run.stderr, run.stderr)
            self.expect("wrote it", os.path.getsize(profile + suffix) > 100)
        self.same("files left behind", [], [name for name in os.listdir(self.scratch)
                                            if re.search(r"\.\w{6}$", name)])
        full = self.run("--text", "-o", "/dev/full", profile)
        self.same("status for a full disk", 1, full.returncode)


def main() -> int:
    reader, known = sys.argv[1:]
    with Views(reader) as test:
        profile = test.profile_of(known)
        test.folded_stacks(profile)
        test.moments(profile)
        test.sites(profile)
        test.table(profile)
        test.leaks(profile)
        test.growth(known, profile)
        test.outputs(profile)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
