/* The lanes: a canvas that draws the visible processes. */

const RULER = 28;
/** Height of rows: as high as fits, within what can be read and what looks calm. */
const LOWEST_ROW = 22;
const HIGHEST_ROW = 28;
const canvas = element("lanes");
const pen = canvas.getContext("2d", { alpha: false });
const stage = { width: 1, height: 1, scale: 1, row: LOWEST_ROW, bar: LOWEST_ROW - 4, font: 11, letter: 6.6 };
const labels = new Map();
let frame = 0;

/** Asks for one drawing in the next frame, however often something changes until then. */
function draw() {
  if (!frame) frame = requestAnimationFrame(drawNow);
}

function toX(time) {
  return ((time - view.from) / (view.to - view.from)) * stage.width;
}

function toTime(x) {
  return view.from + (x / stage.width) * (view.to - view.from);
}

function toY(row) {
  return RULER + 6 + row * stage.row - view.scroll;
}

/** Returns the process below a point of the canvas, or −1. Small bars can be hit from two pixels away. */
function processAt(x, y) {
  if (y < RULER) return -1;
  const row = Math.floor((y - RULER - 6 + view.scroll) / stage.row);
  if (row < 0 || row >= laneCount) return -1;
  let best = -1;
  let bestDistance = 3;
  for (let at = firstVisible(row, toTime(x - 3)); at < laneFirst[row + 1]; at++) {
    const index = laneItems[at];
    if (toX(start[index]) > x + 3) break;
    const left = toX(start[index]);
    const right = Math.max(toX(end[index]), left + 1);
    const distance = x < left ? left - x : x > right ? x - right : 0;
    if (distance < bestDistance) {
      best = index;
      bestDistance = distance;
      if (!distance) break;
    }
  }
  return best;
}

/** Returns the position of the first process of a row that ends at a moment or later. */
function firstVisible(row, time) {
  let low = laneFirst[row];
  let high = laneFirst[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end[laneItems[middle]] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function maximumScroll() {
  return Math.max(0, laneCount * stage.row + 16 - (stage.height - RULER));
}

/** Scrolls rows; `top` is in pixels. */
function scrollTo(top) {
  view.scroll = Math.min(Math.max(top, 0), maximumScroll());
  draw();
}

/** Scrolls so that the row of a process is visible. */
function revealRow(index) {
  const y = toY(lane[index]);
  if (y < RULER + stage.row) scrollTo(view.scroll + y - RULER - stage.row * 2);
  else if (y + stage.row * 2 > stage.height) scrollTo(view.scroll + y + stage.row * 3 - stage.height);
}

function fitCanvas(target, context, box) {
  const scale = Math.min(window.devicePixelRatio || 1, 3);
  // A box that is not shown, as on paper, has no size; a canvas must have one.
  const width = Math.max(box.clientWidth, 1);
  const height = Math.max(box.clientHeight, 1);
  target.width = Math.round(width * scale);
  target.height = Math.round(height * scale);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return { width, height, scale };
}

function fitLanes() {
  Object.assign(stage, fitCanvas(canvas, pen, element("lanes-box")));
  fitRows();
}

function fitRows() {
  const fitting = Math.floor((stage.height - RULER - 16) / Math.max(laneCount, 1));
  stage.row = Math.min(Math.max(fitting, LOWEST_ROW), HIGHEST_ROW);
  stage.bar = stage.row - 4;
  stage.font = stage.row > 25 ? 12 : 11;
  pen.font = `${stage.font}px ${ink.mono}`;
  // Ligatures would make some commands look like others, and shorter.
  pen.textRendering = "optimizeSpeed";
  stage.letter = pen.measureText("0".repeat(100)).width / 100;
  scrollTo(view.scroll);
}

function drawNow() {
  frame = 0;
  if (!count || state.mode !== "timeline") return;
  pen.fillStyle = ink.bg;
  pen.fillRect(0, 0, stage.width, stage.height);
  const ticks = ticksOf(stage.width);
  pen.fillStyle = ink.faint;
  for (const { x } of ticks) pen.fillRect(Math.round(x), RULER, 1, stage.height);
  pen.font = `${stage.font}px ${ink.mono}`;
  pen.textBaseline = "middle";
  const firstRow = Math.max(0, Math.floor((view.scroll - 6) / stage.row));
  const lastRow = Math.min(laneCount - 1, Math.ceil((view.scroll + stage.height - RULER) / stage.row));
  drawThread();
  for (let row = firstRow; row <= lastRow; row++) drawRow(row);
  if (state.critical) drawCriticalPath(firstRow, lastRow);
  drawFocus(state.hovered, false);
  drawFocus(state.selected, true);
  drawRuler(ticks);
  placeScrollbar();
}

/** Draws one row. Bars below a pixel become one run of their colour. */
function drawRow(row) {
  const y = toY(row);
  const last = laneFirst[row + 1];
  const pixel = 1 / stage.scale;
  let runColour = "";
  let runFrom = 0;
  let runTo = -1;
  const pins = [];
  const flush = () => {
    if (runTo <= runFrom) return;
    pen.fillStyle = runColour;
    pen.fillRect(runFrom, y, runTo - runFrom, stage.bar);
    runTo = -1;
  };
  for (let at = firstVisible(row, view.from); at < last; at++) {
    const index = laneItems[at];
    if (start[index] > view.to) break;
    const left = toX(start[index]);
    const right = toX(end[index]);
    if (shown[index] && gravity[index] && right - left < 12) addPin(pins, left, gravity[index]);
    if (right - left >= 1.5) {
      flush();
      drawBar(index, left, right, y);
      continue;
    }
    const colour = shown[index] ? ink[groups[group[index]].hue] : ink.ghost;
    const from = Math.floor(left / pixel) * pixel;
    if (colour === runColour && from <= runTo) {
      runTo = Math.max(runTo, from + Math.max(pixel, right - left));
    } else if (from >= runTo) {
      flush();
      runColour = colour;
      runFrom = from;
      runTo = from + Math.max(1, right - left);
    }
  }
  flush();
  for (const pin of pins) drawPin(pin.x, y, pin.level);
}

/** Adds the sign of a finding. Signs that would cover each other become one, of the highest severity. */
function addPin(pins, x, level) {
  const last = pins[pins.length - 1];
  if (last && x - last.x < 10) last.level = Math.max(last.level, level);
  else pins.push({ x, level });
}

function outline(left, top, width, height, radius) {
  pen.beginPath();
  if (pen.roundRect && width > 2.5) pen.roundRect(left, top, width, height, radius);
  else pen.rect(left, top, width, height);
}

function drawBar(index, left, right, y) {
  const hue = groups[group[index]].hue;
  const isShown = shown[index] === 1;
  const from = Math.max(left, -8);
  const to = Math.min(right, stage.width + 8);
  const width = Math.max(to - from - (right - left > 4 ? 1 : 0), 1);
  pen.fillStyle = isShown ? ink[hue] : ink.ghost;
  if (doubt[index] & END_UNKNOWN && isShown) pen.fillStyle = fading(ink[hue], left, right);
  outline(from, y, width, stage.bar, 3);
  pen.fill();
  if (!isShown) {
    if (width > 60) drawLabel(index, from, width, y, ink.muted);
    return;
  }
  if (width > 14 && left > -3) {
    pen.fillStyle = ink[`${hue}-edge`];
    outline(left, y, 3, stage.bar, [3, 0, 0, 3]);
    pen.fill();
  }
  if (width > 5) {
    if (hasFailed(index) && right < stage.width + 3) drawFailure(right - 1, y);
  }
  if (gravity[index]) {
    pen.strokeStyle = gravityColour(gravity[index]);
    pen.lineWidth = 1.5;
    outline(from + 0.75, y + 0.75, Math.max(width - 1.5, 1), stage.bar - 1.5, 3);
    pen.stroke();
  }
  if (hasFlag(index, STOPPED) && width > 5) drawStopped(index, from, width, y);
  if (width > 24) drawLabel(index, from, width, y, ink["on-bar"]);
}

/** Returns a colour that fades out where nobody knows the end. */
function fading(colour, left, right) {
  const from = Math.max(left, right - 120);
  const gradient = pen.createLinearGradient(from, 0, Math.max(right, from + 1), 0);
  gradient.addColorStop(0, colour);
  gradient.addColorStop(1, ink.ghost);
  return gradient;
}

/** A notch at the end of a process that failed. */
function drawFailure(right, y) {
  pen.fillStyle = ink.high;
  pen.beginPath();
  pen.moveTo(right, y);
  pen.lineTo(right, y + stage.bar);
  pen.lineTo(right - 3, y + stage.bar);
  pen.lineTo(right - 3, y + 3);
  pen.lineTo(right - 6, y);
  pen.fill();
}

/** Stripes over a process that enforcement stopped. */
function drawStopped(index, from, width, y) {
  pen.save();
  outline(from, y, width, stage.bar, 3);
  pen.clip();
  pen.strokeStyle = ink.high;
  pen.globalAlpha = 0.5;
  pen.lineWidth = 2;
  pen.beginPath();
  for (let x = from - stage.bar; x < from + width; x += 7) {
    pen.moveTo(x, y + stage.bar);
    pen.lineTo(x + stage.bar, y);
  }
  pen.stroke();
  pen.restore();
}

/** The sign of a finding on a bar that is too small for a text. */
function drawPin(x, y, level) {
  pen.fillStyle = gravityColour(level);
  pen.strokeStyle = ink.bg;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x + 1, y + stage.bar / 2, 4.5, 0, Math.PI * 2);
  pen.fill();
  pen.stroke();
}

/** Returns the text on a bar and a shorter one, from a cache: texts are cleaned once. */
function labelOf(index) {
  let label = labels.get(index);
  if (label === undefined) {
    if (labels.size > 20000) labels.clear();
    const ids = (findingsOf.get(index) || []).map((position) => findings[position].id);
    const signs = `${hasFlag(index, NEW) ? "● " : ""}${[...new Set(ids)].map((id) => `▲ ${visible(String(id))} `).join("")}`;
    // The colour says that it is a compiler; the end of the package says of what.
    const subject = visible(baseName(subjectOf(index)));
    label = { text: signs + titleOf(index), short: signs + (subject || titleOf(index)) };
    labels.set(index, label);
  }
  return label;
}

function drawLabel(index, from, width, y, colour) {
  const left = Math.max(from, 0) + 7;
  let room = from + width - left - 5;
  const label = labelOf(index);
  const children = below[index];
  if (children && (collapsed.has(index) || width > 90)) {
    pen.fillStyle = colour;
    pen.globalAlpha = 0.55;
    drawChevron(left + 2, y + stage.bar / 2, collapsed.has(index));
    pen.globalAlpha = 1;
    room -= 12;
  }
  const more = collapsed.has(index) ? `  +${children.toLocaleString("en")}` : "";
  const letters = Math.floor(room / stage.letter);
  if (letters < 2) return;
  const x = from + width - 5 - room;
  const text = (label.text.length > letters ? label.short : label.text) + more;
  const taken = Math.min(text.length, letters) * stage.letter;
  const time = duration(durationOf(index));
  pen.fillStyle = colour;
  drawText(text.length > letters ? shortened(text, letters - 1) : text, x, y, room);
  // The duration stands at the end if there is room for both.
  const timeWidth = time.length * stage.letter;
  if (!(doubt[index] & END_UNKNOWN) && room - taken > timeWidth + 16) {
    const right = Math.min(from + width, stage.width) - 6;
    if (right - timeWidth > x + taken + 12) {
      pen.globalAlpha = 0.6;
      pen.fillText(time, right - timeWidth, y + stage.bar / 2 + 0.5);
      pen.globalAlpha = 1;
    }
  }
}

/** Draws a text. Wide or joined characters may be longer than they count, so such texts are clipped. */
function drawText(text, x, y, room) {
  if (/^[\x20-\x7e…●▲]*$/.test(text)) {
    pen.fillText(text, x, y + stage.bar / 2 + 0.5);
    return;
  }
  pen.save();
  pen.beginPath();
  pen.rect(x, y, room, stage.bar);
  pen.clip();
  pen.fillText(text, x, y + stage.bar / 2 + 0.5);
  pen.restore();
}

function drawChevron(x, y, isCollapsed) {
  pen.beginPath();
  if (isCollapsed) {
    pen.moveTo(x - 1, y - 4);
    pen.lineTo(x + 4, y);
    pen.lineTo(x - 1, y + 4);
  } else {
    pen.moveTo(x - 2, y - 2);
    pen.lineTo(x + 6, y - 2);
    pen.lineTo(x + 2, y + 3);
  }
  pen.fill();
}

/** Draws the critical path as a line below its bars, which goes from row to row where there is room. */
function drawCriticalPath(firstRow, lastRow) {
  pen.fillStyle = ink["critical-path"];
  let before = null;
  const drawnTo = new Float64Array(lastRow - firstRow + 1).fill(Infinity);
  for (let at = 0; at < criticalProcess.length; at++) {
    const row = lane[criticalProcess[at]];
    if (row < firstRow || row > lastRow || criticalTo[at] < view.from || criticalFrom[at] > view.to) continue;
    const left = Math.max(toX(criticalFrom[at]), -2);
    const right = Math.min(toX(criticalTo[at]), stage.width + 2);
    // Stretches go back in time: this one is covered if the row has a line up to its pixel.
    if (left > drawnTo[row - firstRow] - 0.5) continue;
    drawnTo[row - firstRow] = left;
    const y = toY(row) + stage.bar;
    pen.fillRect(left, y, Math.max(right - left, 0.5), 2);
    if (before && right - left > 3 && Math.abs(before.x - right) < 1 && before.y !== y) {
      pen.fillRect(right - 0.5, Math.min(y, before.y), 1, Math.abs(y - before.y) + 2);
    }
    before = right - left > 3 ? { x: left, y } : null;
  }
}

/** Draws lines from the selected process up to each of its ancestors. */
function drawThread() {
  const { selected } = state;
  if (selected < 0 || lane[selected] < 0) return;
  pen.fillStyle = ink.accent;
  pen.globalAlpha = 0.55;
  for (let index = selected; parent[index] >= 0; index = parent[index]) {
    const x = Math.round(Math.max(toX(start[index]), 0));
    const top = toY(lane[parent[index]]) + stage.bar;
    if (x <= stage.width) pen.fillRect(x, top, 1, toY(lane[index]) - top);
  }
  pen.globalAlpha = 1;
}

function drawFocus(index, isSelected) {
  if (index < 0 || lane[index] < 0) return;
  const y = toY(lane[index]);
  const left = Math.max(toX(start[index]), -4);
  const right = Math.min(Math.max(toX(end[index]), left + 2), stage.width + 4);
  pen.strokeStyle = isSelected ? ink.accent : ink.text;
  pen.lineWidth = isSelected ? 2 : 1;
  outline(left - 1, y - 1, right - left + 2, stage.bar + 2, 4);
  pen.stroke();
}

/** Returns the moments of the ruler: round numbers at least 110 pixels apart. */
function ticksOf(width) {
  const least = ((view.to - view.from) / width) * 110;
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3];
  let unit = 1;
  for (const next of [1e3, 1e6, 1e9]) if (least > next / 2) unit = next;
  if (unit === 1e9) steps.splice(3, 7, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400);
  const step = (steps.find((candidate) => candidate * unit >= least) || Math.ceil(least / unit / 86400) * 86400) * unit;
  const ticks = [];
  for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) ticks.push({ time, x: toX(time) });
  return ticks;
}

function drawRuler(ticks) {
  pen.fillStyle = ink.bg;
  pen.fillRect(0, 0, stage.width, RULER);
  pen.fillStyle = ink.line;
  pen.fillRect(0, RULER - 1, stage.width, 1);
  pen.font = `11px ${ink.sans}`;
  for (const { time, x } of ticks) {
    if (time < 0 || x > stage.width - 40) continue;
    pen.fillStyle = ink.line;
    pen.fillRect(Math.round(x), RULER - 7, 1, 6);
    pen.fillStyle = ink.muted;
    pen.fillText(time === 0 ? "0" : preciseTime(time), Math.round(x) + 5, RULER / 2 + 1);
  }
}

/** Returns a moment with as many digits as the view tells apart. */
function preciseTime(time) {
  const length = view.to - view.from;
  if (time < 60e9) {
    const [unit, name] = time >= 1e9 ? [1e9, "s"] : time >= 1e6 ? [1e6, "ms"] : time >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    const places = Math.max(0, Math.min(9, Math.ceil(Math.log10((unit / length) * 20))));
    return `${Number((time / unit).toFixed(places))} ${name}`;
  }
  const places = length < 20e9 ? Math.max(0, Math.min(6, Math.ceil(Math.log10(20e9 / length)))) : 0;
  const minutes = Math.floor(time / 60e9);
  const seconds = (time / 1e9 - minutes * 60).toFixed(places).padStart(places ? places + 3 : 2, "0");
  return minutes < 60 ? `${minutes}:${seconds}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${seconds}`;
}

function placeScrollbar() {
  const bar = element("scrollbar");
  const room = stage.height - RULER;
  const all = laneCount * stage.row + 16;
  bar.hidden = all <= room;
  if (bar.hidden) return;
  const thumb = element("scroll-thumb");
  thumb.style.height = `${Math.max(24, (room / all) * room)}px`;
  thumb.style.top = `${(view.scroll / Math.max(maximumScroll(), 1)) * (room - Math.max(24, (room / all) * room))}px`;
}

on("view filter critical theme", draw);
on("layout", fitRows);
on("selection", () => {
  if (state.selected >= 0 && lane[state.selected] >= 0) revealRow(state.selected);
  draw();
});
