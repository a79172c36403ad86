#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ctl_container.py CTL LIBRARY: `brkmalloc ctl` (the program CTL) and processes in other namespaces, as in
containers: root and the user whom they run as reach them, others learn the reason; and without /proc a
process that lives is not said to be gone."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

CTL, LIBRARY = (os.path.abspath(path) for path in sys.argv[1:])
SKIPPED = 77
USER, OTHER = 1234, 1235
DONE, NOT_ALLOWED, NO_CONTROL, NO_PROCESS = 0, 4, 5, 3
failures = []


def as_user(user):
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []


@contextlib.contextmanager
def sleeper(library, *before):
    """A program with a socket, started through the commands `before`; yields its number."""
    command = [*before, "env", f"LD_PRELOAD={library}", "BRKMALLOC=control:true", "sleep", "60"]
    with subprocess.Popen(command) as process:
        for _ in range(100):
            with open(f"/proc/{process.pid}/comm", encoding="utf-8") as file:
                threads = len(os.listdir(f"/proc/{process.pid}/task"))
                if file.read() == "sleep\n" and threads == 2:
                    break
            time.sleep(0.1)
        time.sleep(0.3)
        try:
            yield process.pid
        finally:
            process.kill()


def expect(what, ctl, user, number, status, words):
    run = subprocess.run([*as_user(user), ctl, "ctl", str(number), "version"], capture_output=True,
                         text=True, check=False)
    if run.returncode != status or words not in run.stdout + run.stderr:
        failures.append(f"{what}: status {run.returncode}, '{run.stdout}{run.stderr}'")


def answer_to(user, number):
    """What a client of that user gets who knows the socket's name."""
    with open("/proc/net/unix", encoding="utf-8") as file:
        name = next(line.split("@")[1].strip() for line in file if f"@brkmalloc/{number}/" in line)
    # Who is refused may be so before he has asked.
    script = (f"import contextlib, socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(chr(0) + {name!r})\n"
              "with contextlib.suppress(BrokenPipeError):\n    s.send(b'version\\n')\n"
              "print(s.recv(100).decode())")
    return subprocess.run([*as_user(user), sys.executable, "-c", script], capture_output=True, text=True,
                          check=False).stdout


def main():
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv") or \
            subprocess.run(["unshare", "-Urn", "true"], check=False).returncode != 0:
        print("skipped: needs root, unshare, setpriv and namespaces")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        library, ctl = (shutil.copy(path, folder) for path in (LIBRARY, CTL))
        with sleeper(library, "unshare", "-n") as number:
            expect("another network", ctl, 0, number, DONE, "protocol 1")
        with sleeper(library, "unshare", "-n", *as_user(USER)) as number:
            expect("a user's process in root's network: root", ctl, 0, number, DONE, "protocol 1")
            expect("the user, who may not enter", ctl, USER, number, NOT_ALLOWED,
                   "another network namespace")
        with sleeper(library, *as_user(USER), "unshare", "-Urn") as number:
            expect("a container of a user: root", ctl, 0, number, DONE, "protocol 1")
            expect("its owner", ctl, USER, number, DONE, "protocol 1")
            expect("another user", ctl, OTHER, number, NOT_ALLOWED, "belongs to user 1234")
        with sleeper(library, *as_user(USER), "unshare", "-Ur") as number:
            expect("a user namespace alone: root", ctl, 0, number, DONE, "protocol 1")
            expect("its owner", ctl, USER, number, DONE, "protocol 1")
        # In a namespace without users everybody looks alike: nobody is let in.
        with sleeper(library, *as_user(USER), "unshare", "-U") as number:
            if not answer_to(OTHER, number).startswith("error usage only the user"):
                failures.append(f"a stranger who looks like the user: {answer_to(OTHER, number)}")
        with sleeper(library) as number:
            run = subprocess.run(["unshare", "-m", "sh", "-c", 'umount -l /proc && "$0" ctl "$1" stats',
                                  ctl, str(number)], capture_output=True, text=True, check=False)
            if run.returncode != NO_CONTROL or "/proc is not mounted" not in run.stderr:
                failures.append(f"without /proc: status {run.returncode}, {run.stderr}")
        expect("a process that ended", ctl, 0, number, NO_PROCESS, "no process")
    print("\n".join(failures) or "all is well")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
