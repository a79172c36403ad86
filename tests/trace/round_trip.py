# SPDX-License-Identifier: MIT
"""Usage: round_trip.py RECORDER LIBRARY REPLAYER KNOWN

Records the program KNOWN, whose calls are known, and finds each of them in the trace; then replays
the trace.
"""
import os
import signal
import sys

from common import Event, Test

MANY = 20000
THREADS = 4


class RoundTrip(Test):
    def __init__(self, recorder: str, library: str, replayer: str, known: str) -> None:
        super().__init__(recorder, library, replayer)
        self.known = os.path.abspath(known)

    def recorded(self, *deed: str, status: int = 0) -> list[Event]:
        """The events of the one process that does the deed."""
        name = "-".join(deed)
        run = self.record(name, [self.known, *deed])
        self.expect(f"{name}: status", run.returncode == status, f"{run.returncode} {run.stderr}")
        return self.dump(self.path(name))

    def one(self, events: list[Event], operation: str, size: int) -> Event:
        found = [event for event in events if (event.operation, event.size) == (operation, size)]
        self.expect(f"one {operation} of {size}", len(found) == 1, found)
        return found[0] if found else Event(0, operation, size, None, None, None, None)

    def freed(self, events: list[Event], block: Event, by: str = "free") -> None:
        found = [event for event in events if event.frees == block.gives]
        self.expect(f"one {by} of the block of {block.size}",
                    [event.operation for event in found] == [by], found)

    def temporaries(self, events: list[Event], name: str) -> None:
        """What --info says of them, and what the events do."""
        newest: dict[int, int | None] = {}
        allocations = temporary = 0
        for event in events:
            if event.frees is not None and newest.get(event.thread) == event.frees:
                newest[event.thread] = None
                temporary += event.gives is None
            if event.gives is not None:
                newest[event.thread] = event.gives
                allocations += event.frees is None
        said = f", {allocations} allocations, {temporary} of them temporary, "
        run = self.run_replayer("--info", self.path(name))
        self.expect(f"info has '{said}'", said in run.stdout, run.stdout)
        # Each that kinds() frees at once, but not the two that it resizes.
        self.expect("there are some, and others", 10 <= temporary < allocations, temporary)

    def kinds(self) -> None:
        events = self.recorded("kinds")
        self.temporaries(events, "kinds")
        first = self.one(events, "malloc", 10007)
        second = self.one(events, "realloc", 20011)
        third = self.one(events, "realloc", 30011)
        self.expect("realloc frees the old block", (second.frees, third.frees) ==
                    (first.gives, second.gives), (first, second, third))
        self.freed(events, third, "realloc")
        self.freed(events, self.one(events, "realloc", 10009))
        self.freed(events, self.one(events, "calloc", 10030))
        for operation, alignment, size in [
                ("aligned_alloc", 256, 10240), ("memalign", 512, 10037),
                ("posix_memalign", 1024, 10039), ("valloc", None, 10061),
                ("pvalloc", None, 10067), ("malloc", None, 10079), ("realloc", None, 11099)]:
            block = self.one(events, operation, size)
            self.expect(f"alignment of {operation}", block.alignment == alignment, block)
            self.freed(events, block)
        self.freed(events, self.one(events, "malloc", 10069), "free_sized")
        self.freed(events, self.one(events, "aligned_alloc", 10112), "free_aligned_sized")
        sized = self.one(events, "free_aligned_sized", 10112)
        self.expect("alignment of a free", sized.alignment == 128, sized)
        for operation, size in [("malloc", 1 << 62), ("calloc", (1 << 64) - 1),
                                ("posix_memalign", 10091)]:
            self.expect("a call that failed gives nothing",
                        self.one(events, operation, size).gives is None)
        self.expect("no free was lost", all(event.loses is None for event in events))
        figures = self.replay(self.path("kinds"))
        self.expect("replay: events", figures.get("events") == str(len(events)), figures)
        self.expect("replay: nothing unknown", figures.get("unknown_frees") == "0", figures)

    def threads(self) -> None:
        events = self.recorded("threads")
        for size, giver_is_main in ((10099, True), (10103, False)):
            blocks = [event for event in events
                      if (event.operation, event.size) == ("malloc", size)]
            self.expect(f"blocks of {size}", len(blocks) == THREADS, blocks)
            for block in blocks:
                free = [event for event in events if event.frees == block.gives]
                self.expect("freed by another thread",
                            len(free) == 1 and free[0].thread != block.thread, (block, free))
                self.expect("allocated by its thread", (block.thread == 1) == giver_is_main, block)
        ends = [event.thread for event in events if event.operation == "thread_end"]
        self.expect("ends of threads", ends == [2, 3, 4, 5], ends)
        figures = self.replay(self.path("threads"))
        self.expect("replay: threads", figures.get("threads") == str(THREADS + 1), figures)

    def crowd(self) -> None:
        events = self.recorded("crowd")
        changes = [event for event in events
                   if event.operation == "realloc" and (event.size or 0) >= 10111]
        self.expect("reallocs", len(changes) == THREADS * MANY, len(changes))
        self.expect("blocks are in order", not any(event.loses for event in events))
        for options in ((), ("--order", "exact"), ("--touch", "none", "--samples", "0")):
            figures = self.replay(self.path("crowd"), *options)
            self.expect(f"replay {options}: frees",
                        figures.get("reallocations") == str(THREADS * (MANY - 64)), figures)
        figures = [self.replay(self.path("crowd"), "--order", "exact") for _ in range(2)]
        self.expect("the trace's figures are the same each time", len(
            {(run.get("peak_live_bytes"), run.get("events")) for run in figures}) == 1, figures)

    def destructors(self) -> None:
        events = self.recorded("destructors")
        for size in (10139, 10133):
            blocks = [event for event in events
                      if (event.operation, event.size) == ("malloc", size)]
            self.expect(f"blocks of {size}", len(blocks) == THREADS, blocks)
            for block in blocks:
                self.freed(events, block)
        self.replay(self.path("destructors"))

    def forks(self) -> None:
        parent = self.recorded("forks")
        files = self.traces("forks")
        self.expect("a file for each process", len(files) == 2, files)
        self.freed(parent, self.one(parent, "malloc", 10141))
        self.freed(parent, self.one(parent, "malloc", 10159))
        self.expect("the child's calls are not the parent's",
                    not any(event.size == 10151 for event in parent))
        child = self.dump(files[-1])
        self.freed(child, self.one(child, "malloc", 10151))
        self.expect("the child has its own calls only",
                    not any(event.size in (10141, 10159) for event in child), child)
        figures = self.replay(files[-1])
        self.expect("a block of the parent's is left out", figures.get("unknown_frees") == "1",
                    figures)

    def executes(self) -> None:
        events = self.recorded("exec", "kinds")
        self.one(events, "realloc", 30011)
        files = self.traces("exec-kinds")
        self.expect("what it was before has a file", len(files) == 2 and
                    files[-1].endswith("-1"), files)
        self.one(self.dump(files[-1]), "malloc", 10177)

    def closes(self) -> None:
        events = self.recorded("closes")
        found = sum(event.size == 10163 for event in events)
        self.expect("calls after the descriptor was closed", found == MANY, found)

    def kills(self) -> None:
        events = self.recorded("kills", status=-signal.SIGKILL)
        found = sum(event.size == 10169 for event in events)
        self.expect("calls before SIGKILL", found == MANY, found)
        figures = self.replay(self.path("kills"))
        live = MANY * 10169
        self.expect("replay: live at the end", int(figures.get("end_live_bytes", 0)) >= live,
                    figures)
        resident = int(figures.get("peak_resident_bytes", 0))
        self.expect("replay: resident", live <= resident <= 1.2 * live, figures)
        figures = self.replay(self.path("kills"), library="libc.so.6")
        self.expect("replay on glibc: freed",
                    int(figures.get("freed_resident_bytes", live)) < live / 100, figures)

    def cannot_write(self) -> None:
        run = self.record("none/none", [self.known, "kinds"])
        self.expect("the program runs all the same", run.returncode == 0, run)
        self.expect("the reason is told", "cannot create" in run.stderr and
                    "No such file" in run.stderr, run.stderr)

    def limited(self) -> None:
        """A limit on the size of files must not end the program by SIGXFSZ."""
        run = self.record("limited", ["sh", "-c", f"ulimit -f 200; exec '{self.known}' kills"])
        self.expect("the program's own end", run.returncode == -signal.SIGKILL, run)
        self.expect("the reason is told", "recording ends here" in run.stderr, run.stderr)
        self.expect("what was written is sound", len(self.dump(self.path("limited"))) > 1000)


def main() -> int:
    with RoundTrip(*sys.argv[1:]) as test:
        for deed in (test.kinds, test.threads, test.crowd, test.destructors, test.forks,
                     test.executes, test.closes, test.kills, test.cannot_write, test.limited):
            deed()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
