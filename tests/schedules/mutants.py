#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutants.py COMPILER

Puts one error at a time into a copy of src/ and demands that the model notices: what it says of the
code as it is would otherwise be worth little. The model tries schedules with few stops first, in which
it notices nearly all: the others are then spared."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.realpath(os.path.join(HERE, "..", ".."))

# What is wrong, the file, what stands there, and what the mutant has instead.
MUTANTS = [
    ("opening wakes nobody", "kit/lock.h",
     "brkm__lock_wake(lock);\n    }", "(void)lock;\n    }"),
    ("opening forgets that somebody may sleep", "kit/lock.h",
     "if (unlikely((word & LOCK_AWAITED) != 0))", "if (unlikely((word & 4) == 0))"),
    ("a sleeper does not say so", "kit/lock.c",
     "uint32_t awaited = word | LOCK_AWAITED;", "uint32_t awaited = word;"),
    ("who was woken forgets that others may sleep", "kit/lock.c",
     "lock_take_if_open(lock, lock_mark() | LOCK_AWAITED);",
     "lock_take_if_open(lock, lock_mark());"),
    ("who was woken does not look again", "kit/lock.c",
     "        brkm__os_wait(&lock->word, awaited);\n    }\n    return false;",
     "        brkm__os_wait(&lock->word, awaited);\n    }\n    return true;"),
    ("who was woken takes the lock without a mark", "kit/lock.h",
     "return likely((mark & LOCK_TAKEN) != 0) &&", "return likely(mark != 0) &&"),
    ("taking looks and stores in two steps", "kit/lock.h",
     "return likely((mark & LOCK_TAKEN) != 0) &&\n"
     "           __atomic_compare_exchange_n(&lock->word, &open, mark, false, __ATOMIC_ACQUIRE,\n"
     "                                       __ATOMIC_RELAXED);",
     "bool was_open = __atomic_load_n(&lock->word, __ATOMIC_RELAXED) == open;\n"
     "    if (was_open) { __atomic_store_n(&lock->word, mark, __ATOMIC_RELAXED); }\n"
     "    return was_open;"),
    ("orphaned locks stay taken", "process/bare_fork.c",
     "        lock_reset(row->lock);\n", ""),
    ("locks are opened without a look at what they guard", "process/bare_fork.c",
     "            row->settle();\n", ""),
    ("the heap of the child is forgotten", "process/locks.c",
     "SETTLED_BY(brkm__bare_fork_abandon_heaps)", "NULL"),
    ("who takes all heaps does not look for one that began", "heap/heaps.c",
     "if (last == last_number()) {", "if (true) {"),
    ("all heaps are taken from the main heap up", "heap/heaps.c",
     "for (unsigned i = last + 1; i-- > 0;) {\n            lock_acquire",
     "for (unsigned i = 0; i <= last; i++) {\n            lock_acquire"),
    ("fork takes the main heap before side heaps", "process/locks.c",
     "for (unsigned i = relaxed_load(brkm__side_heaps_used) + 1; i-- > 0;) {",
     "for (unsigned i = 0; i <= relaxed_load(brkm__side_heaps_used); i++) {"),
    ("who settles wakes nobody", "process/bare_fork.c",
     "    /* Who was woken wakes the next. */\n    brkm__os_wake_one(mark);\n", ""),
    ("the depot believes the look without the lock", "cache/depot.c",
     "if (shelf->batches > 0) {\n        batch", "{\n        batch"),
    ("a batch that is not stored stays reserved", "cache/depot.c",
     "brkm__idle_release(IDLE_IN_DEPOT, depot->heap, bytes);\n        stored", "stored"),
    ("a batch that is taken stays reserved", "cache/depot.c",
     "brkm__idle_release(IDLE_IN_DEPOT, depot->heap, list_bytes(slot, batch));\n", ""),
    ("the surplus is lost", "cache/depot.c", "*surplus = take_last", "take_last"),
    ("a shelf is changed without its lock", "cache/depot.c",
     "lock_acquire(&shelf->lock);\n    unsigned unasked", "unsigned unasked"),
    ("the child keeps the locks of threads that are gone", "process/process.c",
     "brkm__locks_each(reset);", ""),
    ("the parent keeps the locks", "process/process.c", "brkm__locks_each(release);", ""),
    ("the parent passes all locks for ever", "process/process.c",
     "    brkm__lock_holds_all = false;\n    brkm__locks_each(release);",
     "    brkm__locks_each(release);"),
    ("fork takes our locks before the list of streams", "process/process.c",
     "    brkm__os_streams_lock();\n"
     "    brkm__locks_each(acquire);",
     "    brkm__locks_each(acquire);\n    brkm__os_streams_lock();"),
    ("fork does not take the list of streams", "process/process.c",
     "    brkm__os_streams_lock();\n", "    (void)0;\n"),
    ("fork leaves out the lock of mapped blocks", "process/locks.c",
     "{&brkm__mapped_lock,", "{brkm__cache_lock(),"),
]


def build(compiler, sources, program):
    command = [compiler, "-std=gnu11", "-O1", "-w", "-U_FORTIFY_SOURCE", "-I" + sources,
               "-I" + os.path.join(ROOT, "include"), "-I" + HERE, os.path.join(HERE, "model.c"),
               os.path.join(HERE, "scheduler.c"), "-o", program]
    subprocess.run(command, check=True)


def is_found(compiler, folder, file, old, new):
    sources = os.path.join(folder, "src")
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(os.path.join(ROOT, "src"), sources)
    path = os.path.join(sources, file)
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if text.count(old) != 1:
        sys.exit(f"mutants.py: {file} has {text.count(old)} places, not one, that read:\n{old}")
    with open(path, "w", encoding="utf-8") as source:
        source.write(text.replace(old, new))
    program = os.path.join(folder, "model")
    build(compiler, sources, program)
    result = subprocess.run([program, "few-stops-first"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    print(result.stderr.strip()[:150] or f"exit status {result.returncode}")
    # A violation that was described, or memory touched that is none.
    described = result.returncode == 1 and result.stderr.startswith("scenario")
    return described or result.returncode == -signal.SIGSEGV


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, file, old, new in MUTANTS:
            print(f"{what}: ", end="", flush=True)
            if not is_found(sys.argv[1], folder, file, old, new):
                print(f"NOT FOUND: {what} ({file})")
                missed += 1
    print(f"{len(MUTANTS) - missed} of {len(MUTANTS)} mutants found")
    sys.exit(1 if missed else 0)


main()
