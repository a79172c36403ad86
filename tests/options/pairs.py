#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pairs.py count | list | long-list
pairs.py row NUMBER LIBRARY TESTS | long LIBRARY TESTS [WITNESS]

The options together. A row sets about half of all options; any two of them are set together in some
row, with values drawn from SEED. In each row run the API tests, the stress test and ten small programs
(programs.sh), with LIBRARY preloaded; TESTS is the folder tests of a build. The options and their kinds
are those in src/kit/options.h, so that a new one comes in by itself.

long runs rows in which any two values meet, then each pair of options by itself, with real programs of
tests/programs where their WITNESS is named.
"""
import itertools
import math
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", ".."))
SEED = 20261128

BODIES = ["aligned", "calloc", "errno", "free_sized", "mallinfo", "malloc", "mallopt", "realloc",
          "reallocarray", "trim", "usable_size"]
PROGRAMS = ["bash", "gcc", "lua", "perl", "python3"]

# Seconds: of the stress test in a row; that one command may take, many times what it needs.
STRESS_SECONDS = 1
PATIENCE = 280

# Where the values by kind would say nothing, or make correct programs fail.
CHOSEN = {
    "limit_hard": ["4g"],                # less is out of memory, which other tests are about
    "profile_interval": ["512", "64k"],  # with 1 the tests take minutes
    "profile_signal": ["12"],            # SIGUSR2; most others mean something to some program
    "profile_leaks_exit_status": ["0"],  # any other would be the status of correct programs
    "guard_sample": ["1", "30"],
    "guard_sample_slots": ["16", "1000"],
    "side_heaps": ["0", "1"],            # the default is more than the tests have threads for
}

# What writes to standard error although all is well.
TELLING = {"help", "confirm", "stats_at_exit", "profile_leaks"}

# What is rightly said of an option in a row without the one that it needs.
LACKING = re.compile(r'brkmalloc: BRKMALLOC: \w+ "\w+" has no effect; it counts only with .*\n')


def words(name):
    """The values of an option that takes words."""
    with open(os.path.join(ROOT, "src", "kit", "options.c"), encoding="utf-8") as file:
        table = re.search(rf"\b{name}_words\[\] = \{{(.*?)\}}", file.read(), re.S)
    return re.findall(r'"(\w+)"', table[1])


def values_of(name, kind, standard, largest):
    if name in CHOSEN:
        return CHOSEN[name]
    if kind == "FLAG":
        return ["false" if standard == "1" else "true"]
    if kind == "WORD":
        return words(name)[1:]
    many = {"UINT8_MAX": "255"}.get(largest, largest if largest.isdigit() else "1000")
    values = ["0", "64k", "16m"] if kind == "SIZE" else ["0", "1", many]
    return values[1:] if standard == "0" else values


def options():
    """{name: values other than the default, or near enough}"""
    with open(os.path.join(ROOT, "src", "kit", "options.h"), encoding="utf-8") as file:
        text = re.sub(r"\\\n", "", file.read())
    rows = re.findall(r"X\((\w+),\s*(FLAG|NUMBER|SIZE|SIGNAL|WORD),\s*([^,]+),\s*([^,]+),", text)
    if len(rows) < 10:
        sys.exit("pairs.py: src/kit/options.h is not understood")
    return {row[0]: values_of(*row) for row in rows}


# ---- Rows ----

def text_of(row):
    return ",".join(f"{name}:{value}" for name, value in row.items())


def covering(levels, rng):
    """Rows {name: value or None} in which any two values of different options meet: each row is the
    best of some candidates, which add one option after another. None, not set, need not meet."""
    names = list(levels)
    left = {frozenset(((a, x), (b, y))) for a, b in itertools.combinations(names, 2)
            for x in levels[a] for y in levels[b]}
    rows = []
    while left:
        best, most = None, set()
        for _ in range(20):
            row = candidate(names, levels, left, rng)
            met = {frozenset(pair) for pair in itertools.combinations(row.items(), 2)} & left
            if best is None or len(met) > len(most):
                best, most = row, met
        rows.append(best)
        left -= most
    return rows


def candidate(names, levels, left, rng):
    row = {}
    for name in rng.sample(names, len(names)):
        gains = {value: sum(frozenset(((name, value), item)) in left for item in row.items())
                 for value in levels[name]}
        most = max(gains.values())
        row[name] = rng.choice([value for value, gain in gains.items() if gain == most])
    return row


def halves(names):
    """Sets of names of which any two names are in one together, and each in one without the other:
    every name is in another choice of a little more than half of the sets."""
    count = 2
    while math.comb(count, count // 2 + 1) < len(names):
        count += 1
    choices = itertools.combinations(range(count), count // 2 + 1)
    sets = [set() for _ in range(count)]
    for name, chosen in zip(names, choices):
        for number in chosen:
            sets[number].add(name)
    return sets


def rows_in_short():
    rng = random.Random(SEED)
    known = options()
    rows = [{name: rng.choice(known[name]) for name in sorted(chosen)}
            for chosen in halves(rng.sample(sorted(known), len(known)))]
    met = {pair for row in rows for pair in itertools.combinations(sorted(row), 2)}
    missing = set(itertools.combinations(sorted(known), 2)) - met
    if missing:
        sys.exit(f"pairs.py: these do not meet: {missing}")
    return rows


def rows_in_long():
    rng = random.Random(SEED)
    known = options()
    pairs = [{a: rng.choice(known[a]), b: rng.choice(known[b])}
             for a, b in itertools.combinations(known, 2)]
    return covering(known, rng), pairs


# ---- What runs ----

class Runner:
    def __init__(self, library, tests, folder):
        self.library, self.tests, self.folder = library, tests, folder
        self.failed = 0

    def environment(self, row):
        return {**os.environ, "LD_PRELOAD": self.library, "BRKMALLOC": text_of(row), "LC_ALL": "C",
                "BRKM_STRESS_SEED": str(SEED)}

    def run(self, row, command, environment=None):
        """Standard output of a command that must end well; None when it does not."""
        try:
            result = subprocess.run(command, env=environment or self.environment(row),
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    errors="replace", timeout=PATIENCE, check=False,
                                    cwd=self.folder)
        except subprocess.TimeoutExpired:
            return self.fail(row, command, "does not end", "")
        if result.returncode not in (0, 77):
            return self.fail(row, command, f"status {result.returncode}", result.stderr)
        if "brkmalloc:" in LACKING.sub("", result.stderr) and not TELLING & set(row):
            return self.fail(row, command, "something is said", result.stderr)
        return result.stdout

    def fail(self, row, command, what, errors):
        self.failed += 1
        print(f"FAILED: BRKMALLOC={text_of(row)} {' '.join(map(str, command))}: {what}\n"
              + "\n".join(errors.splitlines()[-10:]), flush=True)

    def api(self, row):
        for body in BODIES:
            self.run(row, [os.path.join(self.tests, "api", f"api_{body}_single_preload"), "preload"])

    def stress(self, row):
        self.run(row, [os.path.join(self.tests, "stress", "stress_preload"), "preload",
                       str(STRESS_SECONDS), "4"])

    def small_programs(self, row):
        command = ["sh", os.path.join(HERE, "programs.sh")]
        plain = self.run({}, command, {**os.environ, "LC_ALL": "C"})
        found = self.run(row, command)
        if found is not None and found != plain:
            self.fail(row, command, f"other output:\n{plain}\nbecame\n{found}", "")

    def real_programs(self, row, witness):
        for program in PROGRAMS if witness and not TELLING & set(row) else []:
            script = os.path.join(ROOT, "tests", "programs")
            self.run(row, ["sh", os.path.join(script, "compare.sh"), self.library, witness,
                           os.path.join(script, program + ".sh")],
                     {**os.environ, "BRKMALLOC": text_of(row)})

    def complaints(self, row):
        """What the values are is right."""
        silent = {name: value for name, value in row.items() if name not in TELLING}
        self.run(silent, ["true"])

    def all(self, row):
        self.complaints(row)
        self.api(row)
        self.stress(row)
        self.small_programs(row)


def run_long(runner, witness):
    rows, pairs = rows_in_long()
    for number, row in enumerate(rows, 1):
        print(f"row {number} of {len(rows)}", flush=True)
        runner.all(row)
        runner.real_programs(row, witness)
    for number, row in enumerate(pairs, 1):
        if number % 50 == 1:
            print(f"pair {number} of {len(pairs)}", flush=True)
        runner.all(row)
    print(f"{len(rows)} rows, {len(pairs)} pairs, {runner.failed} failures")


def main():
    what, *arguments = sys.argv[1:] or [""]
    if what == "count":
        print(len(rows_in_short()))
    elif what in ("list", "long-list"):
        rows = rows_in_short() if what == "list" else sum(rows_in_long(), [])
        print("\n".join(map(text_of, rows)))
    elif what in ("row", "long"):
        with tempfile.TemporaryDirectory() as folder:
            number = int(arguments.pop(0)) if what == "row" else 0
            library, tests, *rest = map(os.path.abspath, arguments)
            runner = Runner(library, tests, folder)
            if what == "row":
                row = rows_in_short()[number - 1]
                print("BRKMALLOC=" + text_of(row))
                runner.all(row)
            else:
                run_long(runner, rest[0] if rest else None)
        return 1 if runner.failed else 0
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
