# SPDX-License-Identifier: MIT
"""Usage: profile_no_proc.py READER LIBRARY

Programs without /proc, from their start or from some moment on, write profiles with names. What cannot be
known then is told.
"""
import os
import re
import shutil
import subprocess
import sys

from common import SKIPPED, Test, build

# Leaves for a folder without anything before it asks for memory; loads a library there or before.
MAIN = """#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>
void *volatile keep[40];
__attribute__((noinline)) void true_leaker(void)
{
    for (int i = 0; i < 20; i++) keep[i] = malloc(100000);
}
int main(int count, char **words)
{
    if (count > 1 && (chdir(words[1]) != 0 || chroot(".") != 0)) return 2;
    true_leaker();
    return access("/proc/self/exe", F_OK) == 0;
}
"""


class NoProc(Test):
    def profile(self, *command: str, **environment: str) -> None:
        env = {**self.environment, "BRKMALLOC": "profile:true,profile_interval:1", **environment}
        run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        self.same(f"status of {command}", (0, "", ""), (run.returncode, run.stdout, run.stderr))

    def expect_names(self, what: str, heap: str) -> None:
        run = self.run("--text", heap)
        self.expect(f"function of {what}", re.search(r"2\.?\d* ?MiB.* true_leaker|1\.9 MiB.* true_leaker",
                                                     run.stdout), run.stdout + run.stderr)
        self.expect(f"program of {what}", run.stdout.startswith("/") and "/app, process" in run.stdout,
                    run.stdout)

    def left_at_run_time(self) -> None:
        os.makedirs(self.path("root/tmp"))
        self.profile(self.path("app"), self.path("root"), LD_PRELOAD=self.library,
                     BRKMALLOC_PROFILE="/tmp/p.heap")
        self.expect_names("a program that went into a folder", self.path("root/tmp/p.heap"))

    def never_there(self, *flags: str) -> str:
        """The program and its libraries in a folder that is its root."""
        root = self.path("whole")
        shutil.rmtree(root, ignore_errors=True)
        build(self, "app", MAIN, "-g", *flags)
        libraries = subprocess.run(["ldd", self.path("app"), self.library], capture_output=True,
                                   text=True, check=True).stdout
        for path in {self.path("app"), self.library, *re.findall(r"(/\S+) \(0x", libraries)}:
            target = root + path
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)
        os.makedirs(root + "/tmp", exist_ok=True)
        self.profile("chroot", root, self.path("app"), LD_PRELOAD=self.library,
                     BRKMALLOC_PROFILE="/tmp/p.heap")
        return root + "/tmp/p.heap"

    def known_by_the_loader(self) -> None:
        heap = self.never_there()
        self.expect_names("a program without /proc", heap)
        os.unlink(self.path("app"))
        run = self.run("--folded", "--symbols", self.path("whole"), heap)
        self.expect("names from the program's root", "true_leaker 2000000" in run.stdout, run.stdout)

    def not_known(self) -> None:
        heap = self.never_there("-Wl,--build-id=none")
        run = self.run("--folded", heap)
        self.expect("no name where nothing tells the file", "true_leaker" not in run.stdout and
                    re.search(r"app\+0x[0-9a-f]+ 2000000", run.stdout), run.stdout)
        self.expect("it is told", re.search(r"warning: \S*/app: has no build id", run.stderr), run.stderr)


def main() -> int:
    reader, library = sys.argv[1:]
    if os.geteuid() != 0:
        print("skipped: only root may chroot")
        return SKIPPED
    with NoProc(reader) as test:
        test.library = library
        build(test, "app", MAIN, "-g")
        test.left_at_run_time()
        test.known_by_the_loader()
        test.not_known()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
