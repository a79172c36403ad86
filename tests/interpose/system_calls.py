# SPDX-License-Identifier: MIT
"""system_calls.py LIBRARY PROGRAM MANUAL: the list of system calls in brkmalloc(7) against what strace
sees the program (system_calls.c) make on the library: nothing that the list does not have, and each of
the list's calls in some case where it can be provoked."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

# What libc itself calls to begin and to end threads.
OF_THREADS = {"clone3", "clone", "mprotect", "rseq", "set_robust_list", "rt_sigprocmask", "exit",
              "madvise", "futex", "rt_sigaction", "prlimit64", "openat", "read", "close", "mmap", "munmap",
              "sched_yield"}
# work, options, items of the manual's list, calls of others
CASES = [
    ("allocate", "", ["one thread"], set()),
    ("threads", "", ["one thread", "threads"], OF_THREADS),
    ("print", "", ["one thread", "statistics"], set()),
    ("fault", "", ["one thread", "fault"], set()),
    ("allocate", "thp:always", ["one thread", "thp"], set()),
    ("allocate", "hardened:true", ["one thread", "hardened"], set()),
    ("allocate", "guard_sample:50", ["one thread", "guard_sample"], set()),
    ("profile", "profile:true,profile_interval:65536", ["one thread", "profile"], set()),
]


def listed(manual):
    """The calls of each item of the list."""
    with open(manual, encoding="utf-8") as file:
        section = file.read().split(".Sh SYSTEM CALLS\n")[1].split("\n.El")[0]
    calls, item = {}, None
    for line in section.splitlines():
        if line.startswith(".It "):
            item = line[4:].split(" ", 1)[-1] if line[4:7] in ("Cm ", "Li ") else line[4:]
            calls[item] = set()
        elif item is not None and line.startswith(".Li "):
            calls[item] |= set(re.findall(r"[a-z_0-9]+", line[4:]))
    return calls


def made(library, program, work, options):
    """The calls between the program's marks, or from the first on where it ends in between."""
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "trace")
        environment = [f"LD_PRELOAD={library}", f"BRKMALLOC={options}"]
        command = ["strace", "-f", "-o", trace]
        for assignment in environment:
            command += ["-E", assignment]
        subprocess.run(command + [program, "preload", work], check=False, cwd=folder,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(trace, encoding="utf-8") as file:
            text = file.read()
    parts = re.split(r'write\(-1, "mark".*\n', text)
    if len(parts) < 2:
        sys.exit("no mark in the trace:\n" + text[-2000:])
    return set(re.findall(r"^\d+ +([a-z_0-9]+)\(", parts[1], re.M))


def main():
    library, program, manual = sys.argv[1:]
    if shutil.which("strace") is None:
        print("no strace")
        sys.exit(SKIPPED)
    calls = listed(manual)
    wrong = False
    for work, options, items, others in CASES:
        allowed = set.union(*(calls[item] for item in items))
        found = made(library, program, work, options)
        print(f"{work} {options}: {' '.join(sorted(found))}")
        if found - allowed - others:
            print(f"  not listed under {items}: {' '.join(sorted(found - allowed - others))}")
            wrong = True
        if not others and calls[items[-1]] - found:
            print(f"  listed under {items[-1]}, not made: {' '.join(sorted(calls[items[-1]] - found))}")
            wrong = True
    sys.exit(wrong)


main()
