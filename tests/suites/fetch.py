# SPDX-License-Identifier: MIT
"""Source packages of the running Debian release, from where its packages come from. The system's own
list of sources and its state stay as they are."""
import glob
import os
import platform
import re
import subprocess

STANZAS = "/etc/apt/sources.list.d/*.sources"
LINES = "/etc/apt/sources.list.d/*.list"
TIMEOUT = 900  # seconds for a download


class Unavailable(Exception):
    """There is no such source to be had; the text says why."""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def source_stanzas(text, release):
    """The stanzas of a .sources file that are about the release, asking for sources."""
    for stanza in re.split(r"\n\s*\n", text):
        suites = re.search(r"^Suites:(.*)$", stanza, re.M)
        if suites and any(suite.startswith(release) for suite in suites.group(1).split()):
            yield re.sub(r"^Types:.*$", "Types: deb-src", stanza, flags=re.M)


def source_lines(text, release):
    """The same for lines of the older form: deb [OPTIONS] ADDRESS SUITE COMPONENT..."""
    for line in text.splitlines():
        found = re.match(r"deb\s+(\[[^]]*\]\s+)?\S+\s+(\S+)", line)
        if found and found.group(2).startswith(release):
            yield re.sub("^deb", "deb-src", line)


class Sources:
    """An apt of its own in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.ready = False
        self.options = []
        values = {"Dir::Etc::SourceList": "sources.list", "Dir::Etc::SourceParts": "parts",
                  "Dir::State::Lists": "lists", "Dir::Cache": "cache"}
        for key, name in values.items():
            self.options += ["-o", f"{key}={os.path.join(folder, name)}"]
        self.options += ["-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3",
                         "-o", "APT::Update::Error-Mode=any"]

    def write_configuration(self):
        release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
        if not release:
            raise Unavailable("the release of this system has no name; Debian's have")
        for name in ("parts", "lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        stanzas = [stanza for path in sorted(glob.glob(STANZAS))
                   for stanza in source_stanzas(read(path), release)]
        lines = [line for path in ["/etc/apt/sources.list", *sorted(glob.glob(LINES))]
                 for line in source_lines(read(path), release)]
        if not stanzas and not lines:
            raise Unavailable(f"apt's configuration names no source of {release}")
        with open(os.path.join(self.folder, "parts", "release.sources"), "w",
                  encoding="utf-8") as file:
            file.write("\n\n".join(stanzas) + "\n")
        with open(os.path.join(self.folder, "sources.list"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def apt(self, *arguments):
        try:
            run = subprocess.run(["apt-get", *self.options, "-q", *arguments], cwd=self.folder,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT, check=False)
        except FileNotFoundError:
            raise Unavailable("there is no apt-get") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"apt-get did not end within {TIMEOUT} seconds") from None
        if run.returncode != 0:
            errors = re.findall("^E: .*", run.stdout, re.M) or run.stdout.strip().splitlines()[-1:]
            raise Unavailable(f"apt-get {arguments[-1]}: {' '.join(errors[:1])}")

    def unpacked(self, package):
        """The folder of the package's source, fetched when it is not there, and its version."""
        return self.folder_of(package, self.fetched(package, "*.dsc"))

    def unpacked_tarball(self, package):
        """The same of what the package took from its project alone, without Debian's part."""
        place = self.fetched(package, "*.orig.tar.*", "--tar-only")
        tarballs = glob.glob(os.path.join(place, "*.orig.tar.*[!c]"))
        folder = os.path.join(place, "tarball")
        os.makedirs(folder, exist_ok=True)
        if len(tarballs) != 1 or subprocess.run(["tar", "-C", folder, "--strip-components=1", "-xf",
                                                 tarballs[0]], check=False).returncode != 0:
            raise Unavailable(f"the tarball of {package} did not unpack")
        version = os.path.basename(tarballs[0]).partition("_")[2].partition(".orig.")[0]
        return folder, f"{package} {version}"

    def fetched(self, package, pattern, *options):
        """The folder of the package, with files of that pattern."""
        place = os.path.join(self.folder, package)
        if not glob.glob(os.path.join(place, pattern)):
            if not self.ready:
                self.write_configuration()
                self.apt("update")
                self.ready = True
            os.makedirs(place, exist_ok=True)
            self.fetch(package, place, *options)
        return place

    def fetch(self, package, place, *options):
        before = self.folder
        self.folder = place
        try:
            self.apt("--only-source", *options, "source", package)
        finally:
            self.folder = before

    @staticmethod
    def folder_of(package, place):
        folders = [path for path in glob.glob(os.path.join(place, "*")) if os.path.isdir(path)]
        descriptions = glob.glob(os.path.join(place, "*.dsc"))
        if len(folders) != 1 or len(descriptions) != 1:
            raise Unavailable(f"the source package {package} did not unpack")
        version = re.search(r"^Version: (.*)$", read(descriptions[0]), re.M)
        return folders[0], f"{package} {version.group(1)}"
