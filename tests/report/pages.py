# SPDX-License-Identifier: MIT
"""Usage: pages.py REPORT

Pages of traces and snapshots, read back from their HTML: at every moment the map has the blocks that the
trace has, with address, size and thread; the figures are those of the trace; and no text of an input
reaches the page as anything but text. Damaged, cut, empty and foreign files are told with the offset.
"""
import json
import random
import re
import sys

import heaps
import trace_file
from common import Test, made_events, with_stacks
from page_file import Page

EVIL = '</script><script>alert("1")</script><!-- & \'"\\ \x01\x7f'


class Pages(Test):
    def page(self, *files: str, name: str = "page.html") -> Page:
        run = self.run("-o", self.path(name), *files)
        self.same(f"status for {files}", (0, ""), (run.returncode, run.stderr))
        return Page(self.path(name))

    # ---- Traces ----

    def trace(self, events: list[trace_file.Event], what: str) -> None:
        trace_file.write(self.path("made"), events)
        self.same(f"{what}: the trace is what was written", events,
                  trace_file.read(self.path("made")))
        self.compare(events, what)

    def limited(self) -> None:
        made = made_events(60000, 3, 5)
        events = trace_file.write(self.path("made"), made, dropped=1)
        self.expect("some are missing, most are not", 10000 < len(events) < 59000, len(events))
        self.compare(events, "limited")
        notes = self.page(self.path("made")).report["notes"]
        begin = f"the first {events[0].ticks / 1e9:.3f} s, about "
        told = [re.search(r"about (\d+) events, are not in it", note) for note in notes
                if begin in note]
        self.expect("the page says what is missing", len(told) == 1 and told[0] and
                    0.9 < int(told[0][1]) / (len(made) - len(events)) < 1.1, notes)

    def compare(self, events: list[trace_file.Event], what: str) -> None:
        """The page of the trace "made" with the events that it has."""
        page = self.page(self.path("made"))
        report = page.report
        moments = report["moments"]
        self.same(f"{what}: the last moment is the end", len(events), moments["events"][-1])
        for moment in sorted({0, len(moments["events"]) - 1, moments["peak"],
                              *random.Random(3).sample(range(len(moments["events"])), 20)}):
            count = moments["events"][moment]
            wanted = trace_file.live_after(events, count)
            found = {span.address: (span.bytes, span.thread) for span in page.at(moment)}
            self.same(f"{what}: blocks after {count} events", wanted, found)
            self.same(f"{what}: live bytes after {count} events",
                      sum(size for size, _ in wanted.values()), moments["live"][moment])
            self.same(f"{what}: time after {count} events", events[count - 1].ticks / 1e9,
                      moments["seconds"][moment])
        self.figures(events, report, what)

    def figures(self, events: list[trace_file.Event], report: dict, what: str) -> None:
        live = peak = 0
        sizes: dict[int, int] = {}
        for event in events:
            if event.operation == trace_file.MALLOC:
                sizes[event.address] = event.size
                live += event.size
            else:
                live -= sizes.pop(event.address, 0)
            peak = max(peak, live)
        figures = {name: value for name, value, _ in report["figures"]}
        self.same(f"{what}: peak", peak, figures["peak live"])
        self.same(f"{what}: end", live, figures["live at the end"])
        allocations = [event for event in events if event.operation == trace_file.MALLOC]
        self.same(f"{what}: allocations", len(allocations), figures["allocations"])
        self.same(f"{what}: sizes", len(allocations), sum(row[0] for row in report["sizes"]))
        self.same(f"{what}: lives", len(allocations), sum(row[0] for row in report["lives"]))
        self.same(f"{what}: highest point of the curve", peak,
                  max(report["curves"]["lines"][0]["values"]))
        for thread in report["threads"]:
            self.same(f"{what}: bytes of thread {thread['number']}",
                      sum(event.size for event in allocations if event.thread == thread["number"]),
                      thread["bytes"])

    def sampled(self) -> None:
        events = made_events(3000, 2, 7)
        trace_file.write(self.path("all"), events)
        trace_file.write(self.path("sample"), events, sample=64)
        page, scaled = self.page(self.path("all")), self.page(self.path("sample"))
        self.same("the map has what was recorded", page.spans, scaled.spans)
        unscaled = ("threads", "time")
        self.same("figures", [(name, value if name in unscaled else 64 * value, kind)
                              for name, value, kind in page.report["figures"]],
                  [tuple(figure) for figure in scaled.report["figures"]])
        for name in ("sizes", "lives"):
            self.same(name, [[64 * value for value in row] for row in page.report[name]],
                      scaled.report[name])
        for name in ("live", "events"):
            self.same(f"{name} at the moments", [64 * value for value in
                                                 page.report["moments"][name]],
                      scaled.report["moments"][name])
        self.same("threads", [{key: value if key == "number" else 64 * value
                               for key, value in row.items()} for row in page.report["threads"]],
                  scaled.report["threads"])
        self.same("the curve that can be estimated",
                  [("live", [64 * value for value in page.report["curves"]["lines"][0]["values"]])],
                  [(line["name"], line["values"]) for line in scaled.report["curves"]["lines"]])
        self.same("the page knows", (1, 64), (page.report["sample"], scaled.report["sample"]))
        self.expect("the page says so", "a sample of one address in 64" in
                    scaled.report["subtitle"] and any("estimates: what was recorded of one address in "
                                                      "64, times 64." in note
                                                      for note in scaled.report["notes"]),
                    scaled.report["notes"])

    def empty_trace(self) -> None:
        trace_file.write(self.path("no-events"), [])
        page = self.page(self.path("no-events"))
        self.same("nothing on the map", [], page.spans)

    def texts(self) -> None:
        trace_file.write(self.path("evil"), made_events(50, 1, 1), EVIL.encode() + b"\xff\0x\0")
        page = self.page(self.path("evil"))
        self.expect("no element from the command line", "<script>alert" not in page.html
                    and page.html.count("<script") == 4, page.html.count("<script"))
        self.same("the command line, with what is no text as question marks",
                  EVIL.replace("\x01", "?").replace("\x7f", "?") + "? x", page.report["title"])
        name = self.path("<img src=x onerror=alert(1)>.json")
        with open(name, "w", encoding="utf-8") as file:
            json.dump(snapshot([("used", 64, 1)]), file)
        page = self.page(name)
        self.expect("no element from a file's name", "<img" not in page.html)
        self.expect("the file's name", name in page.report["subtitle"], page.report["subtitle"])

    # ---- Snapshots ----

    def snapshots(self) -> None:
        runs = [[("used", 4096, 3), ("free", 8192, 1), ("purged", 4096, 0), ("used", 64, 1)],
                [("cached", 128, 2), ("top", 16, 0), ("reserved", 4080, 0)]]
        files = [self.write(f"{index}.json", json.dumps(snapshot(part), indent=index).encode())
                 for index, part in enumerate(runs)]
        page = self.page(*files)
        self.same("moments", files, page.report["moments"]["names"])
        for moment, part in enumerate(runs):
            self.same(f"snapshot {moment}", part, [(span.kind, span.bytes, span.blocks)
                                                   for span in page.at(moment)])
            self.same(f"snapshot {moment} lies side by side", 0x1000 + sum(run[1] for run in part),
                      page.at(moment)[-1].address + page.at(moment)[-1].bytes)
        self.same("what the states are over time", {
            "used": [4160, 0], "cached": [0, 128], "free": [8192, 0], "purged": [4096, 0],
            "top": [0, 16], "reserved": [0, 4080]},
            {line["name"]: line["values"] for line in page.report["split"]["lines"]})

    def outside(self) -> None:
        """What lies outside of the heap is on the map, and the page has what its spans do not say."""
        contents = [heaps.made_snapshot(seed) for seed in (3, 4)]
        files = [self.write(f"outside{moment}.json", heaps.dump(content))
                 for moment, content in enumerate(contents)]
        page = self.page(*files)
        wanted = []
        for moment, content in enumerate(contents):
            self.same(f"runs and areas {moment}", sorted(heaps.Heap(content).runs),
                      [(span.address, span.kind, span.bytes, span.blocks) for span in page.at(moment)])
            wanted += [[hex(heaps.place_area(area)[0][0]), moment, hex(area["payload"]), area["usable"],
                        area.get("requested"), area["resident"]]
                       for area in content["areas"] if area["kind"] != "section"]
        self.same("the blocks", sorted(wanted), sorted(page.report["outside"]))
        last = heaps.Heap(contents[1])
        figures = {name: value for name, value, _ in page.report["figures"]}
        self.same("live, resident", (sum(last.totals[kind] for kind in heaps.LIVE), last.resident),
                  (figures["live"], figures["resident"]))
        self.same("mapped", last.totals["mapped"], figures["mapped"])
        old = {key: value for key, value in contents[0].items() if not key.startswith("areas")}
        page = self.page(self.write("old.json", heaps.dump(old)))
        self.same("of an earlier release", sorted(heaps.Heap(old).runs),
                  [(span.address, span.kind, span.bytes, span.blocks) for span in page.at(0)])
        self.expect("which is said", any("earlier release" in note for note in page.report["notes"]))

    def wrong_areas(self) -> None:
        def text(**changed: object) -> bytes:
            area = {**heaps.block_area("mapped", 8 * 4096, 2), **changed}
            return json.dumps({"regions": [], "areas": [area]}).encode()

        section = heaps.section_area(1 << 30, [("pages", 4096, 1), ("free", 4096, 1)])
        for what, content, message in [
                ("a kind", text(kind="cached"), 'there is no kind of areas "cached"'),
                ("an address before it", text(payload=100), "this block lies outside of its area"),
                ("an address behind it", text(payload=2**63), "this block lies outside of its area"),
                ("a size", text(usable=8192), "this block lies outside of its area"),
                ("a size of all", text(usable=2**64 - 1), "this block lies outside of its area"),
                ("an end", text(start=2**64 - 4096), "this area reaches beyond the highest address"),
                ("a call site", text(site=65536), "there is no call site 65536"),
                ("a text for a number", text(bytes="many"), "a number is"),
                ("a list for a text", text(kind=[]), "expected"),
                ("a section", json.dumps({"regions": [], "areas": [{**section, "bytes": 5}]}).encode(),
                 "runs of 8192 bytes in a section that says 5"),
                ("no area", b'{"regions":[],"areas":[7]}', "at offset 23: ")]:
            self.wrong(f"{what} of an area", content, r"at offset \d+: .*" if what == "a list for a text" else message)
            self.wrong(f"{what} of an area: where", content, r"at offset \d+: ")
        whole = heaps.dump(heaps.made_snapshot(3))
        start = whole.index(b'"areas"')
        for length in range(start, len(whole), 97):
            self.wrong(f"areas cut to {length}", whole[:length], f"at offset {length}: the file ends")
        self.changed_files(b'{"regions":[],' + whole[start:])

    def call_sites(self) -> None:
        """Numbers are each snapshot's own; the same stack is one on the page."""
        stacks = [["0x401001 /nowhere/a<b>+0x1001", "0x7f0000002002 /nowhere/libc.so+0x2002"],
                  ["0x401101 /nowhere/a<b>+0x1101"], ["0x99f"]]
        numbers = [{7: 0, 300: 1}, {1: 1, 2: 2}]
        runs = [[("used", 96, 1, 300), ("used", 48, 1, 7), ("free", 64, 1), ("used", 32, 1)],
                [("used", 96, 1, 2), ("used", 96, 1, 1)]]
        files = []
        for moment, part in enumerate(runs):
            plain = snapshot([run[:3] for run in part])
            plain["regions"][0]["runs"] = part
            sites = [{"site": number, "stack": stacks[stack], "builds": []}
                     for number, stack in numbers[moment].items()]
            content = json.dumps({"detail": "blocks", "interval": 512, "sites": sites, **plain})
            files.append(self.write(f"sites{moment}.json", content.encode()))
        self.same("status", 0, self.run("-o", self.path("page.html"), *files).returncode)
        page = Page(self.path("page.html"))
        names = [[place.split(" ")[-1].rsplit("/", 1)[-1] for place in stack] for stack in stacks]
        for moment, part in enumerate(runs):
            wanted = [names[numbers[moment][run[3]]] if len(run) == 4 else None for run in part]
            found = [page.report["callSites"][span.site - 1] if span.site else None
                     for span in page.at(moment)]
            self.same(f"number of frames at {moment}", [stack and len(stack) for stack in wanted],
                      [stack and len(stack) for stack in found])
            for stack, names_found in zip(wanted, found):
                for name, name_found in zip(stack or [], names_found or []):
                    self.expect("a frame", name.split("+")[0][:4] in name_found, (name, name_found))
        self.same("stacks", 3, len(page.report["callSites"]))
        self.same("interval", 512, page.report["interval"])
        self.expect("blocks", page.report["single"] and "a<b>" not in page.html)

    def sites_of_trace(self) -> None:
        """Rows, sums and the map; no text of a path is more than text."""
        events, stacks, site_of = with_stacks(made_events(6000, 1, 9), 9)
        trace_file.write(self.path("sites"), events, stacks=stacks)
        self.same("the trace with stacks", events, trace_file.read(self.path("sites")))
        self.same("the stacks", stacks, trace_file.read_stacks(self.path("sites")))
        run = self.run("-o", self.path("page.html"), self.path("sites"))
        self.expect("an object that is not there", run.returncode == 0 and
                    "is not there or cannot be read" in run.stderr, run)
        page = Page(self.path("page.html"))
        self.expect("no element from a path", "<img" not in page.html and
                    page.html.count("<script") == 4)
        sums = trace_file.site_sums(events, site_of)
        rows = {self.place(row[0][0]): row for row in page.report["sites"]["rows"]}
        self.same("sites", set(sums), set(rows))
        for site, own in sums.items():
            row = rows.get(site, [None] * 8)
            self.same(f"sums of {site}", [own.bytes, own.count, own.peak, own.peak, own.live],
                      [row[1], row[2], *row[5:]])
            mean = sum(own.lives) / len(own.lives) / 1e9
            median = sorted(own.lives)[(len(own.lives) - 1) // 2] / 1e9
            self.expect(f"lives of {site}", abs(row[3] - mean) < 1e-4 * mean and
                        abs(row[4] - median) <= median / 8, (row, mean, median))
        self.same("in all", [sum(own.bytes for own in sums.values()), sum(own.peak for own in sums.values())],
                  [page.report["sites"]["sums"][1], page.report["sites"]["whole"]])
        self.sites_on_map(page, events, site_of)

    @staticmethod
    def place(name: str) -> str:
        return name[name.rindex("+"):] if "+0x" in name else name

    def sites_on_map(self, page: Page, events: list[trace_file.Event],
                     site_of: dict[int, str]) -> None:
        last = len(page.report["moments"]["events"]) - 1
        live: dict[int, str] = {}
        for event in events:
            live[event.address] = site_of[event.stack]
            if event.operation == trace_file.FREE:
                del live[event.address]
        found = {span.address: self.place(page.report["callSites"][span.site - 1][0])
                 if span.site else "not known" for span in page.at(last)}
        self.same("call sites on the map", live, found)

    def wrong_stacks(self) -> None:
        events, stacks, _ = with_stacks(made_events(200, 1, 9), 9)
        trace_file.write(self.path("stacks"), events, stacks=stacks)
        with open(self.path("stacks"), "rb") as file:
            whole = file.read()
        first = trace_file.HEADER_BYTES + trace_file.CHUNK_HEAD
        self.wrong("a record of stacks", whole[:first] + b"x" + whole[first + 1:],
                   f"at offset {first}: neither a call stack nor an object begins with byte 120")
        self.wrong("version 2 with stacks", whole[:8] + b"\2" + whole[9:], "at offset 4096: no chunk begins")
        stacks.stacks[-1][0] = (9, stacks.stacks[-1][0][1])
        trace_file.write(self.path("stacks"), events, stacks=stacks)
        with open(self.path("stacks"), "rb") as file:
            self.wrong("an object", file.read(), "at offset [0-9]+: there is no program or library number 9")
        stacks.stacks = stacks.stacks[:3]
        trace_file.write(self.path("stacks"), events, stacks=stacks)
        with open(self.path("stacks"), "rb") as file:
            self.wrong("a stack", file.read(), "at offset [0-9]+: there is no call stack number")
        self.changed_files(whole)

    # ---- What is wrong ----

    def wrong(self, what: str, content: bytes, message: str) -> None:
        run = self.run("-o", self.path("none.html"), self.write("wrong", content))
        self.same(f"{what}: status", 1, run.returncode)
        self.expect(what, re.search(message, run.stderr) is not None, run.stderr)

    def wrong_files(self) -> None:
        trace_file.write(self.path("whole"), made_events(3000, 2, 2))
        with open(self.path("whole"), "rb") as file:
            whole = file.read()
        text = json.dumps(snapshot([("used", 64, 1), ("free", 32, 1)]))
        self.wrong("empty", b"", "at offset 0: the file is empty")
        self.wrong("zeros", bytes(5000), "at offset 0: this is neither")
        self.wrong("foreign", b"\x7fELF" + bytes(60), "at offset 0: this is neither")
        self.wrong("other JSON", b'{"a": [1, {"b": null}]}', "at offset 23: this is no snapshot")
        self.wrong("deep JSON", b'{"a":' + b"[" * 100000, r"at offset \d+: more than 64 values")
        self.wrong("an unknown kind", text.replace('"free", 32', '"flee", 32').encode(),
                   f"at offset {text.index(', 32, 1')}: there is no kind of runs \"flee\"")
        with_site = text.replace('["used", 64, 1]', '["used", 64, 1, 70000]')
        self.wrong("a call site", with_site.encode(), "there is no call site 70000")
        sites = '{"sites": [{"site": 0, "stack": []}], "regions": []}'
        self.wrong("a site's number", sites.encode(), "at offset 35: a call site has no number from 1")
        self.wrong("sites behind", b'{"regions": [], "sites": []}', "stand behind the regions")
        self.wrong("sums", text.replace('"used", 64', '"used", 80').encode(),
                   r"at offset \d+: runs of 80 bytes used in a region that says 64")
        self.wrong("a large number", text.replace("64", "99999999999999999999999").encode(),
                   r"at offset \d+: this number has more than 64 bits")
        self.wrong("beyond the last address", text.replace("4096", str(2**64 - 70)).encode(),
                   r"at offset \d+: this run reaches beyond")
        self.wrong("no number", text.replace("64", "-64").encode(), r"at offset \d+: a number is")
        for length in range(1, len(text), 7):
            self.wrong(f"a snapshot cut to {length}", text[:length].encode(),
                       f"at offset {length}: the file ends")
        for length in [1, 7, 12, 4095, 4096, 4100, 4160, 5000, len(whole) - 1]:
            self.wrong(f"a trace cut to {length}", whole[:length], rf"at offset (0|{length}): ")
        self.changed_files(whole, text.encode())

    def changed_files(self, *contents: bytes) -> None:
        rng = random.Random(4)
        for content in contents:
            for _ in range(40):
                changed = bytearray(content)
                for _ in range(rng.randrange(1, 4)):
                    changed[rng.randrange(rng.choice([100, len(content)])) % len(content)] = \
                        rng.randrange(256)
                run = self.run("-o", self.path("page.html"), self.write("changed", bytes(changed)))
                self.expect("a changed file", run.returncode == 0 or
                            (run.returncode == 1 and " at offset " in run.stderr),
                            (run.returncode, run.stderr))

    def usage(self) -> None:
        for arguments, message in [([], "no FILE given"), (["x"], "-o OUT.html is missing"),
                                   (["-o", "x"], "no FILE given"), (["--frob"], "usage:"),
                                   (["-o", "x", *["y"] * 257], "more files than a page takes")]:
            run = self.run(*arguments)
            self.expect(f"{arguments[:3]}", run.returncode == 2 and message in run.stderr,
                        (run.returncode, run.stderr))
        trace_file.write(self.path("made"), made_events(10, 1, 1))
        for arguments, message in [(["made", "made"], "a trace has a page of its own"),
                                   (["absent"], "No such file"), (["."], "directory")]:
            run = self.run("-o", self.path("x.html"), *map(self.path, arguments))
            self.expect(f"{arguments}", run.returncode == 1 and message in run.stderr, run.stderr)


def snapshot(runs: list[tuple[str, int, int]]) -> dict:
    kinds = ["used", "cached", "free", "purged", "top", "reserved", "damaged"]
    sums = {kind: sum(run[1] for run in runs if run[0] == kind) for kind in kinds}
    region = {"kind": "break", "start": 4096, **sums, "largest_free": 0, "runs": runs}
    return {"version": "0.1.0", "process": 12, "page": 4096, "runs_left_out": 0,
            "regions": [region]}


def main() -> int:
    with Pages(sys.argv[1]) as test:
        test.trace(made_events(5000, 3, 1), "many events")
        test.trace(made_events(300, 1, 2), "fewer events than moments")
        test.trace(made_events(513, 2, 3), "one more than moments")
        test.sampled()
        test.limited()
        test.empty_trace()
        test.texts()
        test.snapshots()
        test.outside()
        test.wrong_areas()
        test.call_sites()
        test.sites_of_trace()
        test.wrong_stacks()
        test.wrong_files()
        test.usage()
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
