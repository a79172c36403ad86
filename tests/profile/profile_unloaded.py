# SPDX-License-Identifier: MIT
"""Usage: profile_unloaded.py READER LIBRARY

A library that asked for memory is unloaded, or gives its place to another, or to a newer build of
itself, before the profile is written: nobody else is blamed, neither in the profile nor in the report
of leaks.
"""
import re
import shutil
import sys

from common import Test, build, run_profiled

PLUGIN = """#include <stdlib.h>
void *leaking_plugin(void) { return malloc(1000000); }
"""
OTHER = "".join(f"int innocent_{i}(int x) {{ return x * {i}; }}\n" for i in range(400))
NEWER = """#include <stdlib.h>
static void *renamed(void) { return malloc(1000000); }
void *leaking_plugin(void) { return renamed(); }
"""
MAIN = """#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
void *volatile keep[40];
static int count;
static void *load_and_leak(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    void *(*leak)(void) = (void *(*)(void))dlsym(plugin, "leaking_plugin");
    for (int i = 0; i < 20; i++) keep[count++] = leak();
    return plugin;
}
int main(int count, char **words)
{
    dlclose(load_and_leak("./plugin.so"));
    if (count == 1) return 0;
    if (strcmp(words[1], "other") == 0) return dlopen("./other.so", RTLD_NOW) == 0;
    return rename("newer.so", "plugin.so") != 0 || load_and_leak("./plugin.so") == 0;
}
"""


class Unloaded(Test):
    def run_with(self, *words: str) -> tuple[str, str, str]:
        """Folded stacks, what the reader says, and the report of leaks."""
        program = self.path("main")
        errors = run_profiled(self, self.library, [program, *words],
                              "profile_interval:1,profile_leaks:true")
        run = self.run("--folded", self.path("p.heap"))
        self.same(f"status of {words}", 0, run.returncode)
        return run.stdout, run.stderr, errors

    def stacks(self, folded: str, amount: int) -> list[str]:
        return [line for line in folded.splitlines() if line.endswith(f" {amount}")]

    def replaced(self) -> None:
        for words in ((), ("other",)):
            folded, said, leaks = self.run_with(*words)
            self.same(f"warnings with {words}", "", said)
            self.expect(f"the plugin has it with {words}",
                        all("leaking_plugin" in stack for stack in self.stacks(folded, 20000000))
                        and self.stacks(folded, 20000000), folded)
            self.expect(f"nobody else has it with {words}",
                        "innocent" not in folded and "other.so" not in folded, folded)
            self.expect(f"the report of leaks names the plugin with {words}",
                        re.search(r"plugin\.so\+0x", leaks) and "innocent" not in leaks and
                        "other.so" not in leaks, leaks)

    def newer_build(self) -> None:
        shutil.copy(self.path("plugin.so"), self.path("kept.so"))
        folded, said, leaks = self.run_with("newer")
        self.expect("the older build is told not to be there any more",
                    re.search(r"warning: \S*/plugin\.so: is not the file that the program ran", said),
                    said)
        self.same("stacks", 2, len(self.stacks(folded, 20000000)))
        self.expect("the newer build has its names", "leaking_plugin;renamed 20000000" in folded or
                    "renamed 20000000" in folded, folded)
        self.expect("the older one has places", re.search(r"plugin\.so\+0x[0-9a-f]+ 20000000", folded),
                    folded)
        self.expect("the report of leaks has both", leaks.count("20000000 bytes in 20 blocks") == 2,
                    leaks)


def main() -> int:
    reader, library = sys.argv[1:]
    with Unloaded(reader) as test:
        test.library = library
        build(test, "plugin.so", PLUGIN, "-shared", "-fPIC")
        build(test, "other.so", OTHER, "-shared", "-fPIC")
        build(test, "newer.so", NEWER, "-shared", "-fPIC", "-fno-optimize-sibling-calls", "-fno-inline")
        build(test, "main", MAIN, "-ldl")
        test.replaced()
        test.newer_build()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
