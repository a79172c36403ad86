"use strict";
// What the page has of the heap, unpacked: spans of bytes in the order of their addresses.

const report = JSON.parse(document.getElementById("report").textContent);
const isSample = report.sample > 1;

const PAGE = 4096;

function bytesOfBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    bytes[i] = letters.charCodeAt(i);
  }
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Numbers of seven bits a byte, the lowest first; the highest bit says that more follow.
function readColumn(bytes, start, count, column) {
  let at = start;
  for (let i = 0; i < count; i++) {
    let value = 0;
    let scale = 1;
    while (bytes[at] >= 128) {
      value += (bytes[at++] - 128) * scale;
      scale *= 128;
    }
    column[i] = value + bytes[at++] * scale;
  }
  return at;
}

// Areas lie behind each other on the map, each on whole pages and a page apart: `base` is the place of
// the area's first page there.
function placeAreas(areas) {
  let base = 0;
  let first = 0;
  for (const area of areas) {
    area.start = BigInt(area.start);
    area.page = area.start - area.start % BigInt(PAGE);
    area.inset = Number(area.start - area.page);
    area.base = base;
    area.end = base + area.inset + area.bytes;
    area.first = first;
    first += area.spans;
    base = Math.ceil(area.end / PAGE) * PAGE + PAGE;
  }
  return Math.max(base - PAGE, PAGE);
}

// The spans of a map, by its number.
async function readSpans(number) {
  const map = report.maps[number];
  const count = map.spans;
  const spans = {
    count,
    place: new Float64Array(count),
    bytes: new Float64Array(count),
    from: new Uint16Array(count),
    until: new Uint16Array(count),
    thread: new Uint32Array(count),
    kind: new Uint8Array(count),
    blocks: new Uint32Array(count),
    site: new Uint16Array(count),
    areas: map.areas,
    total: placeAreas(map.areas),
  };
  const text = document.getElementById("columns").textContent.split("\n")[number];
  const bytes = text === "" ? new Uint8Array(0) : await inflate(bytesOfBase64(text));
  let at = 0;
  for (const column of [spans.place, spans.bytes, spans.from, spans.until, spans.thread, spans.kind,
    spans.blocks, spans.site]) {
    at = readColumn(bytes, at, count, column);
  }
  for (const area of spans.areas) {
    let place = area.base + area.inset;
    for (let i = area.first; i < area.first + area.spans; i++) {
      place += spans.place[i] * map.unit;
      spans.place[i] = place;
      spans.until[i] += spans.from[i];
    }
  }
  return spans;
}

// The spans of one moment, by address; none lies in another.
function spansAt(spans, moment) {
  const found = new Uint32Array(spans.count);
  let count = 0;
  for (let i = 0; i < spans.count; i++) {
    if (spans.from[i] <= moment && moment < spans.until[i]) {
      found[count++] = i;
    }
  }
  return found.subarray(0, count);
}

// The index in `list` of the first span that ends behind the place.
function firstBehind(spans, list, place) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans.place[list[middle]] + spans.bytes[list[middle]] <= place) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

function areaOf(spans, place) {
  let found = spans.areas[0];
  for (const area of spans.areas) {
    if (area.base > place) {
      break;
    }
    found = area;
  }
  return found;
}

function addressOf(spans, place) {
  const area = areaOf(spans, place);
  return "0x" + (area.page + BigInt(Math.floor(place - area.base))).toString(16);
}

// The place of an address on the map; null where no area has it.
function placeOf(spans, address) {
  for (const area of spans.areas) {
    if (address >= area.page && address < area.start + BigInt(area.bytes)) {
      return area.base + Number(address - area.page);
    }
  }
  return null;
}

// ---- Blocks outside of the heap's regions ----

let outsideBlocks = null;

// What a snapshot says of the mapped or guarded block that a span is, besides the span; undefined of others.
function outsideOf(spans, i, moment) {
  outsideBlocks ??= new Map((report.outside ?? []).map(([address, at, payload, usable, requested, resident]) =>
    [`${at} ${address}`, { payload, usable, requested, resident }]));
  return outsideBlocks.get(`${moment} ${addressOf(spans, spans.place[i])}`);
}

// ---- Call sites ----

// The frames of the stack that allocated a span, innermost first; none where it is not known.
function stackOf(spans, i) {
  return spans.site[i] === 0 ? [] : report.callSites[spans.site[i] - 1];
}

const siteName = (spans, i) => stackOf(spans, i)[0] ?? "";

// Where the heap profile takes samples, a block that is known stands for so many of its size.
function siteWeight(spans, i) {
  return report.interval > 1 ? 1 / -Math.expm1(-spans.bytes[i] / report.interval) : 1;
}

// The names of call sites, those first that have most bytes at any time.
function sitesBySize(spans) {
  const sums = new Map();
  for (let i = 0; i < spans.count; i++) {
    if (spans.site[i] !== 0) {
      const name = siteName(spans, i);
      sums.set(name, (sums.get(name) ?? 0) + spans.bytes[i] * siteWeight(spans, i));
    }
  }
  return [...sums.keys()].sort((a, b) => sums.get(b) - sums.get(a));
}

// ---- Words and numbers ----

function bytesText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  let value = bytes;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return (unit === 0 ? String(Math.round(value)) : value.toPrecision(Math.abs(value) >= 1000 ? 4 : 3)) +
    " " + units[unit];
}

function countText(count) {
  return Math.round(count).toLocaleString("en-GB");
}

function secondsText(seconds) {
  const units = [[1, "s"], [1e-3, "ms"], [1e-6, "\u00b5s"], [1e-9, "ns"]];
  for (const [size, word] of units) {
    if (seconds >= size) {
      return (seconds / size).toPrecision(seconds >= 1000 ? 4 : 3) + " " + word;
    }
  }
  return "0 s";
}

function partText(part, whole) {
  return whole === 0 ? "-" : (100 * part / whole).toFixed(1) + " %";
}

// ---- Elements ----

function element(id) {
  return document.getElementById(id);
}

function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Rows are arrays of texts and elements; `header` of texts, with a trailing "<" for those of words.
function fillTable(table, header, rows) {
  const isText = header.map((title) => title.endsWith("<"));
  const cell = (kind, content, i) => make(kind, { className: isText[i] ? "text" : "" }, content);
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...header.map((title, i) => cell("th", title.replace("<", ""), i)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((content, i) => cell("td", content, i))))));
}

// A number that a script can read from the page, too.
function bytesCell(bytes) {
  return make("data", { value: String(bytes) }, bytesText(bytes));
}

function countCell(count) {
  return make("data", { value: String(count) }, countText(count));
}

function styleColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function show(id) {
  element(id).hidden = false;
}
