# SPDX-License-Identifier: MIT
"""The allocators that are compared, and where they are."""
from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass

# Name, pattern of the library's file name.
PEERS = [
    ("glibc", r"libc\.so\.6"),
    ("jemalloc", r"libjemalloc\.so\.\d+"),
    ("tcmalloc", r"libtcmalloc_minimal\.so\.\d+"),
    ("mimalloc", r"libmimalloc\.so\.\d[\d.]*"),
]


@dataclass(frozen=True)
class Allocator:
    """`library` is preloaded, also for glibc: some programs (redis-server on Debian) are linked
    with an allocator of their own, which libc's malloc must then precede."""

    name: str
    library: str


class UsageError(Exception):
    """Something that the user can put right; ends the program with status 2."""


def machine_of(path: str) -> bytes:
    """The class, byte order and machine of an ELF file; empty for another file."""
    with open(path, "rb") as file:
        head = file.read(20)
    return head[4:6] + head[18:20] if head[:4] == b"\x7fELF" else b""


def system_libraries() -> dict[str, list[str]]:
    """Paths by file name, from the loader's cache."""
    found: dict[str, list[str]] = {}
    for command in ("ldconfig", "/sbin/ldconfig", "/usr/sbin/ldconfig"):
        try:
            listing = subprocess.run([command, "-p"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        for line in listing.stdout.splitlines():
            match = re.match(r"\s+(\S+) .*=> (\S+)$", line)
            if match:
                found.setdefault(match[1], []).append(match[2])
        break
    return found


def find_peer(pattern: str, libraries: dict[str, list[str]]) -> str | None:
    machine = machine_of("/proc/self/exe")
    for name in sorted(libraries, reverse=True):
        if re.fullmatch(pattern, name):
            for path in libraries[name]:
                if os.path.exists(path) and machine_of(path) == machine:
                    return path
    return None


def find_peers() -> tuple[list[Allocator], list[str]]:
    """The peers that are there, and the names of those that are not."""
    libraries = system_libraries()
    present, absent = [], []
    for name, pattern in PEERS:
        path = find_peer(pattern, libraries)
        if path is None:
            absent.append(name)
        else:
            present.append(Allocator(name, path))
    return present, absent


def from_path(path: str, taken: list[str]) -> Allocator:
    """An allocator that the user names."""
    if not os.path.isfile(path):
        raise UsageError(f"--with: there is no file {path}")
    full = os.path.abspath(path)
    if machine_of(full) != machine_of("/proc/self/exe"):
        raise UsageError(f"--with: {path} is no shared library of this architecture")
    if re.search(r"[ :$]", full):
        raise UsageError(f"--with: LD_PRELOAD cannot name a path with space, colon or $: {full}")
    stem = re.sub(r"^lib|\.so.*$", "", os.path.basename(full)) or "other"
    name = stem
    number = 2
    while name in taken:
        name = f"{stem}-{number}"
        number += 1
    return Allocator(name, full)


def verify(allocator: Allocator, which: str, environment: dict[str, str]) -> None:
    """That a program with the library preloaded really calls its malloc."""
    result = subprocess.run([which], capture_output=True, text=True, check=False,
                            env={**environment, "LD_PRELOAD": allocator.library})
    served_by = result.stdout.strip()
    if result.returncode != 0 or not served_by or not os.path.samefile(served_by,
                                                                       allocator.library):
        problem = result.stderr.strip() or f"malloc comes from {served_by}"
        raise UsageError(f"{allocator.name}: {allocator.library} does not serve malloc: {problem}")


def version_of(allocator: Allocator) -> str:
    """The Debian package and version of a library; empty when no package owns it."""
    for path in (os.path.realpath(allocator.library), allocator.library):
        try:
            owner = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True,
                                   check=True).stdout.split(": ")[0].split(",")[0]
            return subprocess.run(
                ["dpkg-query", "-W", "-f", "${Package} ${Version}", owner],
                capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
    return ""
