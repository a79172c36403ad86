# SPDX-License-Identifier: MIT
"""Usage: profile_other_build.py READER LIBRARY

Where the profile is read another file lies at the program's path: its names are not used, which is told.
The right file is found by its build id, or below a folder that holds the files of the machine where the
program ran. Without a build id, inode, size and time tell.
"""
import os
import re
import shutil
import subprocess
import sys

from common import Test, build, run_profiled

INSIDE = """#include <stdlib.h>
void *volatile keep[20];
__attribute__((noinline)) void true_leaker(void)
{
    for (int i = 0; i < 20; i++) keep[i] = malloc(100000);
}
int main(void) { true_leaker(); return 0; }
"""
DECOYS = "".join(f"__attribute__((noinline)) int decoy_{i}(int x) {{ return x * {i} + 1; }}\n"
                 for i in range(60))
HOST = DECOYS + "int main(void) { return 0" + "".join(f" + decoy_{i}(1)" for i in range(60)) + "; }\n"


class OtherBuild(Test):
    def folded(self, *words: str) -> tuple[str, str]:
        run = self.run("--folded", *words, self.path("p.heap"))
        self.same(f"status of {words}", 0, run.returncode)
        self.expect(f"no wrong name with {words}", "decoy" not in run.stdout, run.stdout)
        return run.stdout, run.stderr

    def expect_names(self, what: str, *words: str) -> None:
        found, said = self.folded(*words)
        self.expect(what, "true_leaker 2000000" in found, found)
        self.same(f"warnings of {what}", "", said)

    def expect_warning(self, what: str, warning: str) -> None:
        found, said = self.folded()
        self.expect(what, re.search(rf"warning: \S*/app: {warning}", said), said)
        self.expect(f"{what}: places in the file", re.search(r"app\+0x[0-9a-f]+ 2000000", found), found)

    def by_build_id(self) -> None:
        app, kept = self.path("app"), self.path("kept")
        build(self, "app", INSIDE, "-g", "-Wl,--build-id=sha1")
        run_profiled(self, self.library, [app], "profile_interval:1")
        self.expect_names("the file itself")
        shutil.move(app, kept)
        self.expect_warning("no file", "is not there")
        build(self, "app", HOST, "-Wl,--build-id=sha1")
        self.expect_warning("another build", "is not the file that the program ran")
        build(self, "app", HOST, "-Wl,--build-id=none")
        self.expect_warning("a build without an id", "is not the file that the program ran")
        notes = subprocess.run(["readelf", "-n", kept], capture_output=True, text=True,
                               check=True).stdout
        build_id = re.search("Build ID: ([0-9a-f]+)", notes)[1]
        folder = self.path("symbols")
        for place in (f".build-id/{build_id[:2]}/{build_id[2:]}",
                      f".build-id/{build_id[:2]}/{build_id[2:]}.debug", f"{build_id}/executable",
                      f"{build_id}/debuginfo", app[1:]):
            path = os.path.join(folder, place)
            os.makedirs(os.path.dirname(path))
            shutil.copy(kept, path)
            self.expect_names(f"found as {place}", "--symbols", folder)
            if place.endswith(("debug", "debuginfo")):
                subprocess.run(["objcopy", "--only-keep-debug", kept, path], check=True)
                self.expect_names(f"debugging information alone as {place}", "--symbols", folder)
            build(self, os.path.relpath(path, self.scratch), HOST, "-Wl,--build-id=sha1")
            found, _ = self.folded("--symbols", folder)
            self.expect(f"a wrong file as {place}", "true_leaker" not in found, found)
            shutil.rmtree(folder)
        self.expect_warning("an empty folder", "is not the file that the program ran")

    def by_status(self) -> None:
        app, kept = self.path("app"), self.path("kept")
        build(self, "app", INSIDE, "-g", "-Wl,--build-id=none")
        run_profiled(self, self.library, [app], "profile_interval:1")
        self.expect_names("the file itself, without an id")
        shutil.copy2(app, kept)
        os.utime(app)
        self.expect_warning("a time of its own", "is not the file that the program ran, or was changed")
        shutil.copy2(kept, app)
        self.expect_names("the same inode, size and time")
        os.replace(kept, app)
        self.expect_warning("another inode", "is not the file that the program ran, or was changed")


def main() -> int:
    reader, library = sys.argv[1:]
    with OtherBuild(reader) as test:
        test.library = library
        test.by_build_id()
        test.by_status()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
