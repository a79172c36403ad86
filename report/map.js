"use strict";
// The heap map: addresses run along rows from the left to the right, row below row.

const ROW_HEIGHT = 10;
const ROW_HEIGHT_NEAR = 20; // where single blocks are wide enough to be told apart
const ROW_BYTES_MIN = 64;
const LABEL_WIDTH_MIN = 46;
const SCALE = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const THREAD_COLOURS = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0],
  [86, 180, 233], [153, 102, 51], [128, 128, 128]];
const KIND_COLOURS = {
  light: [[0, 114, 178], [230, 159, 0], [150, 160, 172], [205, 211, 219], [170, 140, 200], [226, 217, 238],
    [200, 30, 30], [130, 95, 30], [190, 90, 150], [0, 158, 115], [213, 94, 0], [110, 150, 60]],
  dark: [[70, 150, 220], [230, 170, 40], [120, 130, 142], [62, 68, 78], [130, 105, 165], [62, 52, 78],
    [240, 80, 80], [180, 140, 70], [220, 130, 185], [30, 185, 140], [240, 130, 50], [150, 190, 90]],
};

function scaleColour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (SCALE.length - 1);
  const low = Math.min(Math.floor(at), SCALE.length - 2);
  return SCALE[low].map((part, i) => Math.round(part + (SCALE[low + 1][i] - part) * (at - low)));
}

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

// Names of call sites and their places by size.
let siteRanks = new Map();
const OTHER_SITES = { light: [128, 128, 128], dark: [150, 150, 150] };

function rankSites(spans) {
  siteRanks = new Map(sitesBySize(spans).map((name, rank) => [name, rank]));
}

function siteColour(spans, i) {
  const rank = spans.site[i] === 0 ? -1 : siteRanks.get(siteName(spans, i));
  return rank < 0 ? KIND_COLOURS[isDark() ? "dark" : "light"][3] :
    rank < THREAD_COLOURS.length - 1 ? THREAD_COLOURS[rank] : OTHER_SITES[isDark() ? "dark" : "light"];
}

const COLOURINGS = {
  kind: {
    title: "state",
    colour: (spans, i) => KIND_COLOURS[isDark() ? "dark" : "light"][spans.kind[i]],
    legend: () => report.kinds.map((word, i) => [KIND_COLOURS[isDark() ? "dark" : "light"][i], word])
      .filter((_, i) => report.kindsThere[i]),
  },
  age: {
    title: "age",
    colour: (spans, i, moment) => {
      const whole = Math.max(secondsOfMoment(moment), 1e-9);
      return scaleColour(1 - Math.log10(1 + 999 * ageOf(spans, i, moment) / whole) / 3);
    },
    legend: () => [[scaleColour(1), "new"], [scaleColour(0.5), "3 % of the time so far"], [scaleColour(0), "from the start"]],
  },
  size: {
    title: "size",
    colour: (spans, i) => scaleColour((Math.log2(spans.bytes[i] / Math.max(spans.blocks[i], 1) + 1) - 4) / 16),
    legend: () => [[scaleColour(0), "16 B"], [scaleColour(0.25), "256 B"], [scaleColour(0.5), "4 KiB"],
      [scaleColour(0.75), "64 KiB"], [scaleColour(1), "1 MiB and more"]],
  },
  site: {
    title: "call site",
    colour: (spans, i) => siteColour(spans, i),
    legend: () => [...siteRanks.keys()].slice(0, THREAD_COLOURS.length - 1)
      .map((name, rank) => [THREAD_COLOURS[rank], name])
      .concat([[OTHER_SITES[isDark() ? "dark" : "light"], "others"], [KIND_COLOURS[isDark() ? "dark" : "light"][3], "not known"]]),
  },
  thread: {
    title: "thread",
    colour: (spans, i) => THREAD_COLOURS[Math.max(spans.thread[i] - 1, 0) % THREAD_COLOURS.length],
    legend: () => report.threads.slice(0, 8).map((thread) =>
      [THREAD_COLOURS[(thread.number - 1) % THREAD_COLOURS.length], `thread ${thread.number}`]),
  },
};

class HeapMap {
  constructor(canvas, spans) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.moment = 0;
    this.colouring = COLOURINGS.kind;
    this.measure();
    this.take(spans);
  }

  take(spans) {
    this.spans = spans;
    this.current = new Uint32Array(0);
    this.selected = -1;
    this.showAll();
  }

  measure() {
    this.ratio = window.devicePixelRatio || 1;
    this.width = Math.max(this.canvas.clientWidth, 100);
    this.height = Math.max(this.canvas.clientHeight, 100);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
  }

  // Whether a byte takes so much that blocks are told apart.
  get isNear() {
    return this.perRow / this.width < 4;
  }

  get rowHeight() {
    return this.isNear ? ROW_HEIGHT_NEAR : ROW_HEIGHT;
  }

  get rows() {
    return Math.floor(this.height / this.rowHeight);
  }

  get rowsOfAll() {
    return Math.floor(this.height / ROW_HEIGHT);
  }

  get widest() {
    const bytes = this.spans.total / this.rowsOfAll;
    return bytes <= PAGE ? Math.max(Math.ceil(bytes / 64) * 64, ROW_BYTES_MIN) : Math.ceil(bytes / PAGE) * PAGE;
  }

  showAll() {
    this.start = 0;
    this.perRow = this.widest;
  }

  get end() {
    return Math.min(this.start + this.perRow * this.rows, this.spans.total);
  }

  // Makes a row `factor` times as long, with the place where it is on the canvas.
  zoom(factor, place, row) {
    const wanted = Math.round(this.perRow * factor / 16) * 16;
    this.perRow = Math.min(Math.max(wanted, ROW_BYTES_MIN), this.widest);
    this.start = place - (row + 0.5) * this.perRow;
    this.settle();
  }

  // Rows begin at multiples of their length where they can, and none lies outside.
  settle() {
    const last = Math.max(this.spans.total - this.perRow * this.rows, 0);
    const step = this.perRow;
    this.start = Math.min(Math.max(Math.round(this.start / step) * step, 0), Math.ceil(last / step) * step);
  }

  move(rows) {
    this.start += rows * this.perRow;
    this.settle();
  }

  // Zooms to a span, whole or its beginning.
  goTo(i) {
    const bytes = Math.max(this.spans.bytes[i], 1);
    this.perRow = Math.min(Math.max(Math.ceil(bytes * 2 / 64) * 64, 512), 4096, this.widest);
    this.start = this.spans.place[i] - Math.floor(this.rows / 2) * this.perRow;
    this.settle();
    this.selected = i;
  }

  placeAt(x, y) {
    const row = Math.min(Math.floor(y / this.rowHeight), this.rows - 1);
    return this.start + row * this.perRow + x / this.width * this.perRow;
  }

  spanAt(place) {
    const at = firstBehind(this.spans, this.current, place);
    const i = this.current[at];
    return at < this.current.length && this.spans.place[i] <= place ? i : -1;
  }

  // Calls `draw(row, from, to)` for each part of a row, in columns of the canvas, that the bytes take.
  eachPart(place, bytes, columns, draw) {
    const scale = columns / this.perRow;
    const end = Math.min(place + bytes, this.start + this.perRow * this.rows);
    let at = Math.max(place, this.start);
    while (at < end) {
      const row = Math.floor((at - this.start) / this.perRow);
      const rowStart = this.start + row * this.perRow;
      const stop = Math.min(end, rowStart + this.perRow);
      draw(row, (at - rowStart) * scale, (stop - rowStart) * scale);
      at = stop;
    }
  }

  // Sums of the colours in each cell, by how much of it is covered.
  collect(columns) {
    const cells = new Float32Array(columns * this.rows * 4);
    const { spans, current } = this;
    for (let at = firstBehind(spans, current, this.start); at < current.length; at++) {
      const i = current[at];
      if (spans.place[i] >= this.end) {
        break;
      }
      const [red, green, blue] = this.colouring.colour(spans, i, this.moment);
      this.eachPart(spans.place[i], spans.bytes[i], columns, (row, from, to) => {
        for (let column = Math.floor(from); column < to; column++) {
          const cover = Math.min(to, column + 1) - Math.max(from, column);
          const cell = (row * columns + column) * 4;
          cells[cell] += red * cover;
          cells[cell + 1] += green * cover;
          cells[cell + 2] += blue * cover;
          cells[cell + 3] += cover;
        }
      });
    }
    return cells;
  }

  // Little that is covered still shows.
  paint(image, cells, columns) {
    const pixels = image.data;
    const tall = this.rowHeight * this.ratio;
    for (let row = 0; row < this.rows; row++) {
      const top = Math.round(row * tall);
      const bottom = Math.round((row + 1) * tall) - Math.max(1, Math.round(this.ratio));
      for (let column = 0; column < columns; column++) {
        const cell = (row * columns + column) * 4;
        const cover = cells[cell + 3];
        if (cover <= 0) {
          continue;
        }
        const opacity = Math.min(1, Math.max(0.3, Math.sqrt(cover)));
        for (let y = top; y < bottom; y++) {
          const pixel = (y * columns + column) * 4;
          for (let part = 0; part < 3; part++) {
            const own = cells[cell + part] / cover;
            pixels[pixel + part] = own * opacity + pixels[pixel + part] * (1 - opacity);
          }
        }
      }
    }
  }

  fillParts(place, bytes, inset) {
    const { context, rowHeight } = this;
    this.eachPart(place, bytes, this.width, (row, from, to) => {
      context.fillRect(from, row * rowHeight + inset, Math.max(to - from, 0.5), rowHeight - 1 - 2 * inset);
    });
  }

  drawEdges() {
    const { context, spans, current } = this;
    context.fillStyle = styleColour("--paper");
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    for (let at = firstBehind(spans, current, this.start); at < current.length; at++) {
      const i = current[at];
      if (spans.place[i] >= this.end) {
        break;
      }
      let labelled = false;
      const [red, green, blue] = this.colouring.colour(spans, i, this.moment);
      this.eachPart(spans.place[i], spans.bytes[i], this.width, (row, from, to) => {
        if (to - from >= LABEL_WIDTH_MIN && !labelled) {
          labelled = true;
          context.fillStyle = red * 0.3 + green * 0.6 + blue * 0.1 > 140 ? "#000000" : "#ffffff";
          context.fillText(bytesText(spans.bytes[i]), from + 4, row * this.rowHeight + this.rowHeight / 2,
            to - from - 6);
        }
      });
      context.fillStyle = styleColour("--paper");
      this.fillParts(spans.place[i], 0.75 * this.perRow / this.width, 0);
    }
  }

  drawSelected() {
    if (this.selected < 0 || this.spans.from[this.selected] > this.moment ||
      this.spans.until[this.selected] <= this.moment) {
      return;
    }
    const { context, rowHeight } = this;
    context.strokeStyle = isDark() ? "#ffffff" : "#000000";
    context.lineWidth = 2;
    this.eachPart(this.spans.place[this.selected], Math.max(this.spans.bytes[this.selected], 1), this.width,
      (row, from, to) => context.strokeRect(from, row * rowHeight, Math.max(to - from, 2), rowHeight - 1));
  }

  draw() {
    const { context, canvas } = this;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = styleColour("--outside");
    context.fillRect(0, 0, this.width, this.height);
    context.fillStyle = styleColour("--hole");
    for (const area of this.spans.areas) {
      this.fillParts(area.base + area.inset, area.end - area.base - area.inset, 0);
    }
    const image = context.getImageData(0, 0, canvas.width, canvas.height);
    this.paint(image, this.collect(canvas.width), canvas.width);
    context.putImageData(image, 0, 0);
    if (this.isNear) {
      this.drawEdges();
    }
    this.drawSelected();
  }
}

// What a mouse and keys do on the map, told to `view`; `keys` are more of them, by name.
function listenToMap(map, view, keys) {
  const { canvas } = map;
  let dragged = null;
  const at = (event) => [event.offsetX, event.offsetY];
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    view.zoomAt(event.deltaY < 0 ? 0.5 : 2, ...at(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    dragged = { y: event.offsetY, moved: false };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged !== null && event.buttons !== 0) {
      const rows = Math.trunc((dragged.y - event.offsetY) / map.rowHeight);
      if (rows !== 0) {
        dragged = { y: event.offsetY, moved: true };
        map.move(rows);
        view.draw();
      }
    }
    view.hover(...at(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (dragged !== null && !dragged.moved) {
      view.select(map.spanAt(map.placeAt(...at(event))));
    }
    dragged = null;
  });
  canvas.addEventListener("pointerleave", () => {
    dragged = null;
    view.leave();
  });
  canvas.addEventListener("dblclick", (event) => view.zoomAt(0.25, ...at(event)));
  const page = () => Math.max(map.rows - 2, 1);
  const all = {
    "+": () => view.zoomMiddle(0.5), "=": () => view.zoomMiddle(0.5), "-": () => view.zoomMiddle(2),
    "0": () => view.showAll(), ArrowUp: () => map.move(-1), ArrowDown: () => map.move(1),
    PageUp: () => map.move(-page()), PageDown: () => map.move(page()), ...keys,
  };
  canvas.addEventListener("keydown", (event) => {
    if (all[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      all[event.key]();
      view.draw();
    }
  });
}
