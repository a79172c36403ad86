#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run.py BUILD [--only CLIENT]... [--folder FOLDER] [--write]

Builds real clients of the kernel's family from Debian's source packages twice: as they are, with their own
shims over malloc, and with these replaced by the headers in include/brkmalloc/linux-compat and the library
in BUILD. Both do the same work on disk images and must print the same.

--only    this client only; may be repeated
--folder  keeps sources and builds there for the next time: a run that was ended goes on
--write   writes the table into docs/compatibility.md

Exit status: 0 all print the same, 1 some do not or cannot be built, 77 no client could be had."""
import argparse
import difflib
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "suites"), os.path.join(ROOT, "tests", "tools")]
import fetch  # noqa: E402
import page  # noqa: E402

LIMIT = 3600  # seconds for a build
SHOWN = 40  # lines of a log, or of a difference

HEAD = """
## Clients of the kernel's family

`./brkmalloc test --clients` builds programs that port kernel code to user space, from Debian's source packages, as
they are and with their own shims over malloc replaced by linux-compat's headers. Both do the same work on disk
images; what they print, identifiers and times aside, must be equal.

| client | Debian package | what was replaced | what it did | calls | what came out |
| --- | --- | --- | --- | --- | --- |
"""


class Client:
    """One script beside this file, with what its first lines say."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.fields = dict(re.findall(r"^# (Source|Needs|Replaced|Does): (.*)$", fetch.read(path), re.M))

    def missing(self):
        for need in self.fields["Needs"].split():
            thing, _, package = need.partition(":")
            if not (glob.glob(thing) if thing.startswith("/") else shutil.which(thing)):
                return package
        return None

    def run(self, *arguments, log, timeout=LIMIT):
        """Whether the script ended well; what it says goes into `log`."""
        with open(log, "w", encoding="utf-8") as file:
            try:
                return subprocess.run(["sh", self.path, *arguments], stdin=subprocess.DEVNULL, stdout=file,
                                      stderr=subprocess.STDOUT, timeout=timeout, check=False).returncode == 0
            except subprocess.TimeoutExpired:
                return False


class Failed(Exception):
    """What went wrong with a client."""


def clients():
    return [Client(path) for path in sorted(glob.glob(os.path.join(HERE, "*.sh")))]


def tail(log):
    return "\n".join(fetch.read(log).splitlines()[-SHOWN:])


def key_of(client, build):
    """Of what a build with the family depends on."""
    digest = hashlib.sha256(fetch.read(client.path).encode())
    paths = glob.glob(os.path.join(ROOT, "include", "**", "*.h"), recursive=True)
    for path in [*sorted(paths), os.path.join(build, "libbrkmalloc.so")]:
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:16]


def built(client, source, folder, name, cflags, ldflags):
    """The folder of a build, made if it is not there."""
    work = os.path.join(folder, name)
    if not os.path.exists(os.path.join(work, "built")):
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        print(f"clients: {client.name}: builds {name.partition('-')[0]}", flush=True)
        if not client.run("build", source, work, cflags, ldflags, log=work + ".log"):
            raise Failed("could not be built:\n" + tail(work + ".log"))
        with open(os.path.join(work, "built"), "w", encoding="utf-8"):
            pass
    return work


def output_of(client, work, files, folder, name):
    place = os.path.join(folder, "images-" + name)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    log = os.path.join(folder, name + ".out")
    done = client.run("work", work, files, place, log=log)
    shutil.rmtree(place, ignore_errors=True)
    if not done:
        raise Failed(f"did not come to its end ({name}):\n" + tail(log))
    return fetch.read(log).splitlines()


def family_calls(work):
    """Functions of the family that the programs in `work` are linked to."""
    names = set()
    for path in glob.glob(os.path.join(work, "**", "*"), recursive=True):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            run = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True,
                                 check=False)
            names |= set(re.findall(r"\b(brkm_\w+)", run.stdout))
    return sorted(names)


def try_client(client, build, folder, source):
    """What came out, and the functions it calls."""
    include = os.path.join(ROOT, "include")
    plain = built(client, source, folder, "plain", "", "")
    for old in glob.glob(os.path.join(folder, "family-*")):
        if key_of(client, build) not in old:
            shutil.rmtree(old, ignore_errors=True)
    family = built(client, source, folder, "family-" + key_of(client, build),
                   f"-I{include} -I{os.path.join(include, 'brkmalloc', 'linux-compat')}",
                   f"-L{build} -lbrkmalloc -Wl,-rpath,{build}")
    calls = family_calls(family)
    if not calls:
        raise Failed("is not linked to the family")
    files = os.path.join(folder, "files")
    shutil.rmtree(files, ignore_errors=True)
    os.makedirs(files)
    if not client.run("input", files, log=os.path.join(folder, "input.log")):
        raise Failed("has no files to work with:\n" + tail(os.path.join(folder, "input.log")))
    wanted = output_of(client, plain, files, folder, "plain")
    found = output_of(client, family, files, folder, "family")
    commands = sum(line.startswith("+ ") for line in wanted)
    if wanted != found or commands == 0:
        difference = list(difflib.unified_diff(wanted, found, "as it is", "with the family", lineterm=""))
        raise Failed(f"{len(difference)} lines differ:\n" + "\n".join(difference[:SHOWN]))
    return f"{commands} commands, {len(wanted)} equal lines", calls


def row_of(client, version, calls, result):
    names = ", ".join(f"`{name.removeprefix('brkm_')}`" for name in calls)
    return (f"| {client.name} | {version} | {client.fields['Replaced']} "
            f"| {client.fields['Does']} | {names} | {result} |")


def write(rows):
    def updated(inside):
        lines = {name: line for line, name in re.findall(r"^(\| ([a-z][-\w]*) .*)$", inside, re.M)
                 if name != "client"}
        lines.update(rows)
        return HEAD + "".join(lines[name] + "\n" for name in sorted(lines))
    page.write_part("clients", updated)


def run_all(arguments, folder):
    sources = fetch.Sources(os.path.join(folder, "sources"))
    os.makedirs(sources.folder, exist_ok=True)
    rows, status, tried = {}, 0, 0
    for client in clients():
        if arguments.only and client.name not in arguments.only:
            continue
        try:
            package = client.missing()
            if package:
                raise fetch.Unavailable(f"needs the package {package}")
            source, version = sources.unpacked(client.fields["Source"])
        except fetch.Unavailable as reason:
            print(f"clients: skipped: {client.name}: {reason}")
            continue
        tried += 1
        place = os.path.join(folder, client.name)
        os.makedirs(place, exist_ok=True)
        calls, result = [], ""
        try:
            result, calls = try_client(client, arguments.build, place, source)
            print(f"clients: {client.name}: {result}", flush=True)
        except Failed as reason:
            status = 1
            print(f"clients: FAILED: {client.name} {reason}", flush=True)
            result = "FAILED: " + str(reason).splitlines()[0].rstrip(":")
        rows[client.name] = row_of(client, version, calls, result)
    if arguments.write and rows:
        write(rows)
    return status if tried else 77


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--only", action="append", choices=[client.name for client in clients()])
    parser.add_argument("--folder")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    arguments.build = os.path.realpath(arguments.build)
    if arguments.folder:
        os.makedirs(arguments.folder, exist_ok=True)
        return run_all(arguments, os.path.realpath(arguments.folder))
    with tempfile.TemporaryDirectory(prefix="brkmalloc-clients.", dir="/var/tmp") as folder:
        return run_all(arguments, folder)


if __name__ == "__main__":
    sys.exit(main())
