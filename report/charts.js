"use strict";
// Curves, drawn by uPlot. All are drawn anew when the theme changes or the window becomes another width.

const CHART_HEIGHT = 230;
const CURVE_COLOURS = {
  light: ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#56b4e9", "#666666", "#882255", "#117733"],
  dark: ["#5fb0f0", "#ff9a4d", "#3fd0a0", "#e08bd0", "#f0d060", "#8fd3ff", "#bbbbbb", "#ff88aa", "#88dd88"],
};

// Steps of an axis of bytes: powers of two.
const BYTE_STEPS = Array.from({ length: 48 }, (_, bits) => 2 ** bits);

const charts = [];

const curveColour = (i) => CURVE_COLOURS[isDark() ? "dark" : "light"][i % 9];

// A curve of a state has the state's colour on the map.
function colourOfCurve(curve, i) {
  const kind = report.kinds.indexOf(curve.name);
  return kind < 0 ? curveColour(i) : "#" + KIND_COLOURS[isDark() ? "dark" : "light"][kind]
    .map((part) => part.toString(16).padStart(2, "0")).join("");
}

function axis(label, values) {
  return {
    label, values, size: 76, labelSize: 20, gap: 4,
    stroke: styleColour("--faint"),
    grid: { stroke: styleColour("--line"), width: 1 },
    ticks: { stroke: styleColour("--line"), width: 1 },
  };
}

// Marks the slider's moment.
function momentLine(chart) {
  return {
    hooks: {
      draw: [(plot) => {
        if (chart.mark === null || plot.data[0].length === 0) {
          return;
        }
        const x = plot.valToPos(chart.mark, "x", true);
        if (x >= plot.bbox.left && x <= plot.bbox.left + plot.bbox.width) {
          plot.ctx.save();
          plot.ctx.strokeStyle = styleColour("--accent");
          plot.ctx.lineWidth = Math.max(1, window.devicePixelRatio);
          plot.ctx.beginPath();
          plot.ctx.moveTo(x, plot.bbox.top);
          plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
          plot.ctx.stroke();
          plot.ctx.restore();
        }
      }],
    },
  };
}

// With `stacked` each curve stands on those before it, and is filled.
function dataOf(chart) {
  const columns = chart.curves.map((curve) => curve.values);
  if (!chart.stacked) {
    return [chart.times, ...columns];
  }
  const sum = new Array(chart.times.length).fill(0);
  return [chart.times, ...columns.map((column) => column.map((value, i) => (sum[i] += value)))];
}

function seriesOf(chart) {
  return chart.curves.map((curve, i) => ({
    label: curve.name,
    stroke: colourOfCurve(curve, i),
    width: 1.5,
    fill: chart.stacked ? colourOfCurve(curve, i) + "aa" : undefined,
    points: { show: chart.times.length < 3 },
    value: (plot, value, at, index) => index === null || value === null ? "-" : chart.value(curve.values[index]),
  }));
}

function options(chart, width) {
  return {
    width, height: CHART_HEIGHT,
    scales: { x: { time: false }, y: { range: (plot, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
    series: [{ label: chart.unit, value: (plot, value) => value === null ? "-" : chart.timeText(value) },
      ...seriesOf(chart)],
    bands: chart.stacked ? chart.curves.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })) : undefined,
    axes: [{ ...(chart.steps ? { incrs: chart.steps } : {}), ...axis("", (plot, marks) => marks.map(chart.timeText)), size: 34, labelSize: 0, label: undefined },
      { ...axis(chart.title, (plot, marks) => marks.map((mark) => chart.value(mark))),
        ...(chart.value === bytesText ? { incrs: BYTE_STEPS } : {}) }],
    plugins: [momentLine(chart)],
    legend: { live: true },
    cursor: { drag: { x: true, y: false } },
  };
}

function drawChart(chart) {
  if (chart.plot) {
    chart.plot.destroy();
  }
  chart.plot = new uPlot(options(chart, Math.max(chart.place.clientWidth, 260)), dataOf(chart), chart.place);
  chart.plot.over.addEventListener("click", () => {
    if (chart.onTime && chart.plot.cursor.left >= 0) {
      chart.onTime(chart.plot.posToVal(chart.plot.cursor.left, "x"));
    }
  });
}

function addChart(place, chart) {
  const whole = { mark: null, plot: null, place: element(place), unit: "time", timeText: secondsText, ...chart };
  charts.push(whole);
  drawChart(whole);
}

function markCharts(seconds) {
  for (const chart of charts) {
    if (chart.onTime) {
      chart.mark = seconds;
      chart.plot.redraw(false);
    }
  }
}
