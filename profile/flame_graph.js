"use strict";
(function () {
  const svg = document.documentElement;
  const margin = Number(svg.dataset.margin);
  const inset = Number(svg.dataset.inset);
  const characterWidth = Number(svg.dataset.character);
  const details = document.getElementById("details");
  const narrowest = 390;
  const wide = 960; // has room for the search beside the heading

  // Shares are those of the whole; two that differ by less are the same, after rounding.
  const tolerance = 5e-7;

  const frames = Array.from(document.querySelectorAll(".frame"), (element) => {
    const lines = element.querySelector("title").textContent.split("\n");
    return {
      element,
      rectangle: element.querySelector("rect"),
      label: element.querySelector("text"),
      name: lines[0],
      description: lines.join("  \u00b7  "),
      start: Number(element.dataset.start),
      share: Number(element.dataset.share),
      row: Number(element.querySelector("rect").getAttribute("y")),
    };
  });
  if (frames.length === 0) {
    return;
  }
  const root = frames[0];
  let zoomed = root;

  function fit(name, width) {
    const room = Math.floor((width - inset) / characterWidth);
    const characters = Array.from(name);
    if (room < 3) {
      return "";
    }
    return characters.length <= room ? name : characters.slice(0, room - 1).join("") + "\u2026";
  }

  function place(frame, x, width) {
    frame.rectangle.setAttribute("x", x);
    frame.rectangle.setAttribute("width", width);
    frame.label.setAttribute("x", x + inset);
    frame.label.textContent = fit(frame.name, width);
  }

  function isAbove(frame) {
    return frame.row < zoomed.row && frame.start <= zoomed.start + tolerance &&
      frame.start + frame.share >= zoomed.start + zoomed.share - tolerance;
  }

  function isInside(frame) {
    return frame.row >= zoomed.row && frame.start >= zoomed.start - tolerance &&
      frame.start + frame.share <= zoomed.start + zoomed.share + tolerance;
  }

  // Puts every frame where it belongs when the zoomed one is as wide as the window.
  function layOut() {
    // Without the scroll bar, which innerWidth has in it.
    const width = Math.max(svg.clientWidth || window.innerWidth, narrowest);
    const height = Number(svg.getAttribute("height"));
    const room = width - 2 * margin;
    svg.setAttribute("width", width);
    svg.setAttribute("viewBox", "0 0 " + width + " " + height);
    controls.setAttribute("x", Math.max(0, width - margin - controlsWidth));
    controls.setAttribute("y", width < wide ? 55 : 32);
    for (const frame of frames) {
      const above = isAbove(frame);
      frame.element.classList.toggle("above", above);
      frame.element.classList.toggle("hidden", !above && !isInside(frame));
      if (above) {
        place(frame, margin, room);
      } else if (isInside(frame)) {
        place(frame, margin + (frame.start - zoomed.start) / zoomed.share * room,
          frame.share / zoomed.share * room);
      }
    }
    reset.disabled = zoomed === root;
  }

  function zoom(frame) {
    zoomed = frame;
    layOut();
  }

  // What is not a regular expression is looked for as it stands.
  function pattern(text) {
    try {
      return new RegExp(text, "i");
    } catch (error) {
      return new RegExp(text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "i");
    }
  }

  // Frames come in the order of the tree: one that begins before the end of the last one that counted
  // lies below it.
  function find(text) {
    const wanted = text === "" ? null : pattern(text);
    let share = 0;
    let end = 0;
    for (const frame of frames) {
      const found = wanted !== null && frame !== root && wanted.test(frame.name);
      frame.element.classList.toggle("found", found);
      if (found && frame.start >= end - tolerance) {
        share += frame.share;
        end = frame.start + frame.share;
      }
    }
    result.textContent = wanted === null ? "" : (100 * share).toFixed(1) + "% found";
  }

  function make(name, properties) {
    const element = document.createElementNS("http://www.w3.org/1999/xhtml", name);
    return Object.assign(element, properties);
  }

  const controlsWidth = 370;
  const controls = document.createElementNS("http://www.w3.org/2000/svg", "foreignObject");
  const box = make("div", { id: "controls" });
  const result = make("output", {});
  const search = make("input", {
    type: "search", placeholder: "search (regular expression)", title: "Search: /, clear: Esc",
  });
  const reset = make("button", { textContent: "reset zoom", disabled: true });
  controls.setAttribute("width", controlsWidth);
  controls.setAttribute("height", "30");
  box.append(result, search, reset);
  controls.append(box);
  svg.append(controls);

  search.addEventListener("input", () => find(search.value));
  reset.addEventListener("click", () => zoom(root));
  window.addEventListener("resize", layOut);
  window.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape") {
      search.value = "";
      find("");
      zoom(root);
    }
  });
  for (const frame of frames) {
    frame.element.addEventListener("click", () => zoom(frame));
    frame.element.addEventListener("mouseenter", () => { details.textContent = frame.description; });
    frame.element.addEventListener("mouseleave", () => { details.textContent = ""; });
  }
  layOut();
})();
