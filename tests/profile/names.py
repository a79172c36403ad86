# SPDX-License-Identifier: MIT
"""Usage: names.py READER KNOWN KNOWN_FIXED

Names of functions and lines in every kind of file: position-independent or not, stripped, with
debugging information in a file of its own, of another version or packed, without the table of
addresses; in files that are not there or were changed; and in a stripped program of the system.
"""
import os
import re
import shutil
import subprocess
import sys

from common import HERE, KNOWN, LIVE_BYTES, Test, known_lines

LIBRARIES = ("libknown.so", "libbrkmalloc-known.so")


class Names(Test):
    def copy(self, program: str, folder: str) -> str:
        """The program and its libraries in a folder of their own."""
        os.mkdir(self.path(folder))
        for name in (os.path.basename(program), *LIBRARIES):
            shutil.copy(os.path.join(os.path.dirname(program), name), self.path(folder))
        self.environment["LD_LIBRARY_PATH"] = self.path(folder)
        return os.path.join(self.path(folder), os.path.basename(program))

    def expect_all_names(self, what: str, profile: str) -> None:
        expected = {stack: numbers[LIVE_BYTES] for stack, numbers in KNOWN.items()
                    if numbers[LIVE_BYTES] != 0}
        self.same(what, expected, self.folded(profile))
        leaks = self.read("--leaks", profile)
        for name in ("make_table", "inlined_inner", "inlined_outer", "with_inlined", "insert"):
            self.expect(f"{what}: line of {name}", known_lines()[name] in leaks, leaks)

    def stripped(self, program: str) -> None:
        """Only exported names are left, and no lines."""
        copy = self.copy(program, "stripped")
        for name in (copy, *(os.path.join(self.path("stripped"), name) for name in LIBRARIES)):
            subprocess.run(["strip", "--strip-all", name], check=True)
        found = self.folded(self.profile_of(copy))
        self.same("an exported C function", 200, found.get(("known_recurse",) * 4))
        self.same("an exported method", 300,
                  found.get(("known_cxx", "known::table<known_numbers>::insert")))
        self.same("inlined functions leave their caller", 64, found.get(("known_with_inlined",)))
        unknown = [stack for stack, amount in found.items() if amount == 1000]
        self.expect("a static function has its place in the file instead", len(unknown) == 1 and
                    unknown[0][0].startswith("profile_known+0x") and
                    unknown[0][1] == "known_make_table", found)

    def separate(self, program: str) -> None:
        copy = self.copy(program, "separate")
        subprocess.run(["objcopy", "--only-keep-debug", copy, copy + ".debug"], check=True)
        subprocess.run(["strip", "--strip-all", copy], check=True)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={copy}.debug", copy], check=True)
        self.expect_all_names("debugging information beside the program", self.profile_of(copy))

    def built_with(self, what: str, compiler: str, *flags: str) -> None:
        """Built here with flags that change the debugging information."""
        if shutil.which(compiler) is None or shutil.which(compiler.replace("gcc", "g++")) is None:
            print(f"skipped: {what}: no {compiler}")
            return
        program = self.path("built")
        sources = [os.path.join(HERE, name) for name in ("known.c", "known_cxx.cc")]
        objects = []
        common = ["-O1", "-fno-optimize-sibling-calls", "-D_GNU_SOURCE", "-g", *flags]
        for source in sources:
            objects.append(self.path(os.path.basename(source) + ".o"))
            subprocess.run([compiler, *common, "-c", source, "-o", objects[-1]], check=True)
        libraries = [os.path.join(self.libraries, name) for name in LIBRARIES]
        subprocess.run([compiler, *objects, "-rdynamic", *libraries, "-o", program, *flags,
                        "-lstdc++"], check=True, capture_output=True)
        self.expect_all_names(what, self.profile_of(program))

    def missing(self, program: str) -> None:
        copy = self.copy(program, "missing")
        profile = self.profile_of(copy)
        os.unlink(copy)
        run = self.run("--folded", profile)
        self.same("status when the program is gone", 0, run.returncode)
        self.same("it is told once", 1, run.stderr.count(f"warning: {copy}: is not there"))
        self.expect("functions are named after the file", "profile_known+0x" in run.stdout and
                    "known_make_table" not in run.stdout, run.stdout)
        self.expect("other files have names", "known_library_work" in
                    self.run("--folded", "--value", "alloc_space", profile).stdout)
        with open(copy, "w", encoding="utf-8") as file:
            file.write("no ELF file")
        run = self.run("--folded", profile)
        self.same("status when it is another file", 0, run.returncode)
        self.expect("it is told", f"{copy}: is not the file" in run.stderr, run.stderr)

    def touched(self, program: str) -> None:
        """A file with the same build id is the same file, whatever its time."""
        copy = self.copy(program, "touched")
        profile = self.profile_of(copy)
        os.utime(copy)
        self.expect_all_names("a file that was touched", profile)

    def system_library(self) -> None:
        """A stripped library of Debian, through its dynamic symbols: a frame at each of some."""
        path = os.path.realpath("/lib/x86_64-linux-gnu/libz.so.1")
        if not os.path.exists(path):
            print("skipped: no libz.so.1 for x86-64")
            return
        symbols = subprocess.run(["nm", "-D", "--defined-only", "-S", path], capture_output=True,
                                 text=True, check=True).stdout.splitlines()
        functions = [line.split() for line in symbols if " T " in line and len(line.split()) == 4]
        notes = subprocess.run(["readelf", "-nW", path], capture_output=True, text=True,
                               check=True).stdout
        build_id = re.search("Build ID: ([0-9a-f]+)", notes)[1]
        base = 0x7F0000000000
        profile = "brkmalloc heap profile 2\n"
        for function in functions[:40]:
            profile += f"sample 1 8 1 8 1 8 0x{base + int(function[0], 16) + 1:x}@1\n"
        profile += (f"objects\n1 {base:x}-{base + 0x100000:x} 0 0:0 0 0 0.0 0.0 0.0 {build_id} "
                    f"{path}\nend\n")
        found = self.folded(self.write("library.heap", profile))
        for function in functions[:40]:
            name = function[3].split("@")[0]
            self.expect(f"{name} of {path}", any(name in stack for stack in found), found)


def main() -> int:
    reader, known, fixed = sys.argv[1:]
    with Names(reader) as test:
        test.libraries = os.path.dirname(os.path.abspath(known))
        test.environment["LD_LIBRARY_PATH"] = test.libraries
        test.expect_all_names("position-independent program", test.profile_of(known))
        test.expect_all_names("program at a fixed address", test.profile_of(fixed))
        test.built_with("DWARF 4", "gcc", "-gdwarf-4")
        test.built_with("packed debugging information", "gcc", "-gz")
        test.built_with("no table of addresses", "clang", "-Wno-unknown-attributes")
        test.system_library()
        test.stripped(known)
        test.separate(known)
        test.missing(known)
        test.touched(known)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
