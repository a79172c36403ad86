#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutate.py BUILD [--count N] [--seed S] [--rooms NAME,...] [--only FILE:LINE] [--budget SECONDS]
             [--log FILE] [--list]

Puts one small error at a time into a source file of src/ and runs the quick tests that have to do with
it, until one fails. A mutant that all of them pass is a survivor: a test is missing, or the change
makes no difference, which survivors.txt beside this file then explains. Exit status 1 when a survivor
is not explained there.

BUILD is a folder of this script's own: `brkmalloc test --mutation` makes it. What is changed is one
file in one place: an operator, a condition (negated), a statement (dropped) or a constant (by one).
Only its object is compiled again, and linked with the tests that are run. --count mutants are drawn
with --seed, evenly from the functions in the --rooms; --only takes all of one line instead. --list
prints what would be tried. --budget bounds the seconds that the tests of one mutant may need when they
pass, beyond the unit tests that are about its file.
"""
import argparse
import collections
import json
import os
import random
import re
import resource
import shlex
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", ".."))
SOURCES = os.path.join(ROOT, "src")
EXPLAINED = os.path.join(HERE, "survivors.txt")

# A test that needs this many times the processor time that it needs without a mutant, and some seconds,
# hangs; so does one that is not ready after so long by the clock, however busy the machine is.
PATIENCE, GRACE_SECONDS, CLOCK_SECONDS = 4, 3, 200

# Tests that need more processor time than this are not quick.
QUICK_SECONDS = 12

Mutant = collections.namedtuple("Mutant", "file line kind old new start end")


# ---- Mutants ----

OPERATORS = {
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
    "==": ["!="], "!=": ["=="], "&&": ["||"], "||": ["&&"],
    "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"],
    "<<": [">>"], ">>": ["<<"], "&": ["|"], "|": ["&"], "^": ["|"],
    "+=": ["-="], "-=": ["+="], "|=": ["&="], "&=": ["|="], "^=": ["|="],
}
OPERATOR = re.compile(r"(?<=[\w)\]] )(<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|\|=|&=|\^=|[-+*/%<>&|^])(?=\s)")
STEP = re.compile(r"\+\+|--")
CONDITION = re.compile(r"\b(?:if|while) \(")
CONSTANT = re.compile(r"(?<![\w.])(0x[0-9a-f]+|[0-9]+)(?=[uUlL]*\b)|\b(true|false)\b")
ARRAY = re.compile(r"\w \**\w+\[\Z")
STATEMENT = re.compile(r"(?<=[;{}:])\s*([^;{}#]*;)")
KEYWORD = re.compile(r"(return|break|continue|goto|case|default|if|while|for|do|else|switch|const|static"
                     r"|struct|enum|union|unsigned|_Atomic|_Static_assert|brkm_assert\w*)\b")
DECLARATION = re.compile(r"[A-Za-z_]\w*[ *]+\**[A-Za-z_]\w*\s*(=|;|\[|,)")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def code_of(text):
    """The text with comments, literals, preprocessor lines and assertions blanked."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)
    text = re.sub(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text)
    text = re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)
    return re.sub(r"\b(?:brkm_assert\w*|_Static_assert)\([^;]*;", blank, text)


def functions(code):
    """Where the bodies are: their braces stand at the beginning of a line."""
    for match in re.finditer(r"(?<=\))\n\{\n(.*?)\n\}", code, flags=re.S):
        yield match.start(1) - 2, match.end(1)


def closing(code, start):
    """Where the parenthesis closes that opens before `start`."""
    depth = 1
    for place in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0:
            return place
    raise ValueError("a parenthesis stays open")


def changes(code, begin, end):
    """Yields (kind, start, end, new text) for each change inside a body."""
    for match in OPERATOR.finditer(code, begin, end):
        for new in OPERATORS[match[1]]:
            yield "operator", match.start(1), match.end(1), new
    for match in STEP.finditer(code, begin, end):
        yield "operator", match.start(), match.end(), "--" if match[0] == "++" else "++"
    for match in CONDITION.finditer(code, begin, end):
        close = closing(code, match.end())
        yield "condition", match.end(), close, f"!({code[match.end():close]})"
    for match in CONSTANT.finditer(code, begin, end):
        if ARRAY.search(code, max(begin, match.start() - 40), match.start()):
            continue
        if match[2]:
            new = "false" if match[2] == "true" else "true"
        else:
            new = str(int(match[1], 0) + 1)
        yield "constant", match.start(), match.end(), new
    for match in STATEMENT.finditer(code, begin, end):
        text = match[1]
        is_call_or_store = "(" in text or "=" in text or "++" in text or "--" in text
        is_in_head = code.count("(", begin, match.start(1)) != code.count(")", begin, match.start(1))
        if is_call_or_store and not is_in_head and not KEYWORD.match(text) and \
                not DECLARATION.match(text):
            yield "statement", match.start(1), match.end(1), ";"


def mutants_of(file):
    with open(os.path.join(SOURCES, file), encoding="utf-8") as source:
        text = source.read()
    code = code_of(text)
    for begin, end in functions(code):
        for kind, start, stop, new in changes(code, begin, end):
            if kind == "condition":
                new = f"!({text[start:stop]})"
            yield Mutant(file, text.count("\n", 0, start) + 1, kind, text[start:stop], new,
                         start, stop)


def words(text):
    return " ".join(text.split())


def description(mutant):
    return f"{mutant.file}: {line_of(mutant)} => {words(mutated_line(mutant))}"


def read(file):
    with open(os.path.join(SOURCES, file), encoding="utf-8") as source:
        return source.read()


def line_of(mutant):
    text = read(mutant.file)
    begin, end = text.rfind("\n", 0, mutant.start) + 1, text.find("\n", mutant.end)
    return words(text[begin:end])


def mutated(mutant):
    text = read(mutant.file)
    # What follows stays in its line: objects without a difference are equal to the byte.
    lines = "\n" * mutant.old.count("\n")
    new = mutant.new if mutant.kind == "condition" else mutant.new + lines
    return text[:mutant.start] + new + text[mutant.end:]


def mutated_line(mutant):
    text = read(mutant.file)
    begin, end = text.rfind("\n", 0, mutant.start) + 1, text.find("\n", mutant.end)
    return text[begin:mutant.start] + mutant.new + text[mutant.end:end]


def explained():
    """The descriptions in survivors.txt, below "## reason"."""
    found, reason = set(), ""
    with open(EXPLAINED, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.startswith("## "):
                reason = line[3:]
            elif line and not line.startswith("#"):
                if not reason or " => " not in line:
                    sys.exit(f"{EXPLAINED}:{number}: neither '## reason' nor 'FILE: OLD => NEW'")
                found.add(line)
    return found


# ---- The build ----

class Build:
    def __init__(self, folder):
        self.folder = os.path.realpath(folder)
        with open(os.path.join(self.folder, "compile_commands.json"), encoding="utf-8") as file:
            self.commands = [entry for entry in json.load(file)
                             if entry["file"].startswith(SOURCES + os.sep)]
        self.links = {}
        for parent, _, files in os.walk(self.folder):
            if "link.txt" in files:
                with open(os.path.join(parent, "link.txt"), encoding="utf-8") as file:
                    command = file.read().strip()
                # FOLDER/CMakeFiles/TARGET.dir/link.txt, whose paths begin at FOLDER
                base = os.path.dirname(os.path.dirname(parent))
                output = re.search(r" -o (\S+)", command)
                if output and "\n" not in command:
                    path = os.path.realpath(os.path.join(base, output[1]))
                    self.links[path] = (base, command)
        self.library = next(path for path in self.links
                            if os.path.basename(path).startswith("libbrkmalloc.so"))
        self.linked = set()

    def objects(self, file):
        """(command, folder, object) for each object that the file becomes."""
        for entry in self.commands:
            if entry["file"] == os.path.join(SOURCES, file):
                command = entry["command"]
                output = re.search(r" -o (\S+)", command)[1]
                yield command, entry["directory"], os.path.join(entry["directory"], output)

    def compile(self, file, source):
        """Compiles `source` in the place of the file. False when it does not compile."""
        for command, folder, _ in self.objects(file):
            command = command.replace(os.path.join(SOURCES, file), source)
            result = subprocess.run(shlex.split(command), cwd=folder, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, check=False)
            if result.returncode != 0:
                return False
        self.linked = set()
        return True

    def link(self, path):
        path = os.path.realpath(path)
        if path in self.linked or path not in self.links:
            return
        base, command = self.links[path]
        subprocess.run(command, shell=True, cwd=base, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        self.linked.add(path)

    def linked_with(self, program, file):
        """What must be linked again when the file changes, before the program runs; None when the
        file is no part of it."""
        part = f".dir/src/{file}.o"
        _, command = self.links.get(os.path.realpath(program), (None, ""))
        if "brkm_core.dir" in command:
            return program if part in command else None
        return self.library if part in self.links[self.library][1] else None


# ---- The tests ----

class Test:
    def __init__(self, entry):
        self.name = entry["name"]
        self.command = [*entry["command"]]
        properties = {p["name"]: p["value"] for p in entry.get("properties", [])}
        environment = properties.get("ENVIRONMENT", [])
        self.environment = dict(v.split("=", 1) for v in environment)
        self.folder = properties.get("WORKING_DIRECTORY", "/tmp")
        self.skipped = properties.get("SKIP_RETURN_CODE", -1)
        self.passing = properties.get("PASS_REGULAR_EXPRESSION")
        if self.name.startswith("stress."):
            self.command[2:4] = ["1", "4"]

    def run(self, limit):
        """True when it passes, with `limit` seconds of processor time for each of its processes. A
        process group of its own, all of which ends with it."""
        environment = {**os.environ, **self.environment, "CK_FORK": "yes", "UNIT_STEP": "31"}
        process = subprocess.Popen(self.command, cwd=self.folder, env=environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=lambda: resource.setrlimit(
                                       resource.RLIMIT_CPU, (int(limit), int(limit) + 1)))
        try:
            status = process.wait(CLOCK_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        return status in (0, self.skipped)


POOL = re.compile(r"unit\.|fuzz\.(operations|options)\.corpus$|api\..*\.preload$"
                  r"|stress\.(threads|profile)\.preload$|interpose\.[^u].*\.preload$|service\."
                  r"|misuse\..*\.preload$|profile\.[a-z_]+$")

# What only some rooms are tested with.
ROOMS_OF = {"misuse": ("heap", "cache", "malloc", "guard"), "profile": ("profile", "kit"),
            "service": ("service", "stats", "kit", "system")}


def all_tests(build):
    result = subprocess.run(["ctest", "--test-dir", os.path.join(build.folder, "tests"),
                             "--show-only=json-v1"], stdout=subprocess.PIPE, check=True)
    tests = [Test(entry) for entry in json.loads(result.stdout)["tests"]
             if "command" in entry and POOL.match(entry["name"])]
    return [test for test in tests if os.path.exists(test.command[0]) and test.passing is None]


class Times:
    """How long each test takes without a mutant, measured when that is first asked for and kept."""

    def __init__(self, build):
        self.build, self.path, self.known = build, os.path.join(build.folder, "seconds.json"), {}
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.known = json.load(file)

    def of(self, test, file):
        """Seconds of processor time; None for a test that fails. `file` is as it should be."""
        if test.name not in self.known:
            self.build.link(self.build.linked_with(test.command[0], file))
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            passed = test.run(60)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            self.known[test.name] = seconds if passed else None
            if not passed:
                print(f"left out, since it fails without a mutant: {test.name}", flush=True)
            with open(self.path, "w", encoding="utf-8") as kept:
                json.dump(self.known, kept, indent=0)
        return self.known[test.name]


def named(file):
    """The unit tests that are about a file: they include its header, or another one of its room where
    no test includes that."""
    module, room = os.path.splitext(file)[0], os.path.dirname(file)
    folder = os.path.join(ROOT, "tests", "unit")
    found, beside = set(), set()
    for name in os.listdir(folder):
        if name.startswith("test_") and name.endswith(".c"):
            with open(os.path.join(folder, name), encoding="utf-8") as test:
                text = test.read()
            if f'#include "{module}.h"' in text or name == "test_" + os.path.basename(file):
                found.add("unit." + name[5:-2])
            if f'#include "{room}/' in text:
                beside.add("unit." + name[5:-2])
    return found or beside


def tests_of(build, file, tests, times, budget):
    """[(test, seconds)]: first those about the file, then others as long as the budget lasts. The file
    has just been compiled as it should be."""
    room, first = file.split("/")[0], named(file)
    chosen, left = [], budget
    for test in sorted(tests, key=lambda t: t.name not in first):
        kind = test.name.split(".")[0]
        about = test.name in first
        if not build.linked_with(test.command[0], file) or room not in ROOMS_OF.get(kind, (room,)) \
                or (left <= 0 and not about):
            continue
        seconds = times.of(test, file)
        if seconds is not None and seconds < QUICK_SECONDS and (about or seconds <= left):
            chosen.append((test, seconds))
            left -= 0 if about else seconds
    return sorted(chosen, key=lambda pair: (pair[0].name not in first, pair[1]))


# ---- One after the other ----

def try_mutant(build, mutant, tests, originals):
    """The name of the test that noticed, or "survived", "same code", "does not compile"."""
    source = os.path.join(build.folder, "mutant.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(mutated(mutant))
    if not build.compile(mutant.file, source):
        return "does not compile"
    if all(content(path) == originals[path] for *_, path in build.objects(mutant.file)):
        return "same code"
    for test, seconds in tests:
        try:
            build.link(build.linked_with(test.command[0], mutant.file))
        except subprocess.CalledProcessError:
            return "does not compile"
        if not test.run(PATIENCE * seconds + GRACE_SECONDS):
            return test.name
    return "survived"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def put_back(build, file, path):
    """The file as it is, under the name that all mutants have: so code can be compared."""
    with open(path, "w", encoding="utf-8") as source:
        source.write(read(file))
    if not build.compile(file, path):
        sys.exit(f"mutate.py: {file} does not compile as it is")
    return {path: content(path) for *_, path in build.objects(file)}


def draw(arguments):
    files = sorted(os.path.join(os.path.basename(room), name)
                   for room, _, names in os.walk(SOURCES) for name in names if name.endswith(".c"))
    if arguments.rooms:
        files = [file for file in files if file.split("/")[0] in arguments.rooms.split(",")]
    found = [mutant for file in files for mutant in mutants_of(file)]
    if arguments.only:
        file, _, line = arguments.only.partition(":")
        return [m for m in found if m.file == file and (not line or m.line == int(line))]
    random.Random(arguments.seed).shuffle(found)
    return found[:arguments.count]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rooms", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--budget", type=float, default=30)
    parser.add_argument("--log", default="")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    chosen = draw(arguments)
    if arguments.list:
        for mutant in chosen:
            print(mutant.kind, description(mutant))
        return 0
    build = Build(arguments.build)
    tests, times = all_tests(build), Times(build)
    known, counts, open_survivors = explained(), collections.Counter(), []
    for mutant in chosen:
        original = put_back(build, mutant.file, os.path.join(build.folder, "mutant.c"))
        chosen_tests = tests_of(build, mutant.file, tests, times, arguments.budget)
        outcome = try_mutant(build, mutant, chosen_tests, original)
        text = description(mutant)
        if outcome == "survived" and text in known:
            outcome = "explained"
        killed = outcome not in ("survived", "explained", "same code", "does not compile")
        counts[mutant.kind, "killed" if killed else outcome] += 1
        line = f"{mutant.kind}, line {mutant.line}, {outcome}: {text}"
        print(line, flush=True)
        if arguments.log:
            with open(arguments.log, "a", encoding="utf-8") as log:
                log.write(line + "\n")
        if outcome == "survived":
            open_survivors.append(text)
        put_back(build, mutant.file, os.path.join(build.folder, "mutant.c"))
    for (kind, outcome), count in sorted(counts.items()):
        print(f"{kind}: {count} {outcome}")
    print(f"seed {arguments.seed}: {len(chosen)} mutants, {len(open_survivors)} survivors not explained")
    return 1 if open_survivors else 0


if __name__ == "__main__":
    sys.exit(main())
