# SPDX-License-Identifier: MIT
"""gdb with a program under it or a core file, to which a test gives one command after the other."""
import os
import shutil
import signal
import subprocess
import sys

SKIPPED = 77

# Breakpoints may wait for a library that is not loaded yet. Nothing is asked of the network.
SETTINGS = ["set pagination off", "set width 0", "set confirm off", "set debuginfod enabled off",
            "set breakpoint pending on", "set print thread-events off", "set language c"]

DONE = "-- gdb is done --"

# Seconds until a gdb that hangs is ended.
PATIENCE = 60


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def require_gdb():
    """gdb with Python that may trace a process; otherwise the test is skipped."""
    if shutil.which("gdb") is None:
        skip("no gdb here")
    with Session("/bin/true") as session:
        if "it works" not in session.run("python print('it ' + 'works')"):
            skip("this gdb has no Python")
        if "exited normally" not in session.run("run"):
            skip("tracing is not allowed here")


class Session:
    """`environment` is added to that of the program."""

    def __init__(self, program=None, *arguments, core=None, environment=None):
        command = ["gdb", "-q", "-nx"]
        command += [program, core] if core else ["--args", program, *arguments] if program else []
        clean = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
        self.gdb = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                    stderr=subprocess.STDOUT, errors="replace", env=clean)
        # An error in a command that is read from a pipe does not end gdb.
        for setting in SETTINGS + ["set prompt"]:
            self.run(setting)
        if environment:
            words = " ".join(f"'{name}={value}'" for name, value in environment.items())
            self.run(f"set exec-wrapper env {words}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.gdb.kill()
        self.gdb.communicate()

    def run(self, command):
        """What gdb and the program print until the command has ended."""
        self.gdb.stdin.write(f"{command}\necho \\n{DONE}\\n\n")
        self.gdb.stdin.flush()
        lines = []
        signal.signal(signal.SIGALRM, lambda *_: self.gdb.kill())
        signal.alarm(PATIENCE)
        for line in self.gdb.stdout:
            if line.endswith(DONE + "\n"):
                break
            lines.append(line)
        else:
            lines.append("gdb ended, or did not answer in time\n")
        signal.alarm(0)
        return "".join(lines).replace("(gdb) ", "").strip("\n")
