/* The overview: how many processes did something at each moment of the job, by program, and where the lanes are. */

const overview = element("overview");
const overviewPen = overview.getContext("2d", { alpha: false });
const overviewSize = { width: 1, height: 1, scale: 1 };
const OVERVIEW_TOP = 9;
/** Busy processes by group and column; renewed when the width changes. */
let busyColumns = { width: 0, layers: [], highest: 1 };
let overviewFrame = 0;
/** What does not change with the view, drawn once. */
const backdrop = document.createElement("canvas");
const backdropPen = backdrop.getContext("2d", { alpha: false });
let isBackdropOld = true;

function drawOverview() {
  if (!overviewFrame) overviewFrame = requestAnimationFrame(drawOverviewNow);
}

function overviewX(time) {
  return ((time - wholeFrom) / (wholeTo - wholeFrom)) * overviewSize.width;
}

function overviewTime(x) {
  return wholeFrom + (x / overviewSize.width) * (wholeTo - wholeFrom);
}

/** Counts, for each column of two pixels, how many processes were at work that did not wait for a child. */
function countBusy() {
  const width = Math.ceil(overviewSize.width / 2);
  const layers = groups.map(() => new Float64Array(width + 2));
  const perColumn = width / (wholeTo - wholeFrom);
  for (let i = 0; i < count; i++) {
    const layer = layers[group[i]];
    eachSelfStretch(i, (from, to) => addStretchTo(layer, (from - wholeFrom) * perColumn, (to - wholeFrom) * perColumn));
  }
  let highest = 0;
  const total = new Float64Array(width);
  for (const layer of layers) {
    let running = 0;
    for (let x = 0; x < width; x++) {
      running += layer[x];
      // What is left by rounding must not show.
      total[x] += layer[x] = running < 1e-6 ? 0 : running;
      highest = Math.max(highest, total[x]);
    }
  }
  busyColumns = { width, layers, highest: Math.max(highest, 1) };
}

/** Adds a stretch to a layer of differences, whose running sum is the number of processes. */
function addStretchTo(layer, from, to) {
  if (!(to > from)) return;
  const first = Math.floor(from);
  const last = Math.floor(to);
  if (first === last) {
    layer[first] += to - from;
    layer[first + 1] -= to - from;
    return;
  }
  layer[first] += first + 1 - from;
  layer[first + 1] += from - first;
  layer[last] -= last + 1 - to;
  layer[last + 1] -= to - last;
}

function drawOverviewNow() {
  overviewFrame = 0;
  if (!count) return;
  const { width, height } = overviewSize;
  if (isBackdropOld) {
    isBackdropOld = false;
    backdropPen.fillStyle = ink.bg;
    backdropPen.fillRect(0, 0, width, height);
    drawBusy();
    drawOverviewMarks();
  }
  overviewPen.drawImage(backdrop, 0, 0, width, height);
  drawWindow();
}

function drawBusy() {
  backdropPen.globalAlpha = 0.82;
  if (busyColumns.width !== Math.ceil(overviewSize.width / 2)) countBusy();
  const { width, layers, highest } = busyColumns;
  const scale = (overviewSize.height - OVERVIEW_TOP - 1) / highest;
  const stacked = new Float64Array(width);
  layers.forEach((layer, position) => {
    backdropPen.fillStyle = switchedOff.has(position) ? ink.ghost : ink[`${groups[position].hue}-edge`];
    for (let x = 0; x < width; x++) {
      if (!layer[x]) continue;
      const top = overviewSize.height - (stacked[x] + layer[x]) * scale;
      backdropPen.fillRect(x * 2, top, 2, layer[x] * scale);
      stacked[x] += layer[x];
    }
  });
  backdropPen.globalAlpha = 1;
}

/** Ticks of matches, and signs of findings above them. */
function drawOverviewMarks() {
  backdropPen.fillStyle = ink.accent;
  let last = -3;
  for (const index of state.matches) {
    const x = Math.round(overviewX(start[index]));
    if (x - last < 2) continue;
    backdropPen.fillRect(x, 0, 2, 5);
    last = x;
  }
  for (let level = 1; level <= 4; level++) {
    backdropPen.fillStyle = gravityColour(level);
    for (const index of findingsOf.keys()) {
      if (gravity[index] !== level) continue;
      const x = Math.max(overviewX(start[index]), 4);
      backdropPen.beginPath();
      backdropPen.moveTo(x - 4, 0);
      backdropPen.lineTo(x + 4, 0);
      backdropPen.lineTo(x, 7);
      backdropPen.fill();
      backdropPen.globalAlpha = 0.5;
      backdropPen.fillRect(x - 0.5, 6, 1, overviewSize.height);
      backdropPen.globalAlpha = 1;
    }
  }
}

/** Shades what the lanes do not show, and draws the handles of the window. */
function drawWindow() {
  const { width, height } = overviewSize;
  const left = overviewX(view.from);
  const right = overviewX(view.to);
  if (left < 1 && right > width - 1) return;
  overviewPen.fillStyle = ink.shade;
  overviewPen.fillRect(0, 0, left, height);
  overviewPen.fillRect(right, 0, width - right, height);
  overviewPen.fillStyle = ink.accent;
  for (const x of [left, right]) {
    overviewPen.fillRect(x - 0.5, 0, 1, height);
    overviewPen.fillRect(x - 2, height / 2 - 8, 4, 16);
  }
}

function fitOverview() {
  Object.assign(overviewSize, fitCanvas(overview, overviewPen, element("overview-box")));
  fitCanvas(backdrop, backdropPen, element("overview-box"));
  renewOverview();
}

function renewOverview() {
  isBackdropOld = true;
  drawOverview();
}

on("view", drawOverview);
on("filter theme", renewOverview);
