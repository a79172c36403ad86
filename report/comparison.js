"use strict";
// The page of what differs between two heaps.

const BEFORE = 0;
const AFTER = 1;
const DIFFERENCE = 2;
const SIDES = ["before", "after"];
const ROWS_AT_FIRST = 25;

// What stands at the top of the page, of the table of totals.
const FIGURES = ["live", "resident", "holes", "pinned", "in use", "allocated in all"];

function growthText(difference, text) {
  return (difference > 0 ? "+" : "") + text(difference);
}

// A number with its difference's sign as a colour.
function growthCell(difference, text) {
  return make("data", { value: String(difference), className: difference > 0 ? "more" : difference < 0 ? "less" : "" },
    growthText(difference, text));
}

// ---- Heading and tables ----

function fillHeading() {
  document.title = `${report.before.file} and ${report.after.file} - brkmalloc compare`;
  element("before").textContent = `Before: ${report.before.file}, ${report.before.about}`;
  element("after").textContent = `After: ${report.after.file}, ${report.after.about}`;
  const rows = report.tables[0].rows.filter((row) => FIGURES.some((name) => row.name.startsWith(name)));
  element("figures").replaceChildren(...rows.map((row) => make("div", {},
    make("dt", {}, row.name),
    make("dd", {}, `${bytesText(row.bytes[AFTER])} `, growthCell(row.bytes[DIFFERENCE], bytesText)))));
  if (report.notes.length > 0) {
    show("notes-section");
    element("notes").replaceChildren(...report.notes.map((note) => make("li", {}, note)));
  }
}

function nameCell(row) {
  if (!row.callers || row.callers.length === 0) {
    return row.name;
  }
  return make("details", {}, make("summary", {}, row.name),
    ...row.callers.map((caller) => make("div", { className: "caller" }, `from ${caller}`)));
}

function cellsOf(row, hasCount) {
  const bytes = [bytesCell(row.bytes[BEFORE]), bytesCell(row.bytes[AFTER]), growthCell(row.bytes[DIFFERENCE], bytesText)];
  const count = row.count ? [countCell(row.count[BEFORE]), countCell(row.count[AFTER]),
    growthCell(row.count[DIFFERENCE], countText)] : ["", "", ""];
  return [nameCell(row), ...bytes, ...(hasCount ? count : [])];
}

// The rows that grew most, with the sum, and all of them when the reader asks.
function fillRows(table, place, rows) {
  const hasCount = table.rows.some((row) => row.count);
  const header = ["<", "bytes before", "after", "difference",
    ...(hasCount ? [`${table.counted} before`, "after", "difference"] : [])];
  fillTable(place, header, [...rows, ...(table.sum ? [table.sum] : [])].map((row) => cellsOf(row, hasCount)));
  for (const cell of place.querySelectorAll("td.text")) {
    cell.classList.add("wide");
  }
}

// Those at both ends: they changed most.
function shortened(rows) {
  const half = Math.ceil(ROWS_AT_FIRST / 2);
  return rows.length <= ROWS_AT_FIRST ? rows : [...rows.slice(0, half), ...rows.slice(-half)];
}

function tableSection(table) {
  const place = make("table", { id: table.key });
  const section = make("section", {}, make("h2", {}, table.title));
  if (table.hint !== "") {
    section.append(make("p", { className: "hint" }, table.hint));
  }
  section.append(make("div", { className: "table" }, place));
  const few = shortened(table.rows);
  fillRows(table, place, few);
  if (few.length < table.rows.length) {
    const button = make("button", { type: "button" }, `Show all ${countText(table.rows.length)} rows`);
    button.addEventListener("click", () => {
      fillRows(table, place, table.rows);
      button.remove();
    });
    section.append(make("p", {}, button));
  }
  return section;
}

// ---- The maps ----

// The spans of one moment with no other areas than theirs: addresses of two processes have nothing in
// common.
function spansAlone(spans, moment) {
  const list = spansAt(spans, moment);
  const alone = { count: list.length, areas: [] };
  for (const name of ["place", "bytes", "from", "until", "thread", "kind", "blocks"]) {
    alone[name] = spans[name].constructor.from(list, (i) => spans[name][i]);
  }
  let at = 0;
  const moves = [];
  for (const area of spans.areas) {
    const first = at;
    while (at < list.length && spans.place[list[at]] < area.end) {
      at++;
    }
    if (at > first) {
      alone.areas.push({ start: area.start, bytes: area.bytes, spans: at - first });
      moves.push({ first, end: at, base: area.base });
    }
  }
  alone.total = placeAreas(alone.areas);
  moves.forEach(({ first, end, base }, i) => {
    for (let k = first; k < end; k++) {
      alone.place[k] += alone.areas[i].base - base;
    }
  });
  return alone;
}

class MapSide {
  constructor(pair, side, spans) {
    this.pair = pair;
    this.side = side;
    this.spans = spans;
    this.map = new HeapMap(element(`map-${SIDES[side]}`), spans);
    this.map.moment = side;
    this.map.current = spansAt(spans, side);
    listenToMap(this.map, this, {});
  }

  zoomAt(factor, x, y) {
    const row = Math.min(Math.floor(y / this.map.rowHeight), this.map.rows - 1);
    this.map.zoom(factor, this.map.placeAt(x, y), row);
    this.draw();
  }

  zoomMiddle(factor) {
    this.zoomAt(factor, 0, this.map.height / 2);
  }

  showAll() {
    this.map.showAll();
    this.draw();
  }

  draw() {
    this.pair.follow(this);
  }

  select(i) {
    this.pair.select(this, i);
  }

  leave() {
    element("hovered").textContent = "";
  }

  describe(i) {
    const { spans } = this;
    const blocks = spans.blocks[i] === 0 ? "" : spans.blocks[i] === 1 ? ", one block" :
      `, ${countText(spans.blocks[i])} blocks`;
    return `${SIDES[this.side]}: ${addressOf(spans, spans.place[i])}: ${report.kinds[spans.kind[i]]}, ` +
      `${bytesText(spans.bytes[i])} (${spans.bytes[i]} bytes)${blocks}`;
  }

  // What lies at a place, or that there is nothing.
  wordsAt(place) {
    const i = this.map.spanAt(place);
    return i >= 0 ? this.describe(i) : `${SIDES[this.side]}: ${addressOf(this.spans, place)}: nothing`;
  }

  hover(x, y) {
    const place = this.map.placeAt(x, y);
    element("hovered").textContent = place < this.spans.total ? this.wordsAt(place) : "";
  }

  fillRange() {
    const { map } = this;
    element(`range-${SIDES[this.side]}`).textContent = map.current.length === 0 ? "No runs." :
      `${addressOf(this.spans, map.start)} to ${addressOf(this.spans, Math.max(map.end - 1, map.start))}, ` +
      `${bytesText(map.perRow)} a row; ${countText(map.current.length)} runs`;
  }
}

// Two maps; of one process both show the same addresses.
class MapPair {
  constructor(spans) {
    this.isDue = false;
    this.sides = SIDES.map((_, side) =>
      new MapSide(this, side, report.aligned ? spans : spansAlone(spans, side)));
    element("map-hint").textContent = (report.aligned ? "Both maps show the same addresses. " :
      "The maps are of two processes, each with its own addresses. ") +
      "Wheel or + and \u2212: zoom. Drag or arrow keys: move. Click: select a run.";
    const offered = report.kindsThere.filter((there) => there).length > 1 ? ["kind", "size"] : ["size"];
    element("colour").replaceChildren(...offered.map((name) => make("option", { value: name }, COLOURINGS[name].title)));
    this.colour(offered[0]);
    this.listen();
  }

  listen() {
    element("colour").addEventListener("change", () => this.colour(element("colour").value));
    element("zoom-in").addEventListener("click", () => this.each((side) => side.zoomMiddle(0.5)));
    element("zoom-out").addEventListener("click", () => this.each((side) => side.zoomMiddle(2)));
    element("zoom-all").addEventListener("click", () => this.each((side) => side.showAll()));
    element("go-to").addEventListener("change", () => this.goToAddress(element("go-to").value.trim()));
  }

  // What is done to one of two maps of the same addresses is done to both.
  each(act) {
    (report.aligned ? this.sides.slice(0, 1) : this.sides).forEach(act);
  }

  colour(name) {
    this.sides.forEach((side) => {
      side.map.colouring = COLOURINGS[name];
    });
    this.draw();
  }

  goToAddress(text) {
    const isAddress = /^(0x)?[0-9a-f]{1,16}$/i.test(text);
    const address = isAddress ? BigInt(text.startsWith("0x") ? text : `0x${text}`) : null;
    const side = isAddress ? this.sides.find((one) => placeOf(one.spans, address) !== null) : undefined;
    if (side === undefined) {
      element("selected").textContent = isAddress ? "Nothing is near this address." : "That is no address.";
      return;
    }
    const { map } = side;
    map.perRow = Math.min(PAGE, map.widest);
    map.start = placeOf(side.spans, address) - Math.floor(map.rows / 2) * map.perRow;
    map.settle();
    side.draw();
    this.select(side, map.spanAt(placeOf(side.spans, address)));
  }

  // The selected run, and what lies at its beginning on the other side.
  select(side, i) {
    const other = this.sides[1 - side.side];
    side.map.selected = i;
    other.map.selected = -1;
    const words = i < 0 ? [] : [side.describe(i)];
    if (i >= 0 && report.aligned) {
      const place = side.spans.place[i];
      other.map.selected = other.map.spanAt(place);
      words.push(other.wordsAt(place));
    }
    element("selected").replaceChildren(...(side.side === BEFORE ? words : words.reverse()).map((line) => make("div", {}, line)));
    this.draw();
  }

  follow(side) {
    if (report.aligned) {
      const other = this.sides[1 - side.side].map;
      other.perRow = side.map.perRow;
      other.start = side.map.start;
    }
    this.draw();
  }

  measure() {
    for (const { map } of this.sides) {
      map.measure();
      map.perRow = Math.min(map.perRow, map.widest);
      map.settle();
    }
    this.draw();
  }

  draw() {
    if (!this.isDue) {
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        this.drawNow();
      });
    }
  }

  drawNow() {
    this.sides.forEach((side) => {
      side.map.draw();
      side.fillRange();
    });
    const maps = this.sides.map((side) => side.map);
    element("zoom-in").disabled = maps.every((map) => map.perRow <= ROW_BYTES_MIN);
    element("zoom-out").disabled = maps.every((map) => map.perRow >= map.widest);
    element("legend").replaceChildren(...maps[0].colouring.legend().map(([colour, word]) => {
      const swatch = make("i", {});
      swatch.style.background = `rgb(${colour.join(",")})`;
      return make("span", {}, swatch, word);
    }));
  }
}

// ---- The whole ----

async function start() {
  let pair = null;
  fillHeading();
  element("tables").replaceChildren(...report.tables.map(tableSection));
  if (report.maps[0]?.spans > 0) {
    const spans = await readSpans(0);
    show("map-section");
    pair = new MapPair(spans);
  }
  let width = window.innerWidth;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => pair && pair.draw());
  window.addEventListener("resize", () => {
    if (pair && window.innerWidth !== width) {
      width = window.innerWidth;
      pair.measure();
    }
  });
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  element("failure").textContent = `This page cannot be shown: ${error.message}`;
  show("failure");
  throw error;
});
