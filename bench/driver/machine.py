# SPDX-License-Identifier: MIT
"""Where the figures come from: machine, versions, command."""
from __future__ import annotations

import os
import platform
import re
import subprocess
import time

from compare.allocators import Allocator, version_of


def first_match(path: str, pattern: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            match = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return ""
    return match[1] if match else ""


def available_bytes() -> int:
    return int(first_match("/proc/meminfo", r"^MemAvailable:\s+(\d+)") or "0") * 1024


def revision(folder: str) -> str:
    """The commit of the source tree, with a mark when files have changed since."""
    try:
        return subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", folder, "describe", "--always", "--dirty"],
            capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def brkmalloc_version(folder: str) -> str:
    header = os.path.join(folder, "include", "brkmalloc", "brkmalloc.h")
    numbers = [first_match(header, rf"BRKM_VERSION_{part}\s+(\d+)")
               for part in ("MAJOR", "MINOR", "PATCH")]
    commit = revision(folder)
    return ".".join(numbers) + (f" ({commit})" if commit else "")


def description(allocators: list[Allocator], folder: str, command: str) -> str:
    """As a list in Markdown."""
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)") or "0") / 1024 / 1024
    processor = first_match("/proc/cpuinfo", r"^model name\s*: (.*)$") or platform.machine()
    system = first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')
    pages = first_match("/sys/kernel/mm/transparent_hugepage/enabled", r"\[(\w+)\]")
    lines = [
        f"- machine: {processor}, {len(os.sched_getaffinity(0))} processors, {memory:.0f} GiB",
        f"- system: {system}, Linux {platform.release()}, transparent huge pages {pages or '?'}",
        f"- date: {time.strftime('%Y-%m-%d %H:%M')}, load at the start {os.getloadavg()[0]:.1f}",
    ]
    for allocator in allocators:
        version = brkmalloc_version(folder) if allocator.name == "brkmalloc" \
            else version_of(allocator)
        lines.append(f"- {allocator.name}: {version or allocator.library}")
    lines.append(f"- command: `{command}`")
    return "\n".join(lines) + "\n"


def busy_warning() -> str:
    load = os.getloadavg()[0]
    if load > 0.3 * len(os.sched_getaffinity(0)):
        return f"the machine is busy (load {load:.1f}): times will be noisy"
    return ""
