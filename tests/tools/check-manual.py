#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""check-manual.py COMMAND LIBRARY: the manual pages are laid out without fault, and name everything
that users meet: each function of the header and of libc that is replaced, each option of the
environment, each subcommand and option of the command, each message of the library and each number
of its statistics. References lead to a section that is there, and no word is swallowed."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SKIPPED = 77
WORD = r'"((?:[^"\\]|\\.)*)"'
failures = []


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def source(section):
    return "docs/man/" + ("brkmalloc-kernel.3" if section == "kernel" else f"brkmalloc.{section}")


def page(section):
    """The text of brkmalloc(SECTION), or of brkmalloc-kernel(3), as a reader sees it, in one line."""
    output = subprocess.run(["mandoc", "-Tascii", source(section)], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    return " ".join(re.sub(".\b", "", output).split())


def lint(section):
    """mandoc's findings. It looks for the pages that are referred to among the installed ones only,
    where its own need not be."""
    run = subprocess.run(["mandoc", "-Tlint", source(section)], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    for line in (run.stdout + run.stderr).splitlines():
        if "referenced manual not found" not in line and "mandoc.db" not in line:
            failures.append(line)


def expect(text, section, names, what):
    """Each of `names` stands in the page `text`, and there is at least one."""
    if not names:
        failures.append(f"found no {what} in the sources")
    for name in names:
        if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
            failures.append(f"brkmalloc.{section} does not name the {what} \"{name}\"")


def functions():
    text = re.sub(r"/\*.*?\*/", "", read("include/brkmalloc/brkmalloc.h"), flags=re.S)
    return re.findall(r"\b(brkm_\w+)\(", text)


def libc_functions():
    """libc's names that the library exports, but for glibc's internal ones."""
    return re.findall(r"^(?!brkm_)([a-z]\w*)$", read("tests/tools/exports.txt"), re.M)


def kernel_flags():
    """The kernel's names of flags."""
    return re.findall(r"^#define (__GFP_[A-Z0-9]+) BRKM", read(
        "include/brkmalloc/linux-compat/linux/gfp_types.h"), re.M)


def table(path, name):
    """The rows of the table `#define NAME(X)`, each as the text between the parentheses of X()."""
    body = re.search(rf"#define {name}\(X\)((?:.*\\\n)*.*\n)", read(path)).group(1)
    return re.findall(r"\bX\((\w+)((?:[^()\"]|\([^()]*\)|" + WORD + r")*)\)",
                      body.replace("\\\n", " "))


def options():
    return [row[0] for row in table("src/kit/options.h", "BRKM_OPTIONS")]


def faults():
    return [re.search(WORD, row[1]).group(1) for row in table("src/kit/report.h", "BRKM_FAULTS")]


def complaints():
    """What is said of keys, values and files, and of options that need others."""
    text = "".join(read(f"src/kit/options_{part}.c") for part in ("read", "value", "tell"))
    calls = re.findall(r"\bbrkm__option_complain\(([^;{]*)\);", text)
    texts = [text for call in calls for text in re.findall(WORD, call)]
    texts += re.findall(r"(?:remedy =|OPTION_TYPE_\w+\] =) " + WORD, text)
    texts += re.findall(r'"(it counts only with[^"]*)"', text)
    return texts + [words.strip() for words in re.findall(r"&?(?:remedy|line), " + WORD, text)
                    if words.startswith("it ")]


def invariants():
    return re.findall(r'"(I\d+: [^"]*)"', read("src/heap/walk.c"))


def table_rows(library):
    """The first words of the rows of the statistics, and those that a program on the library prints
    are among them."""
    rows = [label.strip() for label in re.findall(r'^    \{"([^"]*)", ', read("src/stats/table.c"),
                                                  re.M)]
    printed = subprocess.run(["cat", "/dev/null"], capture_output=True, text=True, check=True,
                             env=os.environ | {"LD_PRELOAD": library,
                                               "BRKMALLOC": "stats_at_exit:true"}).stderr
    for line in printed.splitlines()[2:]:
        if re.split("  +", line.strip())[0] not in rows:
            failures.append(f"src/stats/table.c has no row for \"{line}\"")
    return rows


def statistics():
    """The names that the other forms have: section.key."""
    return [f"{section}.{key}" for section, key in
            re.findall(r"^    X\((\w+), (\w+)\)", read("src/stats/stats.h"), re.M)]


def usage(command, *words):
    run = subprocess.run([command, *words, "--help"], capture_output=True, text=True, check=True)
    return run.stdout.split("\n\n")[0]


def subcommands(command):
    return sorted(set(re.findall(r"brkmalloc ([a-z]+)", usage(command))))


def check_subcommand(command, subcommand):
    """Its part of brkmalloc(1) has an item for each option in its usage line."""
    part = re.search(rf"^\.Ss {subcommand}\n(.*?)^\.S[sh] ", read("docs/man/brkmalloc.1"),
                     re.S | re.M)
    if not part:
        failures.append(f"brkmalloc.1 has no \".Ss {subcommand}\"")
        return
    described = {"-" * item.count("Fl ") + item.split()[-1]
                 for item in re.findall(r"^\.It ((?:Fl )+\S+)", part.group(1), re.M)}
    for option in re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", usage(command, subcommand)):
        if option not in described:
            failures.append(f"brkmalloc.1, .Ss {subcommand}, has no item for {option}")


# Words that are macros of mdoc: as a word of a macro's line they disappear, or take others with them.
SWALLOWED = {"An", "At", "Do", "Eo", "Es", "Ex", "In", "On", "So"}
# What stands between angle brackets on purpose: elements of XML, an index.
BRACKETED = {"<malloc>", "<brkmalloc>", "<class>", "<cache>", "<i>"}


def check_words(section):
    """No word was taken for a macro. Such a one is written with "\\&" in front."""
    for number, line in enumerate(read(source(section)).splitlines(), 1):
        words = line.split()
        if line.startswith(".") and SWALLOWED.intersection(words[1:]):
            failures.append(f"brkmalloc.{section}:{number}: a word is taken for a macro: {line}")
    for word in set(re.findall(r"<[a-z]+>", page(section))) - BRACKETED:
        failures.append(f"brkmalloc.{section} shows {word}: a word is taken for a macro")


def check_references(section):
    """Each section that a page refers to is there."""
    text = read(source(section))
    titles = set(re.findall(r"^\.S[sh] (.*)$", text, re.M))
    references = [re.sub(r" [.,;:)]+$", "", name) for name in re.findall(r"\bSx (.*)$", text, re.M)]
    for name in references:
        if name not in titles:
            failures.append(f"brkmalloc.{section} refers to a section \"{name}\" that it does not have")
    return len(references)


def part(section, title):
    """The source of a section of a page, with its subsections."""
    found = re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", read(source(section)),
                      re.S | re.M)
    if not found:
        failures.append(f"brkmalloc.{section} has no section {title}")
    return found.group(1) if found else ""


def own_items(text):
    """The first words of the items of the outermost lists in a section."""
    depth, items = 0, []
    for line in text.splitlines():
        depth += line.startswith(".Bl ") - (line == ".El")
        if depth == 1 and line.startswith(".It "):
            items += line[4:].replace("Cm ", "").replace(" ,", "").split()[:1]
    return items


def check_options_list():
    """Each option is an item of the list of options itself, not of one inside it."""
    items = own_items(part(7, "OPTIONS"))
    for name in options():
        if items.count(name) != 1:
            failures.append(f"brkmalloc.7, OPTIONS: {name} is {items.count(name)} times an item of "
                            "the list")


def check_messages():
    """Each message has its item among the messages."""
    text = re.sub(r'"""', '"', part(7, "DIAGNOSTICS"))
    items = "\n".join(re.findall(r"^\.It (.*)$", text, re.M))
    for message in faults():
        if message not in items:
            failures.append(f"brkmalloc.7, DIAGNOSTICS: no item for the message \"{message}\"")


# What users of other allocators look for, by the subsection that tells what takes its place.
ELSEWHERE = {
    "glibc": ["malloc_trim", "malloc_info", "MALLOC_PERTURB_", "mtrace"],
    "jemalloc": ["MALLOC_CONF", "malloc_conf", "mallctl", "abort_conf", "retain", "muzzy_decay_ms",
                 "dirty_decay_ms", "stats.resident", "stats.allocated", "prof.active", "prof.dump",
                 "jeprof", "background_thread"],
    "tcmalloc": ["MALLOCSTATS", "HEAPPROFILE", "HEAPCHECK", "ReleaseFreeMemory"],
    "mimalloc": ["MIMALLOC_SHOW_STATS", "mi_collect", "mi_option_set"],
    "heaptrack": ["memory over time", "temporary allocations", "flame graph", "never freed"],
}


def check_elsewhere():
    """Each has a row with something on its other side, which names only options that there are."""
    for title, names in ELSEWHERE.items():
        found = re.search(rf"^\.Ss {title}\n(.*?)(?=^\.S[sh] |\Z)", read(source(7)), re.S | re.M)
        rows = re.findall(r"^\.It (.*) Ta (.*)$", found.group(1) if found else "", re.M)
        for name in names:
            if not any(name in there and here for there, here in rows):
                failures.append(f"brkmalloc.7, {title}: no row for {name}")
        for _, here in rows:
            for option in re.findall(r"\bCm ([a-z_]+)", here):
                if option not in options():
                    failures.append(f"brkmalloc.7, {title}: there is no option {option}")


def check_synopsis(command):
    """A line of the synopsis, and a part of the page, for each use of each subcommand."""
    synopsis = subprocess.run(["mandoc", "-Tascii", "-O", "width=300", "docs/man/brkmalloc.1"],
                              cwd=ROOT, capture_output=True, text=True, check=True).stdout
    synopsis = re.sub(".\b", "", synopsis).split("SYNOPSIS")[1].split("DESCRIPTION")[0]
    for subcommand in subcommands(command):
        lines = re.findall(rf"^ +brkmalloc {subcommand}\b", synopsis, re.M)
        uses = re.findall(rf"brkmalloc {subcommand}\b", usage(command, subcommand))
        if len(lines) < len(uses):
            failures.append(f"brkmalloc.1, SYNOPSIS: {len(lines)} lines for {subcommand}, which has "
                            f"{len(uses)} uses")
        shown = re.findall(rf"brkmalloc {subcommand}\b", synopsis)
        if len(shown) != len(lines):
            failures.append(f"brkmalloc.1, SYNOPSIS: {subcommand} stands within a line")


def main():
    command, library = sys.argv[1:]
    if not shutil.which("mandoc"):
        print("skipped: no mandoc here")
        return SKIPPED
    for section in (1, 3, 7, "kernel"):
        lint(section)
        check_words(section)
    if sum(check_references(section) for section in (1, 3, 7, "kernel")) == 0:
        failures.append("found no reference to a section")
    check_options_list()
    check_messages()
    check_elsewhere()
    check_synopsis(command)
    expect(page(1), 1, subcommands(command), "subcommand")
    for subcommand in subcommands(command):
        check_subcommand(command, subcommand)
    expect(page(3), 3, functions(), "function")
    expect(page("kernel"), "kernel", kernel_flags(), "flag")
    text = page(7)
    expect(text, 7, [name + "()" for name in libc_functions()], "function")
    expect(text, 7, options(), "option")
    for messages in (faults(), complaints(), invariants()):
        expect(text, 7, messages, "message")
    expect(text, 7, table_rows(library), "row of the statistics")
    expect(text, 7, statistics(), "number of the statistics")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
