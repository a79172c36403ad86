# SPDX-License-Identifier: MIT
"""Usage: command.py READER SCRIPT

The words of the command line, given to the reader and through the command brkmalloc: bad usage ends with
status 2, a message and the usage.
"""
import os
import subprocess
import sys

from common import Test

PROFILE = "brkmalloc heap profile 2\nsample 1 2 3 4 5 6 0x9 0x5\nobjects\nend\n"

BAD_USAGE = {
    (): "no FILE given",
    ("--folded",): "no FILE given",
    ("a", "b"): "unexpected argument 'b'",
    ("--colour", "a"): "unknown option '--colour'",
    ("-q", "a"): "unknown option '-q'",
    ("--text=3", "a"): "'--text=3'",
    ("-o",): "-o needs a value",
    ("-o", "", "a"): "-o needs a file",
    ("--diff",): "--diff needs a value",
    ("--text", "--svg", "a"): "--text and --svg exclude each other",
    ("--diff", "a", "--leaks", "b"): "--diff and --leaks exclude each other",
    ("--peak", "--live", "a"): "--peak and --live exclude each other",
    ("--sites", "--value", "alloc_space", "a"): "--sites shows what is in use",
    ("--text", "--value", "bytes", "a"): "--value 'bytes' is unknown",
    ("--value", "alloc_space", "a"): "-sample_index",
    ("--leaks", "--value", "alloc_space", "a"): "inuse_space or inuse_objects",
    ("--text", "--rows", "many", "a"): "--rows 'many'",
    ("--text", "--rows", "-1", "a"): "--rows '-1'",
    ("--folded", "--rows", "3", "a"): "--rows goes with",
}


class Command(Test):
    def bad_usage(self) -> None:
        for words, message in BAD_USAGE.items():
            run = self.run(*words)
            self.same(f"status of {words}", 2, run.returncode)
            self.same(f"standard output of {words}", "", run.stdout)
            self.expect(f"message for {words}", message in run.stderr and
                        run.stderr.startswith("brkmalloc pprof: "), run.stderr)
            self.expect(f"usage for {words}", "usage: brkmalloc pprof" in run.stderr, run.stderr)

    def no_file(self) -> None:
        for path, message in ((self.path("none"), "No such file"), (self.scratch, "directory")):
            run = self.run("--text", path)
            self.same(f"status for {path}", 1, run.returncode)
            self.expect(f"message for {path}", path in run.stderr and message in run.stderr,
                        run.stderr)
        profile = self.write("small.heap", PROFILE)
        run = self.run("--diff", self.path("none"), profile)
        self.same("status without a base", 1, run.returncode)

    def installed(self, script: str) -> None:
        """The command as it is installed, with the reader beside it and without."""
        profile = self.write("small.heap", PROFILE)
        os.makedirs(self.path("prefix/bin"))
        command = self.path("prefix/bin/brkmalloc")
        with open(script, "rb") as source, open(command, "wb") as target:
            target.write(source.read())
        os.chmod(command, 0o755)

        def run(*words: str) -> subprocess.CompletedProcess:
            return subprocess.run([command, "pprof", *words], capture_output=True, text=True,
                                  check=False, env=self.environment, timeout=60)

        without = run("--folded", profile)
        self.same("status without the reader", 1, without.returncode)
        self.expect("message without the reader", "no brkmalloc-pprof in" in without.stderr and
                    "libdw-dev" in without.stderr, without.stderr)
        folder = self.path("prefix/libexec/brkmalloc")
        os.makedirs(folder)
        os.symlink(self.reader, os.path.join(folder, "brkmalloc-pprof"))
        self.same("folded stacks", "0x4;0x8 2\n", run("--folded", profile).stdout)
        self.same("status of bad usage", 2, run("--colour", profile).returncode)
        usage = run("--help").stdout.split("\n\n")[0]
        self.same("usage of the command and of the reader", usage.strip(),
                  self.run("--help").stdout.strip())
        self.same("no file", 2, run().returncode)


def main() -> int:
    reader, script = sys.argv[1:]
    with Command(reader) as test:
        test.bad_usage()
        test.no_file()
        test.installed(script)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
