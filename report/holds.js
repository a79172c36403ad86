"use strict";
// What holds memory: pages go back to the system as a whole, so a block holds what is free on its
// pages. The free bytes of a page count for its blocks in equal parts; a page goes back when all blocks
// on it are gone.

// Used, cached, damaged, and what is the program's outside of the heap's regions.
const LIVE_KINDS = [0, 1, 6, 7, 8, 9, 10, 11];

const GROUPINGS = {
  size: {
    title: "size",
    key: (spans, i) => Math.ceil(Math.log2(Math.max(spans.bytes[i] / Math.max(spans.blocks[i], 1), 16))),
    name: (key) => key === 4 ? "up to 16 B" : `${bytesText(2 ** (key - 1) + 1)} to ${bytesText(2 ** key)}`,
  },
  age: {
    title: "age",
    key: (spans, i, moment) => {
      const age = ageOf(spans, i, moment);
      return age <= 0 ? -10 : Math.floor(Math.log10(age));
    },
    name: (key) => key === -10 ? "new" : `${secondsText(10 ** key)} to ${secondsText(10 ** (key + 1))}`,
  },
  thread: {
    title: "thread that allocated",
    key: (spans, i) => spans.thread[i],
    name: (key) => `thread ${key}`,
  },
  site: {
    title: "call site",
    key: siteName,
    name: (key) => key === "" ? "not known" : key,
    isEstimate: () => report.interval > 1,
  },
  callers: {
    title: "call site with callers",
    key: (spans, i) => stackOf(spans, i).slice(0, FRAMES_SHOWN).join(" \u2190 "),
    name: (key) => key === "" ? "not known" : key,
    isEstimate: () => report.interval > 1,
  },
  kind: {
    title: "state",
    key: (spans, i) => spans.kind[i],
    name: (key) => report.kinds[key],
  },
};

function secondsOfMoment(moment) {
  return report.moments.seconds[moment] ?? 0;
}

function ageOf(spans, i, moment) {
  return secondsOfMoment(moment) - secondsOfMoment(spans.from[i]);
}

function groupOf(groups, key) {
  let group = groups.get(key);
  if (group === undefined) {
    group = { key, blocks: 0, bytes: 0, held: 0, back: 0 };
    groups.set(key, group);
  }
  return group;
}

// Each known block counts for those of its size that the profile did not see; who is not known has the
// rest.
function estimate(groups, result, spans) {
  const rest = groupOf(groups, "");
  const whole = { blocks: 0, bytes: 0, held: 0 };
  for (const key of Object.keys(whole)) {
    groups.forEach((group) => { whole[key] += group[key]; });
  }
  groups.forEach((group) => Object.assign(group, { blocks: 0, bytes: 0, held: 0, back: NaN }));
  result.live.forEach((i, member) => {
    const group = result.groupOf[member];
    if (group !== rest) {
      const weight = siteWeight(spans, i);
      group.blocks += weight;
      group.bytes += weight * spans.bytes[i];
      group.held += weight * result.held[member];
    }
  });
  for (const key of Object.keys(whole)) {
    let known = 0;
    groups.forEach((group) => { known += group === rest ? 0 : group[key]; });
    rest[key] = Math.max(whole[key] - known, 0);
  }
}

// Goes through the live spans page by page.
class PageSweep {
  constructor(result) {
    this.result = result;
    this.page = -1;
    this.live = 0;
    this.members = []; // indices in result.live
  }

  enter(page) {
    if (page !== this.page) {
      this.leave();
      this.page = page;
    }
  }

  add(member, bytes) {
    this.members.push(member);
    this.live += bytes;
  }

  leave() {
    const { result, members } = this;
    if (members.length > 0) {
      const share = (PAGE - this.live) / members.length;
      const first = result.groupOf[members[0]];
      result.pages++;
      for (const member of members) {
        result.held[member] += share;
        result.groupOf[member].held += share;
      }
      if (members.length === 1) {
        result.back[members[0]] += PAGE;
      }
      if (members.every((member) => result.groupOf[member] === first)) {
        first.back += PAGE;
      }
    }
    this.members = [];
    this.live = 0;
  }

  // Pages that one block alone has.
  addWhole(member, pages) {
    this.result.pages += pages;
    this.result.back[member] += pages * PAGE;
    this.result.groupOf[member].back += pages * PAGE;
  }
}

function sweepSpan(sweep, member, place, bytes) {
  const end = place + Math.max(bytes, 1);
  const first = Math.floor(place / PAGE);
  const last = Math.floor((end - 1) / PAGE);
  sweep.enter(first);
  sweep.add(member, Math.min(place + bytes, (first + 1) * PAGE) - place);
  if (last > first) {
    sweep.addWhole(member, last - first - 1);
    sweep.enter(last);
    sweep.add(member, end - last * PAGE);
  }
}

// In a snapshot a hole is what touches and is nobody's; what is in no run is not the heap's.
function holesOfRuns(spans, current) {
  const holes = [];
  let hole = null;
  let before = -1;
  const endOf = (i) => i < 0 ? -1 : spans.place[i] + spans.bytes[i];
  const leave = (above) => {
    if (hole !== null && hole.bytes >= PAGE) {
      holes.push({ ...hole, above });
    }
    hole = null;
  };
  for (const i of current) {
    const touches = endOf(before) === spans.place[i];
    const isLive = LIVE_KINDS.includes(spans.kind[i]);
    if (isLive || !touches) {
      leave(touches ? i : -1);
    }
    if (!isLive) {
      hole ??= { place: spans.place[i], bytes: 0, below: touches ? before : -1 };
      hole.bytes += spans.bytes[i];
    }
    before = i;
  }
  leave(-1);
  return holes;
}

// In a trace, what lies between two live spans of an area, and behind the last one.
function holesBetween(spans, live) {
  const holes = [];
  for (const area of spans.areas) {
    let at = firstBehind(spans, live, area.base);
    let end = area.base + area.inset;
    let below = -1;
    for (; at < live.length && spans.place[live[at]] < area.end; at++) {
      if (spans.place[live[at]] - end >= PAGE) {
        holes.push({ place: end, bytes: spans.place[live[at]] - end, below, above: live[at] });
      }
      end = Math.max(end, spans.place[live[at]] + spans.bytes[live[at]]);
      below = live[at];
    }
    if (area.end - end >= PAGE) {
      holes.push({ place: end, bytes: area.end - end, below, above: -1 });
    }
  }
  return holes;
}

function findHoles(spans, current, live) {
  const holes = report.kind === "snapshot" ? holesOfRuns(spans, current) : holesBetween(spans, live);
  return holes.sort((a, b) => b.bytes - a.bytes || a.place - b.place);
}

function whatHolds(spans, current, moment, grouping) {
  const live = current.filter((i) => LIVE_KINDS.includes(spans.kind[i]));
  const groups = new Map();
  const result = {
    live, groups, pages: 0, bytes: 0,
    held: new Float64Array(live.length),
    back: new Float64Array(live.length),
    groupOf: new Array(live.length),
  };
  const sweep = new PageSweep(result);
  for (let member = 0; member < live.length; member++) {
    const i = live[member];
    const group = groupOf(groups, grouping.key(spans, i, moment));
    group.blocks += spans.blocks[i];
    group.bytes += spans.bytes[i];
    result.bytes += spans.bytes[i];
    result.groupOf[member] = group;
    sweepSpan(sweep, member, spans.place[i], spans.bytes[i]);
  }
  sweep.leave();
  if (grouping.isEstimate?.()) {
    estimate(groups, result, spans);
  }
  result.holes = findHoles(spans, current, live);
  return result;
}
