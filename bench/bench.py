# SPDX-License-Identifier: MIT
"""The front of the benchmark; `./brkmalloc bench --help` describes it to users.

Beside the user's options it takes from that script where the library (--library) and the built
workloads (--workloads) are. Exit status: 0 all runs succeeded, 1 some failed, 2 bad usage.
"""
from __future__ import annotations

import argparse
import fnmatch
import os
import shlex
import sys
from types import ModuleType

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, ROOT)
# pylint: disable=wrong-import-position
from compare.allocators import Allocator, UsageError, find_peers, from_path, verify  # noqa: E402
from compare.front import number_up_to, run_front, say_as  # noqa: E402
from compare.runner import Runner  # noqa: E402
from driver import cases, comparison, instructions, machine, memory, scaling, timeline  # noqa: E402

say = say_as("brkmalloc bench")


def log(text: str) -> None:
    print(text, flush=True)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="brkmalloc bench", allow_abbrev=False)
    parser.add_argument("--quick", action="store_true",
                        help="smaller sizes and fewer rounds, under two minutes")
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="only this case, may be repeated and hold * and ?")
    parser.add_argument("--with", action="append", default=[], dest="others",
                        metavar="/path/lib.so", help="compare this allocator, too")
    parser.add_argument("--rounds", type=number_up_to(100), metavar="N",
                        help="runs of each case on each allocator (5; 3 with --quick; with "
                        "--memory 3 and 1)")
    parser.add_argument("--instructions", action="store_true",
                        help="count instructions per malloc and free under callgrind instead")
    parser.add_argument("--scaling", action="store_true",
                        help="measure threads, live heap and idle threads instead")
    parser.add_argument("--memory", action="store_true",
                        help="measure the memory of scenarios that leave holes and of recorded "
                        "programs instead")
    parser.add_argument("--timeline", action="store_true",
                        help="measure the memory of one server over its life instead")
    parser.add_argument("-o", dest="output", metavar="DIR", help="where the files go")
    parser.add_argument("--library", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--workloads", required=True, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def choose_allocators(options: argparse.Namespace, environment: dict[str, str],
                      ) -> list[Allocator]:
    chosen = [Allocator(comparison.OURS, os.path.abspath(options.library))]
    present, absent = find_peers()
    chosen += present
    for path in options.others:
        chosen.append(from_path(path, [allocator.name for allocator in chosen]))
    for name in absent:
        say(f"{name} is not installed and left out")
    for allocator in chosen:
        verify(allocator, os.path.join(options.workloads, "which"), environment)
    return chosen


def select(names: list[str], patterns: list[str]) -> list[str]:
    """The names that match; all without patterns."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise UsageError(f"--only: there is no '{pattern}'; there are: {' '.join(names)}")
    return [name for name in names
            if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def choose_cases(patterns: list[str]) -> list[cases.Case]:
    known = {case.name: case for case in [*cases.workloads(), *cases.programs()]}
    chosen = []
    for name in select(list(known), patterns):
        missing = cases.missing_packages(known[name])
        if missing:
            say(f"{name} is left out: not installed: {' '.join(missing)}")
        else:
            chosen.append(known[name])
    if not chosen:
        raise UsageError("nothing is left to run")
    return chosen


def output_folder(options: argparse.Namespace) -> str:
    path = os.path.abspath(options.output or os.path.join(ROOT, "build", "bench"))
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o: {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK):
        raise UsageError(f"-o: cannot write to {path}")
    return path


def user_command(arguments: list[str]) -> str:
    """What the user typed, without what the script added."""
    added = ("--library=", "--workloads=")
    return shlex.join(["./brkmalloc", "bench",
                       *(word for word in arguments if not word.startswith(added))])


def choose_mode(options: argparse.Namespace) -> ModuleType | None:
    """What is run instead of the comparison of workloads and programs."""
    modes = {"--instructions": (options.instructions, instructions),
             "--scaling": (options.scaling, scaling),
             "--memory": (options.memory, memory),
             "--timeline": (options.timeline, timeline)}
    wanted = [name for name, (chosen, _) in modes.items() if chosen]
    if len(wanted) > 1:
        raise UsageError(f"{' and '.join(wanted)} are {len(wanted)} runs: give one of them")
    return modes[wanted[0]][1] if wanted else None


def default_rounds(options: argparse.Namespace) -> int:
    """Memory differs less from run to run than time."""
    if options.memory:
        return 1 if options.quick else 3
    return 3 if options.quick else 5


def run(arguments: list[str]) -> bool:
    options = parse(arguments)
    mode = choose_mode(options)
    # Bad names are told before anything runs.
    parts = select(list(mode.PARTS), options.only) if mode else []
    chosen = [] if mode else choose_cases(options.only)
    output = output_folder(options)
    rounds = options.rounds or default_rounds(options)
    with Runner(options.workloads) as runner:
        allocators = choose_allocators(options, runner.environment)
        settings = comparison.Options(options.workloads, ROOT, output, user_command(arguments),
                                   rounds, options.quick, log)
        log(machine.description(allocators, ROOT, settings.command))
        if mode is not instructions and machine.busy_warning():
            say(machine.busy_warning())
        if mode:
            succeeded: bool = mode.run(settings, allocators, runner, parts)
            return succeeded
        return comparison.Comparison(settings, allocators, runner).run_all(chosen)


def main() -> int:
    return run_front(lambda arguments: 0 if run(arguments) else 1, say)


if __name__ == "__main__":
    sys.exit(main())
