# SPDX-License-Identifier: MIT
"""What is run: the table of workloads, and the programs of ../programs."""
from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(os.path.dirname(HERE), "programs")


@dataclass(frozen=True)
class Case:
    name: str
    program: str  # a workload's executable, or a script
    operations: int = 0  # of a workload's full run
    parameters: tuple[str, ...] = ()
    is_workload: bool = True
    needs: tuple[str, ...] = field(default=())  # commands of which "COMMAND:PACKAGE"


# Name, workload, operations of a full run, parameters. "CPUS" stands for the number of processors
# (at least 2). The operations are chosen for about half a second of processor time on glibc 2.36.
WORKLOADS = """
pairs               pairs       80000000 size=64
pairs-threads       pairs       80000000 size=64 threads=CPUS
burst               burst       50000000 height=100 least=64 most=64
burst-deep          burst       10000000 height=20000 least=16 most=512
replace-small       replace     20000000 slots=4096 least=16 most=515
replace-small-mt    replace     20000000 slots=4096 least=16 most=515 threads=CPUS
replace-many        replace      4000000 slots=200000 least=16 most=515
replace-wide        replace      5000000 slots=4096 least=16 most=32768 skewed=1
replace-wide-mt     replace      5000000 slots=4096 least=16 most=32768 skewed=1 threads=CPUS
replace-medium      replace      4000000 slots=256 least=1024 most=62464
replace-medium-mt   replace      4000000 slots=256 least=1024 most=62464 threads=CPUS
replace-large       replace         1000 slots=8 least=100000 most=33554432 skewed=1
replace-large-mt    replace         1000 slots=8 least=100000 most=33554432 skewed=1 threads=CPUS
server              server      30000000 slots=1000 least=16 most=1000 threads=CPUS
pipeline-1-1        pipeline     4000000 producers=1 consumers=1
pipeline-8-1        pipeline     3000000 producers=8 consumers=1
pipeline-1-8        pipeline     4000000 producers=1 consumers=8
exchange            exchange    12000000 slots=16384 least=16 most=515 threads=CPUS
spawn               spawn           8000 width=8 blocks=100
growth              growth       1200000 buffers=1000
zeroed              zeroed        300000 slots=1024 least=16 most=131072
aligned             aligned      3000000 slots=2048 least=16 most=4096
arenas              arenas       4000000 sets=256 objects=1000 least=16 most=256
interpreter         interpreter  8000000 variables=4096
apart-small-mt      ends        20000000 slots=8192 least=8 most=263 threads=CPUS
apart-calloc-mt     ends         6000000 call=calloc slots=1024 least=64 most=2560 threads=CPUS
apart-wide-mt       ends         6000000 slots=1024 least=16 most=32768 skewed=1 threads=CPUS
apart-realloc-mt    ends         6000000 call=realloc slots=256 least=16 most=4015 threads=CPUS
apart-large-mt      ends          300000 slots=32 least=100000 most=3100000 threads=CPUS
"""


def processors() -> int:
    return max(2, len(os.sched_getaffinity(0)))


def workloads() -> list[Case]:
    cases = []
    for line in WORKLOADS.split("\n"):
        if line:
            name, program, operations, *parameters = line.split()
            filled = tuple(p.replace("CPUS", str(processors())) for p in parameters)
            cases.append(Case(name, program, int(operations), filled))
    return cases


def programs() -> list[Case]:
    cases = []
    for file in sorted(os.listdir(PROGRAMS)):
        path = os.path.join(PROGRAMS, file)
        with open(path, encoding="utf-8") as script:
            needs = re.search(r"^# Needs: (.*)$", script.read(), re.MULTILINE)
        cases.append(Case(file.removesuffix(".sh"), path, is_workload=False,
                          needs=tuple(needs[1].split()) if needs else ()))
    return cases


def missing_packages(case: Case) -> list[str]:
    """The packages of the commands that a program needs and that are not there."""
    wanted = [need.split(":") for need in case.needs]
    return sorted({package for command, package in wanted if shutil.which(command) is None})


def workload_command(folder: str, case: Case, divisor: int) -> tuple[list[str], int]:
    """The command of a workload with a part of its operations, and how many these are."""
    operations = max(1, case.operations // divisor)
    executable = os.path.join(folder, case.program)
    return [executable, f"operations={operations}", *case.parameters], operations
