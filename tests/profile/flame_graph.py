# SPDX-License-Identifier: MIT
"""Usage: flame_graph.py READER KNOWN

The flame graph is a sound SVG document that refers to nothing outside of it, and its frames lie where the
numbers put them. With chromium, its script is run too.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

from common import KNOWN, LIVE_BYTES, Test, known_total

SVG = "{http://www.w3.org/2000/svg}"

# Runs in the page: clicks, searches, and leaves what it finds in an element of the document.
TRIAL = """
(function () {
  const failures = [];
  function expect(what, truth) { if (!truth) { failures.push(what); } }
  function frame(name) {
    return Array.from(document.querySelectorAll(".frame"))
      .find((one) => one.querySelector("title").textContent.startsWith(name + "\\n"));
  }
  function width(name) { return Number(frame(name).querySelector("rect").getAttribute("width")); }
  function hidden(name) { return frame(name).classList.contains("hidden"); }
  const whole = width("main");
  const before = width("load");
  const details = document.getElementById("details");
  const input = document.querySelector("#controls input");
  expect("as wide as the window", Math.abs(whole - (window.innerWidth - 20)) < 1);
  expect("a part is narrower", before > 0 && before < whole / 2);
  frame("load").dispatchEvent(new MouseEvent("mouseenter"));
  expect("details", details.textContent.includes("1000 B"));
  frame("load").dispatchEvent(new MouseEvent("mouseleave"));
  expect("no details", details.textContent === "");
  frame("load").dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect("zoomed", Math.abs(width("load") - whole) < 1 && Math.abs(width("main") - whole) < 1);
  expect("what it calls is zoomed", Math.abs(width("known_make_table") - whole) < 1);
  expect("others are hidden", hidden("known_recurse") && !hidden("main") && !hidden("load"));
  expect("callers are faded", frame("main").classList.contains("above"));
  expect("the whole name is shown",
    frame("known_make_table").querySelector("text").textContent === "known_make_table");
  document.querySelector("#controls button").click();
  expect("zoomed out", Math.abs(width("load") - before) < 0.01 && !hidden("known_recurse"));
  input.value = "^known_(make|recurse)";
  input.dispatchEvent(new Event("input"));
  expect("found", frame("known_make_table").classList.contains("found") &&
    frame("known_recurse").classList.contains("found") && !frame("load").classList.contains("found"));
  expect("what is found", document.querySelector("#controls output").textContent === "PERCENT% found");
  input.value = "([";
  input.dispatchEvent(new Event("input"));
  expect("no regular expression", document.querySelector("#controls output").textContent ===
    "0.0% found");
  window.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  expect("cleared", input.value === "" && document.querySelector(".found") === null);
  const result = document.createElementNS("http://www.w3.org/2000/svg", "desc");
  result.setAttribute("id", "result");
  result.textContent = failures.length === 0 ? "all is well" : "failed: " + failures.join(", ");
  document.documentElement.append(result);
})();
"""


class FlameGraph(Test):
    def make(self, *arguments: str) -> tuple[str, xml.Element]:
        text = self.read("--svg", "-o", "-", *arguments)
        return text, xml.fromstring(text)

    def document(self, profile: str) -> str:
        text, root = self.make(profile)
        outside = [found for found in re.findall(r"(?:href|src|url)\s*[=(]\s*[^\s>]*|https?://[^\"\s]*",
                                                 text) if "www.w3.org" not in found]
        self.same("what it refers to", [], outside)
        frames = [frame for frame in root.iter(SVG + "g") if frame.get("class") == "frame"]
        whole = known_total(LIVE_BYTES)
        by_name: dict[str, list[tuple[float, float, float]]] = {}
        for frame in frames:
            rectangle = frame.find(SVG + "rect")
            name = frame.find(SVG + "title").text.split("\n")[0]
            by_name.setdefault(name, []).append(
                tuple(float(rectangle.get(key)) for key in ("x", "width", "y")))
        for name, amount in (("main", whole), ("load", 1000), ("known_make_table", 1000),
                             ("known_cxx", 400), ("inlined_inner", 64)):
            self.expect(f"width of {name}", abs(by_name[name][0][1] - 1180 * amount / whole) < 0.02,
                        by_name[name])
        below, above = by_name["known_make_table"][0], by_name["load"][0]
        self.expect("a function lies below its caller", below[2] == above[2] + 18 and
                    above[0] - 0.02 <= below[0], (below, above))
        self.same("depth of what calls itself", 4, len(by_name["known_recurse"]))
        self.expect("tooltip", any(f"1000 B, {100 * 1000 / whole:.1f}%" in frame.find(SVG + "title").text and
                                   "known.c" in frame.find(SVG + "title").text for frame in frames))
        rows = {}
        for frame in frames:
            rectangle = frame.find(SVG + "rect")
            start = float(rectangle.get("x"))
            rows.setdefault(rectangle.get("y"), []).append((start, start +
                                                            float(rectangle.get("width"))))
        for row in rows.values():
            for left, right in zip(sorted(row), sorted(row)[1:]):
                self.expect("neighbours do not overlap", left[1] <= right[0] + 0.02, (left, right))
        return text

    def names(self) -> None:
        """Names of files may hold what XML reserves."""
        profile = ("brkmalloc heap profile 2\nprogram /a<b>&\"c]]>\nsample 1 2 3 4 5 6 0x1801@1\n"
                   "objects\n1 1000-2000 0 0:0 0 0 0.0 0.0 0.0 - /a<b>&\"c]]>\nend\n")
        run = self.run("--svg", "-o", "-", self.write("reserved.heap", profile))
        self.same("status", 0, run.returncode)
        root = xml.fromstring(run.stdout)
        titles = [title.text for title in root.iter(SVG + "title")]
        self.expect("the name", any('a<b>&"c]]>+0x800' in title for title in titles), titles)

    def nothing(self) -> None:
        path = self.write("nothing.heap", "brkmalloc heap profile 2\nobjects\nend\n")
        text, _ = self.make(path)
        self.expect("it says that there is nothing", "There is nothing to show." in text, text)

    def script(self, text: str) -> None:
        browser = shutil.which("chromium") or shutil.which("chromium-browser")
        if browser is None:
            print("left out: no chromium to run the script")
            return
        share = 100 * (KNOWN[("known_recurse",) * 4][LIVE_BYTES] +
                       KNOWN[("load", "known_make_table")][LIVE_BYTES]) / known_total(LIVE_BYTES)
        trial = TRIAL.replace("PERCENT", f"{share:.1f}")
        page = self.write("page.svg", text.replace(
            "</svg>", f"<script><![CDATA[{trial}]]></script></svg>"))
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        run = subprocess.run([browser, "--headless", "--disable-gpu", *sandbox,
                              f"--user-data-dir={self.path('browser')}", "--window-size=1000,600",
                              "--dump-dom", f"file://{page}"], capture_output=True, text=True,
                             check=False, timeout=120, env=self.environment)
        result = re.search(r'<desc id="result">(.*?)</desc>', run.stdout)
        self.same("what the script does", "all is well",
                  result[1] if result else run.stdout[-300:] + run.stderr[-300:])


def main() -> int:
    reader, known = sys.argv[1:]
    with FlameGraph(reader) as test:
        text = test.document(test.profile_of(known))
        test.names()
        test.nothing()
        test.script(text)
        return test.finish()


if __name__ == "__main__":
    sys.exit(main())
