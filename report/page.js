"use strict";
// Puts the parts of the page together.

const ROWS_OF_TABLES = 25;

// Of a block's call stack.
const FRAMES_SHOWN = 6;

// In front of what the program has of a block in a snapshot.
const HEADER_BYTES = 8;

// Of `report.kinds`, those of the heap's blocks that have it.
const USED_KIND = 0;

// What the map has: of a trace and a snapshot of single blocks these, otherwise neighbours of one state.
const thingsWord = () => report.single ? "blocks" : "runs";

function fillHeading() {
  document.title = `${report.title} - brkmalloc report`;
  element("title").textContent = report.title;
  element("subtitle").textContent = report.subtitle;
  element("figures").replaceChildren(...report.figures.map(([name, value, kind]) => make("div", {},
    make("dt", {}, name),
    make("dd", {}, kind === "bytes" ? bytesText(value) : kind === "seconds" ? secondsText(value) :
      countText(value)))));
  if (report.notes.length > 0) {
    show("notes-section");
    element("notes").replaceChildren(...report.notes.map((note) => make("li", {}, note)));
  }
}

function fillTallies() {
  if (report.sizes.length === 0) {
    return;
  }
  show("sizes-section");
  const row = (name) => (tally, i) => [name(i), countText(tally[0]), bytesText(tally[1])];
  const filled = (tallies, name) => tallies.map(row(name)).filter((_, i) => tallies[i][0] > 0);
  fillTable(element("sizes"), ["size<", "blocks", "bytes"],
    filled(report.sizes, (i) => i === 0 ? "0 B" : `${bytesText(2 ** (i - 1))} to ${bytesText(2 ** i - 1)}`));
  const last = report.lives.length - 1;
  fillTable(element("lives"), ["life<", "blocks", "bytes"],
    filled(report.lives, (i) => i === last ? "not freed" :
      i === last - 1 ? `${secondsText(10 ** (i - 9))} and more` :
        `${secondsText(i === 0 ? 0 : 10 ** (i - 9))} to ${secondsText(10 ** (i - 8))}`));
}

function fillThreads(onTime) {
  if (report.threads.length === 0) {
    return;
  }
  show("threads-section");
  fillTable(element("threads"), ["thread<", "allocations", "bytes", "frees", "frees of other threads' blocks"],
    report.threads.map((thread) => [`thread ${thread.number}`, countText(thread.allocations),
      bytesText(thread.bytes), countText(thread.frees), countText(thread.foreign)]));
  if (report.rates.length > 0) {
    addChart("rates", {
      title: "allocations per second", times: report.curves.seconds, onTime, stacked: false,
      value: (value) => value >= 1e6 ? (value / 1e6).toPrecision(3) + " M" : value >= 1e3 ?
        (value / 1e3).toPrecision(3) + " k" : String(Math.round(value)),
      curves: report.rates.map((rate) => ({ name: rate.name, values: rate.values })),
    });
  }
}

function fillCurves(onTime) {
  if (report.curves.lines.length === 0) {
    return;
  }
  show("curves-section");
  addChart("curves", { title: "memory", times: report.curves.seconds, value: bytesText, onTime,
    stacked: false, curves: report.curves.lines });
}

// Replays of the trace: memory over the recorded program's time, with what is live, and what each took.
function fillAllocators(onTime) {
  const { rows, resident, breaks } = report.allocators ?? { rows: [] };
  if (rows.length === 0) {
    return;
  }
  show("allocators-section");
  const live = report.curves.lines.slice(0, 1);
  for (const [place, title, lines] of [["allocators-resident", "resident", resident], ["allocators-break", "break", breaks]]) {
    if (lines.length > 0) {
      addChart(place, { title, times: report.curves.seconds, value: bytesText, onTime, stacked: false,
        curves: [...lines, ...live] });
    }
  }
  const sizes = ["peak_resident_bytes", "end_resident_bytes", "freed_resident_bytes", "peak_break_bytes"];
  fillTable(element("allocators"), ["allocator<", "seconds", "peak resident", "resident at the end", "after all is freed",
    "peak break", "peak resident to live", "<"],
  rows.map((row) => row.failure !== "" ? [row.name, ...Array(6).fill("-"), `failed: ${row.failure}`] :
    [row.name, make("data", { value: String(row.seconds) }, secondsText(row.seconds)),
      ...sizes.map((name) => bytesCell(row[name])), row.peak_live_bytes === 0 ? "-" :
        (row.peak_resident_bytes / row.peak_live_bytes).toPrecision(3), ""]));
}

function fillSplit() {
  if (report.split.lines.length === 0) {
    return;
  }
  show("split-section");
  element("split-hint").textContent = report.split.hint;
  addChart("split", { title: "memory", times: report.split.times, value: bytesText, stacked: true,
    unit: report.split.unit, timeText: String, steps: [1, 2, 5, 10, 20, 50, 100], curves: report.split.lines });
}

function siteCell([site, ...callers]) {
  return callers.length === 0 ? make("span", {}, site) : make("details", {}, make("summary", {}, site),
    ...callers.map((caller) => make("div", {}, caller)));
}

function growthCell(bytes) {
  return make("data", { value: String(bytes) }, (bytes > 0 ? "+" : "") + bytesText(bytes));
}

function siteCellOf(value, kind) {
  return value === null ? "-" : kind === "site" ? siteCell(value) : kind === "bytes" ? bytesCell(value) :
    kind === "count" ? countCell(value) : kind === "part" ? partText(value, report.sites.whole) :
      kind === "seconds" ? make("data", { value: String(value) }, secondsText(value)) : growthCell(value);
}

// By the numbers of a column, the largest first; at first in the order in which they come.
function orderSites(column) {
  const { header, kinds, rows, sums } = report.sites;
  const ordered = column < 0 ? rows : [...rows].sort((a, b) => (b[column] ?? -1) - (a[column] ?? -1));
  const table = element("sites");
  fillTable(table, header, [...ordered, ...(sums ? [sums] : [])]
    .map((row) => row.map((value, i) => siteCellOf(value, kinds[i]))));
  table.querySelectorAll("td.text").forEach((wide) => wide.classList.add("wide"));
  table.querySelectorAll("th").forEach((title, i) => {
    if (kinds[i] !== "site") {
      title.replaceChildren(make("button", { type: "button", title: "Largest first", onclick: () => orderSites(i) },
        title.textContent));
    }
    if (i === column) {
      title.setAttribute("aria-sort", "descending");
    }
  });
}

function fillSites() {
  const { rows, leftOut, hint } = report.sites;
  if (rows.length === 0 && !hint) {
    return;
  }
  show("sites-section");
  element("sites-hint").textContent = [hint, leftOut > 0 ?
    `${countText(leftOut)} call sites with less are not in the table.` : ""].filter((text) => text).join(" ");
  if (rows.length > 0) {
    orderSites(-1);
  }
}

// ---- The map and what holds memory ----

class HeapView {
  constructor(spans) {
    this.spans = spans;
    this.read = [spans]; // of the maps, when they were shown
    this.map = new HeapMap(element("map"), spans);
    this.moment = 0;
    this.holdsDue = 0;
    this.playing = 0;
    this.isDue = false;
    this.fillChoices();
    this.listen();
  }

  fillChoices() {
    const kinds = report.kindsThere.filter((there) => there).length;
    const isTimed = report.kind === "trace";
    const hasSites = this.spans.site.some((site) => site !== 0);
    rankSites(this.spans);
    const offered = [kinds > 1 ? "kind" : null, hasSites ? "site" : null, isTimed ? "age" : null, "size", isTimed ? "thread" : null]
      .filter((name) => name !== null);
    element("colour").replaceChildren(...offered.map((name) =>
      make("option", { value: name }, COLOURINGS[name].title)));
    const groups = [...(hasSites ? ["site", "callers"] : []), "size", ...(isTimed ? ["age", "thread"] : []), ...(kinds > 1 ? ["kind"] : [])];
    element("group").replaceChildren(...groups.map((name) => make("option", { value: name }, GROUPINGS[name].title)));
    element("which").replaceChildren(...report.maps.map((map, i) => make("option", { value: i }, map.name)));
    element("which-label").hidden = report.maps.length < 2;
    element("slider").max = report.moments.seconds.length - 1;
    this.map.colouring = COLOURINGS[offered[0]];
    const isSingle = report.moments.seconds.length < 2;
    for (const id of ["slider-label", "play"]) {
      element(id).hidden = isSingle;
    }
    element("to-peak").hidden = isSingle || !isTimed;
  }

  listen() {
    element("slider").addEventListener("input", () => this.setMoment(Number(element("slider").value)));
    element("play").addEventListener("click", () => this.play());
    element("to-peak").addEventListener("click", () => this.setMoment(report.moments.peak));
    element("colour").addEventListener("change", () => {
      this.map.colouring = COLOURINGS[element("colour").value];
      this.draw();
    });
    element("group").addEventListener("change", () => this.fillHolds());
    element("which").addEventListener("change", () => this.showMap(Number(element("which").value)));
    element("zoom-in").addEventListener("click", () => this.zoomMiddle(0.5));
    element("zoom-out").addEventListener("click", () => this.zoomMiddle(2));
    element("zoom-all").addEventListener("click", () => this.showAll());
    element("go-to").addEventListener("change", () => this.goToAddress(element("go-to").value));
    listenToMap(this.map, this, {
      ArrowLeft: () => this.setMoment(this.moment - 1), ArrowRight: () => this.setMoment(this.moment + 1),
    });
  }

  // The same blocks where another allocator had them.
  async showMap(number) {
    this.read[number] ??= readSpans(number);
    const spans = await this.read[number];
    if (Number(element("which").value) === number) {
      this.spans = spans;
      this.map.take(spans);
      this.select(-1);
      this.leave();
      this.setMoment(this.moment);
    }
  }

  zoomAt(factor, x, y) {
    const row = Math.min(Math.floor(y / this.map.rowHeight), this.map.rows - 1);
    this.map.zoom(factor, this.map.placeAt(x, y), row);
    this.draw();
  }

  zoomMiddle(factor) {
    const chosen = this.map.selected;
    if (chosen >= 0) {
      this.map.zoom(factor, this.spans.place[chosen], Math.floor(this.map.rows / 2));
      this.draw();
    } else {
      this.zoomAt(factor, 0, this.map.height / 2);
    }
  }

  showAll() {
    this.map.showAll();
    this.draw();
  }

  goToAddress(text) {
    let address = null;
    try {
      address = BigInt(text.trim().startsWith("0x") ? text.trim() : "0x" + text.trim());
    } catch (error) {
      element("selected").textContent = "That is no address.";
      return;
    }
    const place = placeOf(this.spans, address);
    if (place === null) {
      element("selected").textContent = "No block was ever near this address.";
      return;
    }
    const at = firstBehind(this.spans, this.map.current, place);
    const found = this.map.current[Math.min(at, this.map.current.length - 1)];
    if (found !== undefined) {
      this.show(found);
    }
  }

  show(i) {
    this.map.goTo(i);
    this.select(i);
  }

  select(i) {
    this.map.selected = i;
    element("selected").textContent = i < 0 ? "" : this.describe(i);
    this.draw();
  }

  describe(i) {
    const { spans } = this;
    const words = [`${addressOf(this.spans, spans.place[i])}: `];
    if (report.kind === "trace") {
      words.push(`${bytesText(spans.bytes[i])} (${spans.bytes[i]} bytes)`, `, thread ${spans.thread[i]}`,
        `, ${this.lifeText(i)}`);
    } else {
      words.push(`${report.kinds[spans.kind[i]]}, ${bytesText(spans.bytes[i])} (${spans.bytes[i]} bytes)`);
      const outside = outsideOf(spans, i, this.moment);
      if (outside !== undefined) {
        words.push(this.describeOutside(outside));
      } else if (report.single && spans.blocks[i] === 1 && spans.kind[i] === USED_KIND) {
        words.push(`, payload at ${addressOf(this.spans, spans.place[i] + HEADER_BYTES)}`);
      } else if (spans.blocks[i] > 0) {
        words.push(spans.blocks[i] === 1 ? ", one block" : `, ${countText(spans.blocks[i])} blocks`);
      }
    }
    const stack = stackOf(spans, i);
    if (stack.length > 0) {
      words.push(`, from ${stack.slice(0, FRAMES_SHOWN).join(" \u2190 ")}`);
    }
    return words.join("");
  }

  describeOutside({ payload, usable, requested, resident }) {
    const words = [`, payload at ${payload}`];
    if (requested !== null) {
      words.push(`, ${countText(requested)} bytes requested`);
    } else if (usable > 0) {
      words.push(`, ${countText(usable)} bytes usable`);
    }
    if (resident !== null) {
      words.push(`, ${bytesText(resident)} resident`);
    }
    return words.join("");
  }

  lifeText(i) {
    const { from, until } = this.spans;
    const last = report.moments.seconds.length;
    const end = until[i] >= last ? "stays to the end" : `is gone at ${secondsText(secondsOfMoment(until[i]))}`;
    return `seen first at ${secondsText(secondsOfMoment(from[i]))}, ${end}`;
  }

  leave() {
    element("hovered").textContent = "";
  }

  hover(x, y) {
    const place = this.map.placeAt(x, y);
    if (place >= this.spans.total) {
      this.leave();
      return;
    }
    const i = this.map.spanAt(place);
    element("hovered").textContent = i < 0 ? `${addressOf(this.spans, place)}: no block` : this.describe(i);
  }

  setMoment(moment) {
    this.moment = Math.min(Math.max(moment, 0), report.moments.seconds.length - 1);
    element("slider").value = this.moment;
    this.map.moment = this.moment;
    this.map.current = spansAt(this.spans, this.moment);
    element("moment").textContent = this.momentText();
    if (report.kind === "trace") {
      markCharts(secondsOfMoment(this.moment));
    }
    this.draw();
    clearTimeout(this.holdsDue);
    this.holdsDue = isSample ? 0 : setTimeout(() => this.fillHolds(), 120);
  }

  momentText() {
    const { seconds, events, live, names } = report.moments;
    const which = `${this.moment + 1} of ${seconds.length}`;
    return report.kind === "trace" ?
      `${which}: ${secondsText(seconds[this.moment])}, ${countText(events[this.moment])} events, ` +
      `${bytesText(live[this.moment])} live` : `${which}: ${names[this.moment]}`;
  }

  setTime(seconds) {
    const times = report.moments.seconds;
    const found = times.findIndex((time) => time >= seconds);
    this.setMoment(found < 0 ? times.length - 1 : found);
  }

  play() {
    clearInterval(this.playing);
    this.playing = element("play").getAttribute("aria-pressed") === "true" ? 0 : setInterval(() => {
      if (this.moment + 1 >= report.moments.seconds.length) {
        this.play();
      } else {
        this.setMoment(this.moment + 1);
      }
    }, 60);
    if (this.playing !== 0 && this.moment + 1 >= report.moments.seconds.length) {
      this.setMoment(0);
    }
    element("play").setAttribute("aria-pressed", String(this.playing !== 0));
    element("play").textContent = this.playing !== 0 ? "Pause" : "Play";
  }

  draw() {
    if (!this.isDue) {
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        this.map.draw();
        this.fillRange();
      });
    }
  }

  fillRange() {
    const { map } = this;
    element("range").textContent = `${addressOf(this.spans, map.start)} to ${addressOf(this.spans, Math.max(map.end - 1, map.start))}, ` +
      `${bytesText(map.perRow)} a row; ${countText(map.current.length)} ` +
      (isSample ? "recorded blocks live" : report.kind === "trace" ? "blocks live" : thingsWord());
    element("zoom-in").disabled = map.perRow <= ROW_BYTES_MIN;
    element("zoom-out").disabled = map.perRow >= map.widest;
    element("legend").replaceChildren(...map.colouring.legend().map(([colour, word]) => {
      const swatch = make("i", {});
      swatch.style.background = `rgb(${colour.join(",")})`;
      return make("span", {}, swatch, word);
    }));
  }

  // ---- What holds memory ----

  addressButton(i) {
    return i < 0 ? "-" : make("button", {
      type: "button", title: "Show on the map",
      onclick: () => {
        this.show(i);
        element("map").scrollIntoView({ block: "center" });
      },
    }, addressOf(this.spans, this.spans.place[i]));
  }

  fillHolds() {
    const grouping = GROUPINGS[element("group").value];
    const found = whatHolds(this.spans, this.map.current, this.moment, grouping);
    this.found = found;
    const held = found.pages * PAGE;
    element("holds-summary").textContent = `At this moment ${countText(found.live.length)} ` +
      `${thingsWord()} of ${bytesText(found.bytes)} lie on ` +
      `${countText(found.pages)} pages, ${bytesText(held)}: ${bytesText(held - found.bytes)} ` +
      `(${partText(held - found.bytes, held)}) of these pages is held without being used.`;
    this.fillGroups(found, grouping);
    this.fillPins(found);
    this.fillHoles(found);
  }

  fillGroups(found, grouping) {
    const groups = [...found.groups.values()].sort((a, b) => b.held - a.held || b.bytes - a.bytes);
    const back = (group) => Number.isNaN(group.back) ? "-" : bytesCell(group.back);
    const rows = groups.map((group) => [grouping.name(group.key), countCell(group.blocks), bytesCell(group.bytes),
      bytesCell(group.held), back(group)]);
    const sum = (key) => groups.reduce((total, group) => total + group[key], 0);
    rows.push(["in all", countCell(sum("blocks")), bytesCell(sum("bytes")), bytesCell(sum("held")),
      bytesCell(found.pages * PAGE)]);
    fillTable(element("groups"), [`${grouping.title}<`, "blocks", "their bytes", "held beside them",
      "goes back if all of them go"], rows);
  }

  fillPins(found) {
    const order = [...found.live.keys()];
    const most = [];
    for (const member of order) {
      if (most.length < ROWS_OF_TABLES || found.held[member] > found.held[most[most.length - 1]]) {
        most.push(member);
        most.sort((a, b) => found.held[b] - found.held[a] || a - b);
        most.length = Math.min(most.length, ROWS_OF_TABLES);
      }
    }
    const isTimed = report.kind === "trace";
    const hasSites = siteRanks.size > 0;
    fillTable(element("pins"), ["address<", "bytes", ...(isTimed ? ["age", "thread"] : ["state<", "blocks"]),
      "held beside it", "goes back if it goes", ...(hasSites ? ["call site<"] : [])],
    most.map((member) => {
      const i = found.live[member];
      return [this.addressButton(i), bytesCell(this.spans.bytes[i]), ...(isTimed ?
        [secondsText(ageOf(this.spans, i, this.moment)), String(this.spans.thread[i])] :
        [report.kinds[this.spans.kind[i]], countCell(this.spans.blocks[i])]),
      bytesCell(found.held[member]), bytesCell(found.back[member]),
      ...(hasSites ? [siteName(this.spans, i) || "not known"] : [])];
    }));
  }

  fillHoles(found) {
    const neighbour = (i) => i < 0 ? ["-", "-"] : [this.addressButton(i), bytesCell(this.spans.bytes[i])];
    fillTable(element("holes"), ["from<", "bytes", "block below<", "its bytes", "block above<", "its bytes"],
      found.holes.slice(0, ROWS_OF_TABLES).map((hole) => [addressOf(this.spans, hole.place) + (hole.above < 0 ? " (top)" : ""),
        bytesCell(hole.bytes), ...neighbour(hole.below), ...neighbour(hole.above)]));
  }
}

// ---- The whole ----

function redrawAll(view) {
  charts.forEach(drawChart);
  if (view !== null) {
    view.map.measure();
    view.map.perRow = Math.min(view.map.perRow, view.map.widest);
    view.map.settle();
    view.draw();
  }
}

async function start() {
  let view = null;
  const onTime = (seconds) => view && view.setTime(seconds);
  fillHeading();
  fillAllocators(onTime);
  fillCurves(onTime);
  fillSplit();
  fillSites();
  fillTallies();
  fillThreads(onTime);
  if (report.maps[0]?.spans > 0) {
    const spans = await readSpans(0);
    show("map-section");
    if (!isSample) {
      show("holds-section");
    }
    view = new HeapView(spans);
    view.setMoment(report.moments.peak);
  }
  let width = window.innerWidth;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redrawAll(view));
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) {
      width = window.innerWidth;
      redrawAll(view);
    }
  });
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  element("failure").textContent = `This page cannot be shown: ${error.message}`;
  show("failure");
  throw error;
});
