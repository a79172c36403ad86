# SPDX-License-Identifier: MIT
"""Runs gdb on a program, from a list of commands, and returns what both printed."""
import os
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77

# Breakpoints may wait for a library that is not loaded yet. Nothing is asked of the network.
SETTINGS = ["set pagination off", "set width 0", "set confirm off", "set debuginfod enabled off",
            "set breakpoint pending on", "set print thread-events off"]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def require_gdb():
    """gdb with Python that may trace a process; otherwise the test is skipped."""
    if shutil.which("gdb") is None:
        skip("no gdb here")
    if "python works" not in run_gdb(["python print('python works')"]):
        skip("this gdb has no Python")
    if "exited normally" not in run_gdb(["run"], program="/bin/true"):
        skip("tracing is not allowed here")


def run_gdb(commands, program=None, environment=None, core=None, arguments=(), timeout=100):
    """The lines that gdb and the program under it print. `environment` is the program's, added."""
    settings = list(SETTINGS)
    if environment:
        words = " ".join(f"'{name}={value}'" for name, value in environment.items())
        settings.append(f"set exec-wrapper env {words}")
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as script:
        script.write("\n".join(settings + list(commands)) + "\n")
        script.flush()
        command = ["gdb", "-q", "-nx", "-batch", "-x", script.name]
        command += ["--args", program, *arguments] if program and core is None else []
        command += [program, core] if core else []
        run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                             timeout=timeout,
                             env={k: v for k, v in os.environ.items() if k != "LD_PRELOAD"})
    return run.stdout
